"""From the pipeline's answer in codes to a list in words: ids, offers, reasons in the shopper's language."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache
from hashlib import blake2b
from itertools import repeat

from recsys.catalogue import Catalogue
from recsys.query import Answer, Query
from recsys.vocabulary import UNKNOWN
from serving.lists.faces import Faces, key_of
from serving.lists.item_view import ItemView
from serving.lists.listings import Ask, Because, Placed, SourceTrace
from serving.lists.texts import reason_text

__all__ = ["digest_of", "place", "sources_of", "view_of", "why_not_words"]


def view_of(ask: Ask, at: int) -> ItemView:
    """How this caller sees items."""
    return ItemView(
        at=at,
        language=ask.language,
        market=ask.of_context("market"),
        channel=ask.of_context("channel"),
        fields=ask.fields,
    )


def place(answer: Answer, faces: Faces, view: ItemView, first: int = 1) -> tuple[Placed, ...]:
    """The items of an answer, positions counted from `first`."""
    key, language = key_of(view), view.language
    shown = [face.shown(view, key) for face in faces.all_of(answer.items.tolist())]
    pointing = [reason.source_item for reason in answer.reasons if reason.source_item != UNKNOWN]
    sources = iter(faces.all_of(pointing))
    because = [
        _plainly(reason.code, language)
        if reason.source_item == UNKNOWN
        else next(sources).because(reason.code, language)
        for reason in answer.reasons
    ]
    told: Iterable[dict[str, object] | None] = (
        map(asdict, answer.traces) if answer.traces else repeat(None, len(shown))
    )
    positions = range(first, first + len(shown))
    rows = zip(shown, answer.scores.tolist(), positions, because, told, strict=True)
    return tuple(map(Placed._make, rows))


@lru_cache(maxsize=1024)
def _plainly(code: str, language: str | None) -> Because:
    """A reason that points to no item."""
    return Because(code, reason_text(code, language))


def sources_of(answer: Answer) -> Mapping[str, SourceTrace]:
    """What each source did."""
    told = {}
    for name, proposed in answer.proposed.items():
        searched = answer.searched.get(name)
        told[name] = (
            SourceTrace(proposed)
            if searched is None
            else SourceTrace(proposed, searched.search, searched.share)
        )
    return told


def why_not_words(ask: Ask, answer: Answer, catalogue: Catalogue) -> Mapping[str, object] | None:
    """Where the item asked about left the way, beside how many items left where; None when none was asked about."""
    if ask.why_not is None:
        return None
    if catalogue.vocabulary.code(ask.why_not) == UNKNOWN:
        left: Mapping[str, object] = {"stage": "unknown_item", "rank": None, "score": None}
    else:
        left = {} if answer.why_not is None else asdict(answer.why_not)
    return {"item_id": ask.why_not, **left, "counts": dict(answer.counts)}


def digest_of(query: Query) -> str:
    """16 hex digits over what was known about the shopper: the same state gives the same digest."""
    digest = blake2b(digest_size=8)
    for column in (query.history.items, query.history.types, query.history.times):
        digest.update(column.tobytes())
    digest.update(repr(sorted(query.attributes.items())).encode())
    return digest.hexdigest()
