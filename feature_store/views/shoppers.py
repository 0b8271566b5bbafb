"""Views of one shopper: what they did and when, what they are worth, when and where they are active."""

from collections.abc import Mapping
from typing import Any, Final

import ibis

from feature_store.engines.engine import Expression
from feature_store.log.parts import DAY
from feature_store.views.feature_view import Entity, Feature, FeatureView, Scope
from feature_store.views.sums import WINDOWS, count_in, ratio, real, sum_in, top

__all__ = ["USER_ACTIVITY", "USER_RHYTHM", "USER_VALUE"]

_OWNER: Final = "growth"
_COUNTED: Final[Mapping[str, tuple[str, str]]] = {
    "view": ("item pages opened", "商品浏览次数"),
    "click": ("items chosen in lists", "列表点击次数"),
    "search": ("searches", "搜索次数"),
    "favorite": ("items put on the wish list", "收藏次数"),
    "cart": ("items put in the cart", "加购次数"),
    "purchase": ("lines paid for", "支付商品行数"),
    "return": ("lines sent back", "退货行数"),
}
_YEAR: Final = 365


def _plural(kind: str) -> str:
    return "searches" if kind == "search" else f"{kind}s"


def _activity(scope: Scope) -> Expression:
    rows = scope.named(scope.daily("activity"))
    rows = rows.filter(rows.type != "impression")
    columns: dict[str, Any] = {
        f"{_plural(kind)}_{days}d": count_in(rows, "events", days, kind)
        for kind in _COUNTED
        for days in WINDOWS
    }
    return rows.group_by("user_id").aggregate(
        **columns,
        events=count_in(rows, "events"),
        active_days=rows.day.nunique(),
        first_at=rows["first"].min(),
        last_at=rows["last"].max(),
        **{f"last_{kind}_at": rows["last"].max(where=rows.type == kind) for kind in _COUNTED},
    )


USER_ACTIVITY: Final = FeatureView(
    name="user_activity",
    entity=Entity.USER,
    en="What a shopper did, counted by type of event in windows of days, with first and last times.",
    zh="用户在各时间窗内按事件类型的行为次数,以及首次与最近时间。",
    features=(
        *(
            Feature(f"{_plural(kind)}_{days}d", "count", f"{en}, last {days} days", f"近 {days} 天{zh}")
            for kind, (en, zh) in _COUNTED.items()
            for days in WINDOWS
        ),
        Feature("events", "count", "events of all types but impressions", "全部行为次数(不含曝光)"),
        Feature("active_days", "count", "days with an event", "活跃天数"),
        Feature("first_at", "time", "first event", "首次行为时间"),
        Feature("last_at", "time", "last event", "最近行为时间"),
        *(
            Feature(
                f"last_{kind}_at", "time", f"last {kind}", f"最近一次{zh.removesuffix('次数')}时间", "none"
            )
            for kind, (_, zh) in _COUNTED.items()
        ),
    ),
    expression=_activity,
    dailies=("activity",),
    window_days=None,
    ttl_days=30,
    owner=_OWNER,
)


def _value(scope: Scope) -> Expression:
    money = scope.named(scope.daily("orders"))
    bought = money.filter(money.type == "purchase")
    orders = bought.group_by(["user_id", "order_key"]).aggregate(
        age=bought.age.min(),
        units=bought.units.sum(),
        priced_units=bought.priced_units.sum(),
        amount=bought.amount.sum(),
        discount=bought.discount.sum(),
        coupons=bought.coupons.sum(),
        first=bought["first"].min(),
        last=bought["last"].max(),
    )
    worth = _worth(orders, scope.until)
    return _beside(_beside(worth, _gaps(bought)), _backs(money)).mutate(
        net_revenue_365d=lambda row: row.revenue_365d - row.returned_365d.fill_null(0.0),
        return_share=lambda row: ratio(row.returned_units.fill_null(0.0), row.units_365d),
    )


def _worth(orders: Expression, until: int) -> Expression:
    year = orders.age < _YEAR
    count = year.cast("int64").sum()
    amount, discount = sum_in(orders, "amount", _YEAR), sum_in(orders, "discount", _YEAR)
    last = orders["last"].max()
    return orders.group_by("user_id").aggregate(
        **{f"orders_{days}d": (orders.age < days).cast("int64").sum() for days in WINDOWS},
        **{f"revenue_{days}d": sum_in(orders, "amount", days) for days in WINDOWS},
        units_365d=sum_in(orders, "units", _YEAR),
        first_purchase_at=orders["first"].min(),
        last_purchase_at=last,
        recency_days=real(until - last) / real(ibis.literal(DAY)),
        basket_value=ratio(amount, count),
        basket_units=ratio(sum_in(orders, "units", _YEAR), count),
        item_price=ratio(amount, sum_in(orders, "priced_units", _YEAR)),
        discount_share=ratio(discount, amount + discount),
        coupon_share=ratio(((orders.coupons > 0) & year).cast("int64").sum(), count),
    )


def _gaps(bought: Expression) -> Expression:
    """Days between successive days with a purchase."""
    days = bought.select("user_id", "day").distinct()
    line = ibis.window(group_by=days.user_id, order_by=days.day)
    days = days.mutate(gap=real(days.day - days.day.lag().over(line)))
    return days.group_by("user_id").aggregate(
        purchase_days=days.count(), cycle_days=days.gap.mean(), cycle_spread_days=days.gap.std(how="sample")
    )


