"""Views of one item: what it sold, to how many, how well views become purchases, and where it is heading."""

from collections.abc import Mapping
from typing import Final

from feature_store.engines.engine import Expression
from feature_store.views.feature_view import Entity, Feature, FeatureView, Scope
from feature_store.views.sums import WINDOWS, count_in, ratio, sum_in

__all__ = ["ITEM_SALES"]

_COUNTED: Final[Mapping[str, str]] = {
    "view": "浏览次数",
    "cart": "加购次数",
    "purchase": "支付行数",
    "return": "退货行数",
}
_BEFORE: Final = (7, 35)
"""Days of age that the newest week is compared with: the four weeks before it."""


def _sales(scope: Scope) -> Expression:
    rows = scope.daily("activity")
    rows = rows.filter(rows.item_id.notnull())
    week = sum_in(rows, "units", 7, "purchase")
    before = rows.units.sum(where=(rows.type == "purchase") & rows.age.between(_BEFORE[0], _BEFORE[1] - 1))
    sales = rows.group_by("item_id").aggregate(
        **{f"units_{days}d": sum_in(rows, "units", days, "purchase") for days in WINDOWS},
        **{f"revenue_{days}d": sum_in(rows, "amount", days, "purchase") for days in WINDOWS},
        **{f"{kind}s_{days}d": count_in(rows, "events", days, kind) for kind in _COUNTED for days in WINDOWS},
        **{
            f"conversion_{days}d": ratio(
                count_in(rows, "events", days, "purchase"), count_in(rows, "events", days, "view")
            )
            for days in WINDOWS
        },
        return_share=ratio(sum_in(rows, "units", 365, "return"), sum_in(rows, "units", 365, "purchase")),
        trend=ratio(week, before.cast("float64") / 4.0),
        first_sold_at=rows["first"].min(where=rows.type == "purchase"),
        last_sold_at=rows["last"].max(where=rows.type == "purchase"),
    )
    buyers = _buyers(rows)
    sales = sales.left_join(buyers, sales.item_id == buyers.bought_id)
    return sales.mutate(**{f"buyers_{days}d": sales[f"buyers_{days}d"].fill_null(0) for days in WINDOWS})


def _buyers(rows: Expression) -> Expression:
    """Shoppers by window: each counts from their latest purchase on, which saves counting distinct ones."""
    bought = rows.filter(rows.type == "purchase")
    latest = bought.group_by(["item_id", "shopper"]).aggregate(age=bought.age.min())
    return latest.group_by(bought_id=latest.item_id).aggregate(
        **{f"buyers_{days}d": (latest.age < days).cast("int64").sum() for days in WINDOWS}
    )


ITEM_SALES: Final = FeatureView(
    name="item_sales",
    entity=Entity.ITEM,
    en="What an item sold and to how many, views, carts, returns and conversion in windows, and its trend.",
    zh="商品在各时间窗内的销量、销售额、买家数、浏览、加购、退货、转化率及趋势。",
    features=(
        *(
            Feature(f"{name}_{days}d", kind, f"{en}, last {days} days", f"近 {days} 天{zh}")
            for name, kind, en, zh in (
                ("units", "number", "units sold", "销量"),
                ("revenue", "money", "paid for it", "销售额"),
                ("buyers", "count", "shoppers who bought it", "买家数"),
                *((f"{kind}s", "count", f"{kind} events", zh) for kind, zh in _COUNTED.items()),
            )
            for days in WINDOWS
        ),
        *(
            Feature(
                f"conversion_{days}d",
                "number",
                f"purchase events per view event, last {days} days",
                f"近 {days} 天浏览到支付的转化率",
                "no views",
            )
            for days in WINDOWS
        ),
        Feature(
            "return_share",
            "share",
            "units returned per unit sold, last 365 days",
            "近一年退货率",
            "none sold",
        ),
        Feature(
            "trend",
            "number",
            "units of the last 7 days against the mean week of the 28 days before; 1 is steady",
            "近 7 天销量与此前四周周均之比,1 为持平",
            "none sold in those 28 days",
        ),
        Feature("first_sold_at", "time", "first purchase in the window", "窗内首次售出时间", "none sold"),
        Feature("last_sold_at", "time", "last purchase", "最近售出时间", "none sold"),
    ),
    expression=_sales,
    dailies=("activity",),
    window_days=365,
    ttl_days=7,
    owner="merchandising",
    personal=False,
)
