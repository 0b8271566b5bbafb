"""RetailRocket in the form of the self-supervised-recommendation benchmarks: views, carts and purchases of 2015.

Only the last time of each (user, item, behaviour) is known, so a view may follow its purchase. Times are seconds.
Items are numbers without attributes. `test_buy_holdout.csv` has no times and is not imported.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.importers.behaviours import behaviour_events, bought_items
from feature_store.importers.source import Source, parquet

__all__ = ["retailrocket"]


def retailrocket(folder: Path) -> Source:
    """The data set in `folder`, which holds events.parquet (user, item, event, ts)."""
    rows = parquet(folder, "events.parquet", ("user", "item", "event", "ts"))
    milliseconds = pc.multiply(rows["ts"].cast(pa.int64()), 1000)
    events = pa.table({**behaviour_events("rr", rows), "timestamp": milliseconds})
    note = "only the last time of each view, cart and purchase of an item is known: a view can follow its purchase"
    return Source("retailrocket", lambda: iter([events]), events.num_rows, bought_items(rows), notes=(note,))