def _backs(money: Expression) -> Expression:
    back = money.filter(money.type.isin(["return", "cancel"]))
    return back.group_by("user_id").aggregate(
        returned_365d=sum_in(back, "amount", _YEAR), returned_units=sum_in(back, "units", _YEAR)
    )


def _beside(left: Expression, right: Expression) -> Expression:
    """Columns of both for every row on the left."""
    right = right.rename(other_id="user_id")
    return left.left_join(right, left.user_id == right.other_id).drop("other_id")


USER_VALUE: Final = FeatureView(
    name="user_value",
    entity=Entity.USER,
    en="Recency, frequency and monetary value, baskets, discounts and the purchase cycle. Buyers only.",
    zh="购买的近度、频度与额度(RFM)、客单与件单价、折扣与用券占比、购买周期。仅含有过支付的用户。",
    features=(
        *(
            Feature(f"orders_{days}d", "count", f"orders paid, last {days} days", f"近 {days} 天支付订单数")
            for days in WINDOWS
        ),
        *(
            Feature(f"revenue_{days}d", "money", f"paid, last {days} days", f"近 {days} 天支付金额")
            for days in WINDOWS
        ),
        Feature(
            "net_revenue_365d", "money", "paid less returned and cancelled, last 365 days", "近一年净支付金额"
        ),
        Feature("units_365d", "number", "units bought, last 365 days", "近一年购买件数"),
        Feature("first_purchase_at", "time", "first purchase", "首次购买时间"),
        Feature("last_purchase_at", "time", "last purchase", "最近购买时间"),
        Feature("recency_days", "days", "from the last purchase to the cut", "距最近购买的天数"),
        Feature("basket_value", "money", "paid per order, last 365 days", "近一年客单价", "no order in it"),
        Feature(
            "basket_units", "number", "units per order, last 365 days", "近一年连带件数", "no order in it"
        ),
        Feature(
            "item_price",
            "money",
            "paid per unit with a price, last 365 days",
            "近一年件单价",
            "no price known",
        ),
        Feature(
            "discount_share",
            "share",
            "discount in the price before discount",
            "折扣占原价比例",
            "nothing paid",
        ),
        Feature(
            "coupon_share", "share", "orders with a coupon among orders", "用券订单占比", "no order in it"
        ),
        Feature(
            "return_share",
            "share",
            "units returned or cancelled per unit bought",
            "退货与取消件数比",
            "no units",
        ),
        Feature("purchase_days", "count", "days with a purchase", "有购买的天数"),
        Feature(
            "cycle_days",
            "days",
            "mean days between days with a purchase",
            "平均购买间隔天数",
            "under two days",
        ),
        Feature(
            "cycle_spread_days", "days", "sample deviation of it", "购买间隔的标准差", "under three days"
        ),
    ),
    expression=_value,
    dailies=("orders",),
    window_days=None,
    ttl_days=30,
    owner=_OWNER,
)


def _rhythm(scope: Scope) -> Expression:
    rows = scope.named(scope.daily("rhythm"))
    night, weekend = (rows.hour >= 22) | (rows.hour < 6), rows.weekday >= 5
    result = rows.group_by("user_id").aggregate(
        events=count_in(rows, "events"),
        weekend_share=ratio(rows.events.sum(where=weekend).fill_null(0), rows.events.sum()),
        night_share=ratio(rows.events.sum(where=night).fill_null(0), rows.events.sum()),
    )
    for name, known in (("hour", rows), ("weekday", rows), ("channel", rows.filter(rows.channel.notnull()))):
        result = _beside(result, _strongest(known, name))
    return result.mutate(
        **{f"top_{name}_share": ratio(result[f"{name}_events"], result.events) for name in _RHYTHMS}
    )


_RHYTHMS: Final = ("hour", "weekday", "channel")


def _strongest(rows: Expression, name: str) -> Expression:
    counted = rows.group_by(["user_id", name]).aggregate(score=rows.events.sum())
    best = top(counted, ["user_id"], "score", name)
    return best.select("user_id", **{f"top_{name}": best[name], f"{name}_events": best.score})


USER_RHYTHM: Final = FeatureView(
    name="user_rhythm",
    entity=Entity.USER,
    en="When and through which channel a shopper is active, in the shop's time zone, over 365 days.",
    zh="用户近一年的活跃时段、星期与渠道(按店铺时区)。",
    features=(
        Feature("events", "count", "events, all types but impressions", "行为次数(不含曝光)"),
        Feature("top_hour", "count", "hour of most events, 0-23", "最活跃的小时(0-23)"),
        Feature("top_hour_share", "share", "events in that hour", "该小时占比"),
        Feature("top_weekday", "count", "weekday of most events, Monday 0", "最活跃的星期(周一为 0)"),
        Feature("top_weekday_share", "share", "events on that weekday", "该星期占比"),
        Feature("top_channel", "text", "channel of most events", "最活跃的渠道", "no event names one"),
        Feature(
            "top_channel_share", "share", "events through it among all", "该渠道占比", "no event names one"
        ),
        Feature("weekend_share", "share", "events on Saturday and Sunday", "周末行为占比"),
        Feature("night_share", "share", "events from 22 to 6 o'clock", "夜间(22-6 点)行为占比"),
    ),
    expression=_rhythm,
    dailies=("rhythm",),
    window_days=_YEAR,
    ttl_days=30,
    owner=_OWNER,
)
