"""From what is asked and what is known of the shopper to the pipeline's query."""

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from feature_store.online.contract import HistoryEntry
from recsys.history import EMPTY_HISTORY, History
from recsys.query import SLOTS, Query
from recsys.vocabulary import UNKNOWN, Vocabulary
from serving.lists.hydrators import Shopper
from serving.lists.listings import Ask, parsed

__all__ = ["known_codes", "make_history", "make_query"]

_NO_CODES: Final[npt.NDArray[np.int32]] = np.empty(0, np.int32)


def make_query(
    ask: Ask,
    shopper: Shopper,
    vocabulary: Vocabulary,
    as_of: int,
    history_length: int,
    *,
    log_features: bool = False,
) -> Query:
    """The query of one list at `as_of` (ms); a place the library has no rule for is as good as any.

    Raises:
        ExpressionError: a filter does not parse.
    """
    why_not = vocabulary.code(ask.why_not) if ask.why_not is not None else UNKNOWN
    return Query(
        history=make_history(ask, shopper, vocabulary, as_of, history_length),
        attributes=shopper.attributes,
        related=known_codes(ask.item_ids, vocabulary) if ask.item_ids else None,
        num=ask.num,
        slot=next((slot for slot in SLOTS if slot == ask.slot), "any"),
        as_of=as_of,
        # Events that come along are this visit's; stored ones may be of a visit long over.
        asked_at=0 if ask.events else as_of,
        filter=parsed(ask.filter) if ask.filter is not None else None,
        exclude=known_codes(ask.exclude_ids, vocabulary),
        boosts=tuple((parsed(text), factor) for text, factor in ask.boosts),
        diversity=ask.diversity,
        personalization=shopper.personalization,
        explain=ask.explain,
        why_not=why_not if why_not != UNKNOWN else None,
        log_features=log_features,
    )


def make_history(ask: Ask, shopper: Shopper, vocabulary: Vocabulary, as_of: int, limit: int) -> History:
    """Stored events and the request's own, newest `limit`; empty when nothing may be personalised.

    Events of a clock that runs ahead happened now: a shopper's last click counts at once.
    """
    if shopper.personalization == "none":
        return EMPTY_HISTORY
    events: Sequence[HistoryEntry] = shopper.history
    if ask.events:
        events = [*events, *ask.events]
    # Stored events ascend in time, so that the last one tells of all.
    if ask.events or (events and events[-1][2] > as_of):
        events = [(item_id, kind, min(timestamp, as_of)) for item_id, kind, timestamp in events]
    return History.of(events, vocabulary, as_of, limit)


def known_codes(item_ids: Collection[str], vocabulary: Vocabulary) -> npt.NDArray[np.int32]:
    """Codes of the ids that the release knows, each once, in order."""
    if not item_ids:
        return _NO_CODES
    codes = vocabulary.encode(list(dict.fromkeys(item_ids)))
    known: npt.NDArray[np.int32] = codes[codes != UNKNOWN]
    return known
