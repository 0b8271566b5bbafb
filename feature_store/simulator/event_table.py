"""Events of a block as an Arrow table in the columns that `recsys data ingest` takes.

Prices are those of the offers on the session's day. `slot` and `position` stay empty: no list was shown.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.records.schemas import EVENT_SCHEMA
from feature_store.simulator.browsing import Rows
from feature_store.simulator.funnel import STEPS, Happenings
from feature_store.simulator.ids import id_column
from feature_store.simulator.sessions import Sessions
from feature_store.simulator.shop import Shop
from feature_store.simulator.words import SHELVES

__all__ = ["SCHEMA", "event_table"]

Codes = npt.NDArray[np.int64]

_NAMES = (
    "event_id",
    "type",
    "user_id",
    "session_id",
    "item_id",
    "sku",
    "timestamp",
    "order_id",
    "quantity",
    "price",
    "currency",
    "channel",
    "slot",
    "position",
    "query",
)
SCHEMA: Final = pa.schema([EVENT_SCHEMA.field(name) for name in _NAMES])

_TYPES = pa.array([kind.value for kind in STEPS])
_CHANNELS = pa.array(["app", "web", "mini_program"])
_QUERIES = pa.array([name for shelf in SHELVES for name in shelf.name])
_CONSUMABLE = np.array([shelf.consumable for shelf in SHELVES])
_PRICED = np.isin(STEPS, ("cart", "uncart", "order", "purchase", "return"))
_ORDERED = np.isin(STEPS, ("order", "purchase", "return"))
_SEARCH, _RETURN = STEPS.index("search"), STEPS.index("return")


def event_table(shop: Shop, sessions: Sessions, rows: Rows, found: Happenings) -> pa.Table:
    """One row per event, in the order of `found`, in `SCHEMA`."""
    number = sessions.number[found.session]
    listed = found.row >= 0
    item, variant = rows.item[found.row], rows.variant[found.row]
    priced = _PRICED[found.step]
    columns = {
        "event_id": id_column("e", number, found.place),
        "type": _TYPES.take(pa.array(found.step)),
        "user_id": id_column("u", sessions.user[found.session], valid=found.known[found.session]),
        "session_id": _session_ids(number, found.step),
        "item_id": id_column("i", item, valid=listed),
        "sku": id_column("i", item, variant, valid=listed),
        "timestamp": pa.array(found.timestamp),
        "order_id": id_column("o", number, valid=_ORDERED[found.step]),
        "quantity": pa.array(_quantities(shop, sessions, rows)[found.row], mask=~priced),
        "price": pa.array(shop.catalogue.price(item, variant, sessions.day), mask=~priced),
        "currency": pa.array(["CNY"]).take(pa.array(np.zeros(len(number), dtype=np.int64), mask=~priced)),
        "channel": _CHANNELS.take(pa.array(_channels(shop, sessions)[found.session])),
        "slot": pa.nulls(len(number), pa.string()),
        "position": pa.nulls(len(number), pa.int32()),
        "query": _queries(shop, sessions, rows, found),
    }
    return pa.table(columns, schema=SCHEMA)


def _session_ids(number: Codes, step: Codes) -> pa.Array:
    """`s…`, and `r…` for a return, which happens in a later session of its own."""
    ids = id_column("s", number)
    returned = step == _RETURN
    if not returned.any():
        return ids
    return pc.if_else(pa.array(returned), id_column("r", number), ids)


def _channels(shop: Shop, sessions: Sessions) -> Codes:
    return shop.draws.choice("session.channel", (0.55, 0.25, 0.2), sessions.number)


def _quantities(shop: Shop, sessions: Sessions, rows: Rows) -> npt.NDArray[np.float64]:
    """One of most things, one to three of a consumable."""
    several = 1 + shop.draws.choice("row.quantity", (0.6, 0.25, 0.15), rows.keys(sessions))
    return np.where(_CONSUMABLE[shop.catalogue.shelf[rows.item]], several, 1).astype(np.float64)


def _queries(shop: Shop, sessions: Sessions, rows: Rows, found: Happenings) -> pa.Array:
    """A search names the shelf of the item the session looks at first, in English or Chinese."""
    first = np.flatnonzero(rows.place == 0)
    chinese = shop.draws.chance("session.chinese", 0.5, sessions.number)
    query = shop.catalogue.shelf[rows.item[first]] * 2 + chinese
    return _QUERIES.take(pa.array(query[found.session], mask=found.step != _SEARCH))
