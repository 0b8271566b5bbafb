"""Views of visits: sessions by id, or parted by half an hour of silence, and what a shopper's are like.

A stretch of a day is whole unless midnight cuts it; stretches less than half an hour apart are joined again, so
sessions are the same whether days come one by one or at once.
"""

from typing import Final

import ibis

from feature_store.engines.engine import Expression
from feature_store.views.daily import SILENCE
from feature_store.views.feature_view import Entity, Feature, FeatureView, Scope
from feature_store.views.sums import WINDOWS, ratio

__all__ = ["SESSION", "USER_SESSIONS"]


def _sessions(scope: Scope) -> Expression:
    rows = scope.daily("visits").drop("stretch", "day")
    line = ibis.window(
        group_by=[rows.shopper, rows.session_id],
        order_by=[rows.start, rows.end, rows.named],
        preceding=None,
        following=0,
    )
    # Stretches of merged ids may overlap: what counts is how far any earlier one reached.
    rows = rows.mutate(reach=rows.end.max().over(line))
    before = ibis.window(
        group_by=[rows.shopper, rows.session_id], order_by=[rows.start, rows.end, rows.named]
    )
    gap = rows.start - rows.reach.lag().over(before)
    rows = rows.mutate(opens=((rows.session_id == "") & (gap > SILENCE)).fill_null(False).cast("int64"))
    running = ibis.window(
        group_by=[rows.shopper, rows.session_id],
        order_by=[rows.start, rows.end, rows.named],
        preceding=None,
        following=0,
    )
    rows = rows.mutate(number=rows.opens.sum().over(running))
    found = rows.group_by(["shopper", "session_id", "number"]).aggregate(
        user_id=rows.user_id.max(),
        age=rows.age.min(),
        session_start=rows.start.min(),
        session_end=rows.end.max(),
        events=rows.events.sum(),
        views=rows.views.sum(),
        carts=rows.carts.sum(),
        purchases=rows.purchases.sum(),
    )
    return found.mutate(length_ms=found.session_end - found.session_start)


SESSION: Final = FeatureView(
    name="session",
    entity=Entity.SESSION,
    en="One row per visit of the last 90 days: how long and how deep. `session_id` is empty where none was sent.",
    zh="近 90 天的每次会话:时长与深度。未上报 session_id 时为空,按 30 分钟静默切分。",
    features=(
        Feature("user_id", "text", "the shopper", "用户", "nobody known"),
        Feature("session_end", "time", "last event", "结束时间"),
        Feature("length_ms", "duration", "from the first event to the last", "时长(毫秒)"),
        Feature("events", "count", "depth: events but impressions", "深度:行为次数"),
        Feature("views", "count", "item pages opened", "浏览商品次数"),
        Feature("carts", "count", "items put in the cart", "加购次数"),
        Feature("purchases", "count", "lines paid for", "支付行数"),
    ),
    expression=_sessions,
    dailies=("visits",),
    window_days=90,
    ttl_days=7,
    owner="growth",
)


def _habits(scope: Scope) -> Expression:
    rows = scope.named(_sessions(scope))
    count = rows.count()
    return rows.group_by("user_id").aggregate(
        **{f"sessions_{days}d": (rows.age < days).cast("int64").sum() for days in WINDOWS},
        mean_length_ms=ratio(rows.length_ms.sum(), count),
        mean_events=ratio(rows.events.sum(), count),
        mean_views=ratio(rows.views.sum(), count),
        bounce_share=ratio((rows.events == 1).cast("int64").sum(), count),
        buying_share=ratio((rows.purchases > 0).cast("int64").sum(), count),
        last_session_at=rows.session_start.max(),
    )


USER_SESSIONS: Final = FeatureView(
    name="user_sessions",
    entity=Entity.USER,
    en="How often a shopper comes, for how long and how deep, over 365 days.",
    zh="用户近一年的会话频次、平均时长与深度。",
    features=(
        *(
            Feature(
                f"sessions_{days}d",
                "count",
                f"visits that ended in the last {days} days",
                f"近 {days} 天会话数",
            )
            for days in WINDOWS
        ),
        Feature("mean_length_ms", "number", "mean length of a visit, in ms", "平均会话时长(毫秒)"),
        Feature("mean_events", "number", "mean events of a visit", "平均会话深度"),
        Feature("mean_views", "number", "mean item pages of a visit", "平均会话浏览商品次数"),
        Feature("bounce_share", "share", "visits of one event", "跳出会话占比"),
        Feature("buying_share", "share", "visits with a purchase", "有支付的会话占比"),
        Feature("last_session_at", "time", "start of the last visit", "最近会话开始时间"),
    ),
    expression=_habits,
    dailies=("visits",),
    window_days=365,
    ttl_days=30,
    owner="growth",
)
