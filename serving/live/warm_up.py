"""Makes a freshly mapped release answer a few typical questions before it goes live.

The first touch of every array reads the disk; a shopper should not wait for it. A release that cannot answer these is
refused.
"""

import numpy as np

from recsys.errors import ReleaseCorrupt
from recsys.expressions import parse
from recsys.history import History
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.types import EVENT_CODES, EventType

__all__ = ["warm_up"]

_ITEMS = 5
_FILTER = parse("available and (price < 1000000 or price is null)")


def warm_up(pipeline: Pipeline, at: int) -> None:
    """Ask for a stranger, a shopper, a product page and a filtered list at `at` (ms).

    Raises:
        ReleaseCorrupt: items may be shown, and none was.
    """
    some = np.arange(min(_ITEMS, len(pipeline.vocabulary)), dtype=np.int32)
    view = np.full(len(some), EVENT_CODES[EventType.VIEW], np.int8)
    history = History(some, view, np.full(len(some), at, np.int64))
    stranger = pipeline.recommend(Query(as_of=at))
    pipeline.recommend(Query(as_of=at, history=history, diversity=0.3, explain=True))
    pipeline.recommend(Query(as_of=at, related=some[:1]))
    pipeline.recommend(Query(as_of=at, history=history, filter=_FILTER))
    if not len(stranger.items) and pipeline.catalogue.eligible(at).any():
        raise ReleaseCorrupt("the release has items to show and shows none to a stranger; train it again")
