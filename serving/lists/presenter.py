"""From the pipeline's answer in codes to a list in words: ids, offers, reasons in the shopper's language."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from hashlib import blake2b

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
    traces = answer.traces or (None,) * len(answer.items)
    rows = zip(answer.items.tolist(), answer.scores.tolist(), answer.reasons, traces, strict=True)
    key, language = key_of(view), view.language
    placed = []
    for position, (code, score, reason, trace) in enumerate(rows, start=first):
        face = faces.of(code)
        source = reason.source_item
        if source == UNKNOWN:
            because = _plainly(reason.code, language)
        else:
            because = faces.of(source).because(reason.code, language)
        told = None if trace is None else asdict(trace)
        placed.append(Placed(face.shown(view, key), score, position, because, told))
    return tuple(placed)


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
