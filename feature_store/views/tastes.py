"""Views of a shopper and a thing: categories and brands with a strength that decays, and single items.

Strength is the sum over days of (weight of the event type) × 2^(-age / half-life): exponential decay by the day,
so a day's events add up to one number that later cuts only scale.
"""

from collections.abc import Mapping
from typing import Any, Final

import ibis

from feature_store.engines.engine import Expression
from feature_store.views.feature_view import Entity, Feature, FeatureView, Scope
from feature_store.views.sums import count_in, fading, ratio, sum_in

__all__ = ["HALF_LIFE_DAYS", "STRENGTHS", "USER_BRAND", "USER_CATEGORY", "USER_ITEM"]

HALF_LIFE_DAYS: Final = 30.0
STRENGTHS: Final[Mapping[str, float]] = {
    "view": 1.0,
    "click": 1.0,
    "share": 2.0,
    "favorite": 3.0,
    "cart": 3.0,
    "purchase": 5.0,
    "uncart": -3.0,
    "cancel": -5.0,
    "return": -5.0,
}
"""What an event says of interest; what takes an act back has its weight with a minus."""
_OWNER: Final = "personalization"


def _strength(rows: Expression) -> Any:
    weight: Any = ibis.literal(0.0, type="float64")
    for kind, strength in STRENGTHS.items():
        weight = (rows.type == kind).ifelse(ibis.literal(strength, type="float64"), weight)
    return weight * rows.events.cast("float64") * fading(rows, HALF_LIFE_DAYS)


def _affinity(scope: Scope, thing: str) -> Expression:
    rows = scope.named(scope.daily("activity"))
    rows = rows.filter(rows.type.isin(list(STRENGTHS)))
    items = scope.items()
    items = items.filter(items[thing].notnull()).select(known_id=items.item_id, **{thing: items[thing]})
    rows = rows.join(items, rows.item_id == items.known_id)
    rows = rows.mutate(strength=_strength(rows))
    found = rows.group_by(["user_id", thing]).aggregate(
        strength=rows.strength.sum(),
        events=count_in(rows, "events"),
        purchases=count_in(rows, "events", None, "purchase"),
        amount=sum_in(rows, "amount", None, "purchase"),
        last_at=rows["last"].max(),
    )
    mine = ibis.window(group_by=found.user_id)
    liked = ibis.greatest(found.strength, ibis.literal(0.0, type="float64"))
    order = ibis.window(group_by=found.user_id, order_by=[found.strength.desc(), found[thing].asc()])
    return found.mutate(share=ratio(liked, liked.sum().over(mine)), rank=ibis.row_number().over(order) + 1)


def _affinity_view(entity: Entity, thing: str, zh: str) -> FeatureView:
    return FeatureView(
        name=f"user_{thing}",
        entity=entity,
        en=f"How strongly a shopper leans to each {thing}, fading with a half-life of 30 days.",
        zh=f"用户对各{zh}的偏好强度,半衰期 30 天。",
        features=(
            Feature(
                "strength", "number", "weighted events, fading; below 0 after returns", "加权衰减的偏好强度"
            ),
            Feature(
                "share",
                "share",
                "strength among the shopper's positive ones",
                "占本人偏好的比例",
                "none positive",
            ),
            Feature(
                "rank", "count", f"place among the shopper's, 1 the strongest; ties by {thing}", "本人内名次"
            ),
            Feature("events", "count", "events with a weight", "加权行为次数"),
            Feature("purchases", "count", "lines paid for", "支付商品行数"),
            Feature("amount", "money", "paid", "支付金额"),
            Feature("last_at", "time", "last event with a weight", "最近行为时间"),
        ),
        expression=lambda scope: _affinity(scope, thing),
        dailies=("activity",),
        window_days=365,
        ttl_days=30,
        owner=_OWNER,
    )


USER_CATEGORY: Final = _affinity_view(Entity.USER_CATEGORY, "category", "类目")
USER_BRAND: Final = _affinity_view(Entity.USER_BRAND, "brand", "品牌")
_COUNTED: Final = {"view": "浏览", "click": "点击", "favorite": "收藏", "cart": "加购", "purchase": "支付"}


def _items_of(scope: Scope) -> Expression:
    rows = scope.named(scope.daily("activity"))
    rows = rows.filter(rows.item_id.notnull())
    return rows.group_by(["user_id", "item_id"]).aggregate(
        **{f"{kind}s": count_in(rows, "events", None, kind) for kind in _COUNTED},
        **{f"last_{kind}_at": rows["last"].max(where=rows.type == kind) for kind in _COUNTED},
        impressions=count_in(rows, "events", None, "impression"),
        taken_back=rows.events.sum(where=rows.type.isin(["uncart", "cancel", "return"])).fill_null(0),
        units=sum_in(rows, "units", None, "purchase"),
        amount=sum_in(rows, "amount", None, "purchase"),
        first_at=rows["first"].min(),
        last_at=rows["last"].max(),
    )


USER_ITEM: Final = FeatureView(
    name="user_item",
    entity=Entity.USER_ITEM,
    en="What a shopper did with an item over 365 days: counts and last times by type.",
    zh="用户与单个商品近一年的互动:各类次数与最近时间。",
    features=(
        *(Feature(f"{kind}s", "count", f"{kind} events", f"{zh}次数") for kind, zh in _COUNTED.items()),
        *(
            Feature(f"last_{kind}_at", "time", f"last {kind}", f"最近{zh}时间", "none")
            for kind, zh in _COUNTED.items()
        ),
        Feature("impressions", "count", "times seen in lists", "曝光次数"),
        Feature("taken_back", "count", "uncart, cancel and return events", "移出、取消与退货次数"),
        Feature("units", "number", "units bought", "购买件数"),
        Feature("amount", "money", "paid", "支付金额"),
        Feature("first_at", "time", "first event", "首次时间"),
        Feature("last_at", "time", "last event", "最近时间"),
    ),
    expression=_items_of,
    dailies=("activity",),
    window_days=365,
    ttl_days=30,
    owner=_OWNER,
)
