"""Arrow schemas of what is stored. Times are int64 ms since the epoch in UTC; open maps are JSON text.

`EVENT_SCHEMA` is derived from the event table. A history row is a version: it holds from `valid_from` on,
`deleted` says that the thing was gone from then on, `digest` identifies the content.
"""

from typing import Final

import pyarrow as pa

from feature_store.records.events import EVENT_FIELDS
from feature_store.records.fields import Field, Kind

__all__ = ["EVENT_SCHEMA", "HISTORY_FIELDS", "ITEM_SCHEMA", "OFFER_TYPE", "USER_SCHEMA"]

_ARROW: Final = {
    Kind.NUMBER: pa.float64(),
    Kind.INTEGER: pa.int32(),
    Kind.TIME: pa.int64(),
    Kind.FLAG: pa.bool_(),
}


def _column(field: Field) -> pa.Field:
    return pa.field(field.name, _ARROW.get(field.kind, pa.string()))


EVENT_SCHEMA: Final = pa.schema([_column(field) for field in EVENT_FIELDS.values()])

_PROMO = pa.struct([("price", pa.float64()), ("start", pa.int64()), ("end", pa.int64())])
OFFER_TYPE: Final = pa.struct(
    [
        ("sku", pa.string()),
        ("market", pa.string()),
        ("channel", pa.string()),
        ("currency", pa.string()),
        ("list_price", pa.float64()),
        ("price", pa.float64()),
        ("promo", _PROMO),
        ("cost", pa.float64()),
        ("stock", pa.float64()),
        ("available", pa.bool_()),
    ]
)
ITEM_SCHEMA: Final = pa.schema(
    [
        ("item_id", pa.string()),
        ("kind", pa.string()),
        ("titles", pa.map_(pa.string(), pa.string())),
        ("category", pa.string()),
        ("brand", pa.string()),
        ("seller_id", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("attributes", pa.string()),
        ("image_url", pa.string()),
        ("url", pa.string()),
        ("restricted", pa.list_(pa.string())),
        ("created_at", pa.int64()),
        ("updated_at", pa.int64()),
        ("offers", pa.list_(OFFER_TYPE)),
    ]
)
_CONSENT = pa.struct([("personalize", pa.bool_()), ("market", pa.bool_()), ("train", pa.bool_())])
USER_SCHEMA: Final = pa.schema(
    [("user_id", pa.string()), ("attributes", pa.string()), ("consent", _CONSENT), ("updated_at", pa.int64())]
)
HISTORY_FIELDS: Final = (
    pa.field("valid_from", pa.int64()),
    pa.field("deleted", pa.bool_()),
    pa.field("digest", pa.string()),
)
