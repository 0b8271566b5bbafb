"""What the RetailRocket and Taobao tables share: numbered users and items, and `view`, `cart`, `buy` as behaviours."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import FileFormatError
from feature_store.importers.source import bare_item, text
from recsys.types import Item

__all__ = ["behaviour_events", "bought_items"]

_TYPES = {"view": "view", "cart": "cart", "buy": "purchase"}


def behaviour_events(prefix: str, rows: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Columns of events without times from `user`, `item`, `event`; a (user, item, behaviour) occurs once."""
    at = pc.index_in(rows["event"].cast(pa.string()), value_set=pa.array(list(_TYPES)))
    if at.null_count:
        strange = rows.filter(pc.is_null(at))["event"][0].as_py()
        raise FileFormatError(
            f"unknown behaviour {strange!r} in the column event; known are {', '.join(_TYPES)}"
        )
    user, item = text(rows["user"]), text(rows["item"])
    types = pa.array(list(_TYPES.values())).take(at.combine_chunks())
    return {
        "event_id": pc.binary_join_element_wise(prefix, user, item, types, "-"),
        "type": types,
        "user_id": user,
        "item_id": item,
    }


def bought_items(rows: pa.Table) -> list[Item]:
    """A bare item for every number that occurs."""
    return [bare_item(str(number)) for number in np.unique(rows["item"].to_numpy()).tolist()]
