"""FeatureView: the one definition of a group of features, and the scope in which its expression is evaluated.

A view is a function of `until`: it sees only what had happened and was known before. Tables, training joins,
explanations and the documentation page all come from the same object.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pyarrow as pa

from feature_store.engines.engine import Expression
from feature_store.engines.tables import Tables
from feature_store.log.parts import DAY
from feature_store.views.daily import DAILY

__all__ = ["Entity", "Feature", "FeatureView", "Scope"]

_TYPES: Final[Mapping[str, pa.DataType]] = {
    "count": pa.int64(),
    "time": pa.int64(),
    "duration": pa.int64(),
    "days": pa.float64(),
    "money": pa.float64(),
    "share": pa.float64(),
    "number": pa.float64(),
    "text": pa.string(),
}


class Entity(StrEnum):
    """What a row of a view is about."""

    USER = "user"
    ITEM = "item"
    USER_CATEGORY = "user×category"
    USER_BRAND = "user×brand"
    USER_ITEM = "user×item"
    SESSION = "session"

    @property
    def keys(self) -> tuple[str, ...]:
        """The key columns of a row."""
        return _KEYS[self]


_KEYS: Final[Mapping[Entity, tuple[str, ...]]] = {
    Entity.USER: ("user_id",),
    Entity.ITEM: ("item_id",),
    Entity.USER_CATEGORY: ("user_id", "category"),
    Entity.USER_BRAND: ("user_id", "brand"),
    Entity.USER_ITEM: ("user_id", "item_id"),
    Entity.SESSION: ("shopper", "session_start", "session_id"),
}


@dataclass(frozen=True, slots=True)
class Feature:
    """A column: what it says in English and Chinese; `kind` gives its type and unit, `null` what null means.

    Kinds: count; time (ms since 1970); duration (ms); days; money (the events' currency); share (0-1); number;
    text.
    """

    name: str
    kind: str
    en: str
    zh: str
    null: str = "never"

    @property
    def type(self) -> pa.DataType:
        """The Arrow type."""
        return _TYPES[self.kind]


@dataclass(frozen=True, slots=True)
class FeatureView:
    """A named group of features of one entity.

    `expression` gives the rows in a scope, with the entity's keys and the features as columns. `dailies` names
    the daily aggregates it is made of: what is built incrementally. `window_days` is how far back it looks
    (None: over the whole log), `ttl_days` how long a value may be used after its cut. Features of a
    `personal` view are about shoppers: who refuses the purpose is left out of it.
    """

    name: str
    entity: Entity
    en: str
    zh: str
    features: Sequence[Feature]
    expression: Callable[["Scope"], Expression]
    dailies: tuple[str, ...]
    window_days: int | None
    ttl_days: int
    owner: str
    version: int = 1
    personal: bool = True

    @property
    def keys(self) -> tuple[str, ...]:
        """The key columns, which order the rows."""
        return self.entity.keys

    @property
    def schema(self) -> pa.Schema:
        """Keys, then features."""
        keys = [(name, pa.int64() if name == "session_start" else pa.string()) for name in self.keys]
        return pa.schema([*keys, *((feature.name, feature.type) for feature in self.features)])

    def rows(self, scope: "Scope") -> pa.Table:
        """The table at the scope's `until`."""
        expression = self.expression(scope.of(self))
        return scope.tables.engine.collect(expression, self.schema, self.keys)


@dataclass(frozen=True)
class Scope:
    """What an expression may use: `daily` aggregates of the past, `items`, `users`, and `until` itself.

    `stored` gives the raw rows of a daily aggregate where they are kept; without it they come from the log.
    """

    tables: Tables
    stored: Callable[[str], Expression] | None = None
    window_days: int | None = None
    consenting: bool = True

    @property
    def until(self) -> int:
        """The cut, ms: nothing from then on is seen."""
        return self.tables.until

    def of(self, view: FeatureView) -> "Scope":
        """The scope narrowed to a view's window and consent."""
        consenting = view.personal or self.tables.purpose == "train"
        return Scope(self.tables, self.stored, view.window_days, consenting)

    def daily(self, name: str) -> Expression:
        """A daily aggregate, resolved, with `user_id` and `age`: 0 for the day that ends at `until`."""
        definition, tables = DAILY[name], self.tables
        if self.stored is not None:
            rows = self.stored(name)
        else:
            since = None if self.window_days is None else self.until - self.window_days * DAY
            rows = definition.of(tables.facts(since))
        newest = (self.until - tables.offset) // DAY - 1
        rows = rows.mutate(age=newest - rows.day)
        rows = rows.filter(rows.age >= 0)
        if self.window_days is not None:
            rows = rows.filter(rows.age < self.window_days)
        return tables.resolved(rows, consenting=self.consenting)

    def items(self) -> Expression:
        """The catalogue: see `Tables.items`."""
        return self.tables.items()

    def users(self) -> Expression:
        """Users with attributes: see `Tables.users`."""
        return self.tables.users()

    def named(self, table: Expression) -> Expression:
        """The rows of shoppers with a `user_id`."""
        return table.filter(table.user_id.notnull())
