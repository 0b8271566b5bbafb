"""From the pipeline's answer in codes to a list in words: ids, offers, reasons in the shopper's language."""

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import blake2b

from recsys.catalogue import Catalogue
from recsys.query import Answer, Query, Reason, Trace
from recsys.types import Item
from recsys.vocabulary import UNKNOWN
from serving.lists.item_view import ItemView, title_in
from serving.lists.listings import Ask, Placed
from serving.lists.texts import reason_text

__all__ = ["digest_of", "place", "view_of", "why_not_words"]


def view_of(ask: Ask, at: int) -> ItemView:
    """How this caller sees items."""
    return ItemView(
        at=at,
        language=ask.language,
        market=ask.of_context("market"),
        channel=ask.of_context("channel"),
        fields=ask.fields,
    )


def place(answer: Answer, catalogue: Catalogue, view: ItemView, first: int = 1) -> tuple[Placed, ...]:
    """The items of an answer, positions counted from `first`."""
    traces = answer.traces or (None,) * len(answer.items)
    rows = zip(answer.items.tolist(), answer.scores.tolist(), answer.reasons, traces, strict=True)
    return tuple(_placed(catalogue, view, row, position) for position, row in enumerate(rows, start=first))


def _placed(
    catalogue: Catalogue,
    view: ItemView,
    row: tuple[int, float, Reason, Trace | None],
    position: int,
) -> Placed:
    code, score, reason, trace = row
    item = catalogue.item(code) or Item(item_id=catalogue.vocabulary[code])
    offer = view.offer(item)
    points = reason.source_item != UNKNOWN
    source = catalogue.item(reason.source_item) if points else None
    return Placed(
        item_id=item.item_id,
        sku=None if offer is None else offer.sku,
        score=score,
        position=position,
        reason_code=reason.code,
        reason_text=_sentence(reason, source, view),
        source_item_id=catalogue.vocabulary[reason.source_item] if points else None,
        attributes=view.attributes(item, offer),
        trace=None if trace is None else asdict(trace),
    )


def _sentence(reason: Reason, source: Item | None, view: ItemView) -> str:
    title = None if source is None else title_in(source.titles, view.language)
    return reason_text(reason.code, view.language, title)


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
