"""The sentences that stand beside an item, in English and Chinese; the one file a translator edits.

`{title}` is the title of the item that a reason points to; the short form is for reasons without one.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

__all__ = ["DEFAULT_LANGUAGE", "REASON_TEXTS", "reason_text"]

DEFAULT_LANGUAGE: Final = "en"

# Code → language → (text without a source item, text with one).
REASON_TEXTS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "taste": {
        "en": ("Picked for you", "Picked for you"),
        "zh": ("为您精选", "为您精选"),
    },
    "bought_before": {
        "en": ("You bought this before", "You bought this before"),
        "zh": ("您买过", "您买过"),
    },
    "viewed_before": {
        "en": ("You looked at this before", "You looked at this before"),
        "zh": ("您看过", "您看过"),
    },
    "together": {
        "en": ("Goes with what you chose", "Goes with {title}"),
        "zh": ("与您选的商品很搭", "与“{title}”很搭"),
    },
    "alike": {
        "en": ("Similar to what you chose", "Similar to {title}"),
        "zh": ("与您选的商品相似", "与“{title}”相似"),
    },
    "segment": {
        "en": ("Liked by shoppers like you", "Liked by shoppers like you"),
        "zh": ("与您相似的顾客喜欢", "与您相似的顾客喜欢"),
    },
    "trending": {
        "en": ("Popular right now", "Popular right now"),
        "zh": ("大家都在买", "大家都在买"),
    },
}
_GENERAL: Final = "taste"


def reason_text(code: str, language: str | None, title: str | None = None) -> str:
    """The sentence for a reason; an unknown code or language reads as the general one, never as nothing."""
    plain, pointing = _sentences(code, language)
    return plain if title is None else pointing.format(title=title)


@lru_cache(maxsize=1024)
def _sentences(code: str, language: str | None) -> tuple[str, str]:
    texts = REASON_TEXTS.get(code, REASON_TEXTS[_GENERAL])
    base = (language or DEFAULT_LANGUAGE).replace("_", "-").split("-")[0].lower()
    return texts.get(base, texts[DEFAULT_LANGUAGE])
