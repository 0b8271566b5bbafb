"""The data sets of `RECSYS_DATASETS` as models read them, straight from the importers: no log, no store."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from feature_store.importers.complete_journey import complete_journey
from feature_store.importers.diginetica import diginetica
from feature_store.importers.retailrocket import retailrocket
from feature_store.importers.source import Source
from feature_store.importers.taobao import taobao
from recsys.interactions import Interactions
from recsys.types import Item, User
from training.dataset import EVENT_COLUMNS, interactions_of, with_catalogue

__all__ = ["FOLDERS", "BenchData", "load"]

FOLDERS: Final = {
    "complete-journey": ("dunnhumby_complete_journey", complete_journey),
    "retailrocket": ("retailrocket_sslrec", retailrocket),
    "taobao": ("taobao_multibehavior", taobao),
    "diginetica": ("diginetica_sessions", diginetica),
}


@dataclass(frozen=True)
class BenchData:
    """One data set; `interactions.items` holds the whole catalogue."""

    name: str
    interactions: Interactions
    items: tuple[Item, ...]
    users: tuple[User, ...]


def load(name: str, datasets: Path) -> BenchData:
    """Read the data set called `name` (a key of `FOLDERS`) below the folder `datasets`."""
    folder, importer = FOLDERS[name]
    source = importer(datasets / folder)
    rows = interactions_of(_table(source))
    return BenchData(name, with_catalogue(rows, source.items), tuple(source.items), tuple(source.users))


def _table(source: Source) -> pa.Table:
    """All events with every column a data set reads, nulls where the source has none."""
    parts = [_filled(part) for part in source.events()]
    return pa.concat_tables(parts, promote_options="permissive")


def _filled(part: pa.Table) -> pa.Table:
    kinds = {"timestamp": pa.int64(), "quantity": pa.float64()}
    for name in EVENT_COLUMNS:
        if name not in part.column_names:
            part = part.append_column(name, pa.nulls(len(part), kinds.get(name, pa.string())))
    return part.select(list(EVENT_COLUMNS))
