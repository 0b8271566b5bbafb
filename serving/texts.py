"""The sentences that stand beside an item, in English and Chinese; the one file a translator edits.

`{title}` is the title of the item that a reason points to; the short form is for reasons without one.
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["DEFAULT_LANGUAGE", "REASON_TEXTS", "reason_text"]

DEFAULT_LANGUAGE: Final = "en"

# Code → language → (text without a source item, text with one).
REASON_TEXTS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "for_you": {
        "en": ("Picked for you", "Picked for you because of {title}"),
        "zh": ("为您精选", "因为您对“{title}”感兴趣"),
    },
}


def reason_text(code: str, language: str | None, title: str | None = None) -> str:
    """The sentence for a reason; an unknown code or language reads as the general one, never as nothing."""
    texts = REASON_TEXTS.get(code, REASON_TEXTS["for_you"])
    base = (language or DEFAULT_LANGUAGE).replace("_", "-").split("-")[0].lower()
    plain, pointing = texts.get(base, texts[DEFAULT_LANGUAGE])
    return plain if title is None else pointing.format(title=title)
