"""Taobao multi-behaviour: views, carts and purchases without any time, one row per user, item and behaviour.

Times are made up in the order of the file, a second apart. `test.csv` (leave one out) is not imported.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from feature_store.importers.behaviours import behaviour_events, bought_items
from feature_store.importers.source import Source, parquet
from feature_store.importers.synthetic import MARK, NOTE, start_of

__all__ = ["taobao"]

_CHUNK = 250_000


def taobao(folder: Path) -> Source:
    """The data set in `folder`, which holds train.parquet (user, item, event)."""
    rows = parquet(folder, "train.parquet", ("user", "item", "event"))
    return Source("taobao", lambda: _chunks(rows), rows.num_rows, bought_items(rows), notes=(NOTE,))


def _chunks(rows: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, rows.num_rows, _CHUNK):
        part = rows.slice(start, _CHUNK)
        times = start_of(np.arange(start, start + part.num_rows), step_ms=1000)
        marks = pa.array([MARK] * part.num_rows)
        yield pa.table({**behaviour_events("tb", part), "timestamp": times, "context": marks})
