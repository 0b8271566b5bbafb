"""What a day adds to features: aggregates by day that add up, the same whether days come one by one or at once.

A row is as raw as the log: merges, skus, consent and categories are resolved when days are summed, so none
of them makes a stored day wrong. Every column says how two rows of one key become one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import ibis
import pyarrow as pa

from feature_store.engines.clock import HOUR
from feature_store.engines.engine import Expression

__all__ = ["ACTIVITY", "DAILY", "ORDERS", "RHYTHM", "SILENCE", "VISITS", "Daily"]

SILENCE: Final = HOUR // 2
"""Silence that ends a session without an id, in ms."""
_TEXT, _WHOLE, _REAL = pa.string(), pa.int64(), pa.float64()
_SHOPPER: Final = {"shopper": _TEXT, "named": pa.bool_()}
How = Literal["sum", "min", "max"]


@dataclass(frozen=True)
class Daily:
    """`keys` besides the day and their types, `measures` as (name, type, how they add up).

    `aggregate` makes the measures from facts; `prepare` adds key columns to facts first.
    """

    name: str
    version: int
    keys: Mapping[str, pa.DataType]
    measures: Mapping[str, tuple[pa.DataType, How]]
    aggregate: Callable[[Expression], Mapping[str, Any]]
    prepare: Callable[[Expression], Expression]

    @property
    def schema(self) -> pa.Schema:
        """The day, the keys, the measures."""
        measures = [(name, kind) for name, (kind, _) in self.measures.items()]
        return pa.schema([("day", _WHOLE), *self.keys.items(), *measures])

    def of(self, facts: Expression) -> Expression:
        """One row per day and key."""
        facts = self.prepare(facts)
        return facts.group_by(["day", *self.keys]).aggregate(**self.aggregate(facts))


def _total(values: Any) -> Any:
    return values.sum().fill_null(0.0)


def _as_they_are(facts: Expression) -> Expression:
    return facts


def _acts(facts: Expression) -> Expression:
    """What shoppers did: being shown something is no act of theirs."""
    return facts.filter(facts.type != "impression")


def _money(facts: Expression) -> Expression:
    return facts.filter(facts.type.isin(["purchase", "cancel", "return"]))


def _visits(facts: Expression) -> Expression:
    """`stretch` numbers the events of a day that no half hour of silence parts; one for a session with an id."""
    facts = _acts(facts)
    facts = facts.mutate(session_id=facts.session_id.fill_null(""))
    line = ibis.window(
        group_by=[facts.day, facts.shopper, facts.named, facts.session_id],
        order_by=[facts.timestamp, facts.event_id],
    )
    silent = facts.timestamp - facts.timestamp.lag().over(line)
    opens = ((facts.session_id == "") & (silent > SILENCE)).fill_null(False).cast("int64")
    facts = facts.mutate(opens=opens)
    running = ibis.window(
        group_by=[facts.day, facts.shopper, facts.named, facts.session_id],
        order_by=[facts.timestamp, facts.event_id],
        preceding=None,
        following=0,
    )
    return facts.mutate(stretch=facts.opens.sum().over(running))


ACTIVITY: Final = Daily(
    name="activity",
    version=1,
    keys={**_SHOPPER, "item_id": _TEXT, "sku": _TEXT, "type": _TEXT},
    measures={
        "events": (_WHOLE, "sum"),
        "units": (_REAL, "sum"),
        "amount": (_REAL, "sum"),
        "discount": (_REAL, "sum"),
        "coupons": (_WHOLE, "sum"),
        "first": (_WHOLE, "min"),
        "last": (_WHOLE, "max"),
    },
    aggregate=lambda facts: {
        "events": facts.count(),
        "units": _total(facts.units),
        "amount": _total(facts.amount),
        "discount": _total(facts.discount),
        "coupons": facts.coupon.cast("int64").sum(),
        "first": facts.timestamp.min(),
        "last": facts.timestamp.max(),
    },
    prepare=_as_they_are,
)
ORDERS: Final = Daily(
    name="orders",
    version=1,
    keys={**_SHOPPER, "order_key": _TEXT, "type": _TEXT},
    measures={
        "lines": (_WHOLE, "sum"),
        "units": (_REAL, "sum"),
        "amount": (_REAL, "sum"),
        "discount": (_REAL, "sum"),
        "coupons": (_WHOLE, "sum"),
        "priced_units": (_REAL, "sum"),
        "first": (_WHOLE, "min"),
        "last": (_WHOLE, "max"),
    },
    aggregate=lambda facts: {
        "lines": facts.count(),
        "units": _total(facts.units),
        "amount": _total(facts.amount),
        "discount": _total(facts.discount),
        "coupons": facts.coupon.cast("int64").sum(),
        "priced_units": _total(facts.price.notnull().ifelse(facts.units, 0.0)),
        "first": facts.timestamp.min(),
        "last": facts.timestamp.max(),
    },
    prepare=_money,
)
RHYTHM: Final = Daily(
    name="rhythm",
    version=1,
    keys={**_SHOPPER, "hour": _WHOLE, "weekday": _WHOLE, "channel": _TEXT},
    measures={"events": (_WHOLE, "sum"), "purchases": (_WHOLE, "sum")},
    aggregate=lambda facts: {
        "events": facts.count(),
        "purchases": (facts.type == "purchase").cast("int64").sum(),
    },
    prepare=_acts,
)
VISITS: Final = Daily(
    name="visits",
    version=1,
    keys={**_SHOPPER, "session_id": _TEXT, "stretch": _WHOLE},
    measures={
        "start": (_WHOLE, "min"),
        "end": (_WHOLE, "max"),
        "events": (_WHOLE, "sum"),
        "views": (_WHOLE, "sum"),
        "carts": (_WHOLE, "sum"),
        "purchases": (_WHOLE, "sum"),
    },
    aggregate=lambda facts: {
        "start": facts.timestamp.min(),
        "end": facts.timestamp.max(),
        "events": facts.count(),
        "views": (facts.type == "view").cast("int64").sum(),
        "carts": (facts.type == "cart").cast("int64").sum(),
        "purchases": (facts.type == "purchase").cast("int64").sum(),
    },
    prepare=_visits,
)
DAILY: Final[Mapping[str, Daily]] = {daily.name: daily for daily in (ACTIVITY, ORDERS, RHYTHM, VISITS)}
