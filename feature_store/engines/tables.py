"""The tables that features are made of: events, items and users of a shop as they were known at `until`.

What happened at or after `until`, or arrived at or after it, is not there; nor are `test` events, events
without a shopper and `served`. Merges, items and consent are those of `until`. Stored rows are never changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.engines.clock import local_hour, local_weekday, offsets
from feature_store.engines.engine import Engine, Expression
from feature_store.history import item_history, user_history
from feature_store.identity_edges import Edge, resolve
from feature_store.log import EventLog
from feature_store.log.parts import DAY, stream_range
from feature_store.records.schemas import EVENT_SCHEMA

__all__ = ["FACT_SCHEMA", "ITEM_COLUMNS", "Tables"]

_READ: Final = (
    *("event_id", "type", "timestamp", "received_at", "user_id", "session_id", "item_id", "sku"),
    *("order_id", "quantity", "price", "discount", "coupon_id", "channel", "test"),
)
_EVENT_COLUMNS: Final = pa.schema([EVENT_SCHEMA.field(name) for name in _READ])
FACT_SCHEMA: Final = pa.schema(
    [
        ("event_id", pa.string()),
        ("type", pa.string()),
        ("timestamp", pa.int64()),
        ("known_at", pa.int64()),
        ("shopper", pa.string()),
        ("named", pa.bool_()),
        ("session_id", pa.string()),
        ("item_id", pa.string()),
        ("sku", pa.string()),
        ("order_key", pa.string()),
        ("channel", pa.string()),
        ("units", pa.float64()),
        ("price", pa.float64()),
        ("amount", pa.float64()),
        ("discount", pa.float64()),
        ("coupon", pa.bool_()),
        ("day", pa.int64()),
        ("hour", pa.int64()),
        ("weekday", pa.int64()),
    ]
)
"""Facts: events with what features count. `amount` = price × units (a missing quantity counts as one)."""
ITEM_COLUMNS: Final = ("item_id", "kind", "category", "brand", "seller_id", "created_at")
_WORD: Final = pa.string()
_EDGES: Final = pa.schema([("from_id", _WORD), ("into_id", _WORD)])
_REFUSALS: Final = pa.schema([("refusing_id", _WORD)])
_SKUS: Final = pa.schema([("offered_sku", _WORD), ("offering_id", _WORD)])


@dataclass(frozen=True)
class Tables:
    """Expressions over the log and the histories under `home`, as of `until` (ms).

    `edges` are merges of shoppers; with a `purpose` the events of those who refuse it are left out. `zone` is
    the shop's. `shopper` keeps one shopper's events only, all merged ids of theirs.
    """

    engine: Engine
    home: Path
    until: int
    edges: Sequence[Edge] = ()
    purpose: Literal["personalize", "market", "train"] | None = None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    shopper: str | None = None

    @property
    def offset(self) -> int:
        """Where days begin, in ms after midnight UTC: a day of features ends at `until`."""
        return self.until % DAY

    @cached_property
    def log(self) -> EventLog:
        """The event log."""
        return EventLog(self.home / "events")

    def facts(self, since: int | None = None, until: int | None = None, *, late: bool = False) -> Expression:
        """Raw events in FACT_SCHEMA's columns, shoppers and items as stored, within [since, until).

        `late` adds what happened before `until` and was not known then, for reports.
        """
        end = self.until if until is None else min(until, self.until)
        files = self.log.files(since, end)
        # An import knows when its file was read, not when the shop knew: its rows count as known at once.
        streamed = [path for path in files if stream_range(path) is not None]
        imported = [path for path in files if stream_range(path) is None]
        events = self._known(imported, streamed=False)
        if streamed:
            events = events.union(self._known(streamed, streamed=True))
        keep = [~events.test, events.shopper.notnull(), events.type != "served", events.timestamp < end]
        keep += [] if since is None else [events.timestamp >= since]
        keep += [] if late else [events.known_at < self.until]
        if self.shopper is not None:
            keep.append(events.shopper.isin(self._ids_of(self.shopper)))
        return self._measured(events.filter(keep), since, end)

    def resolved(self, table: Expression, *, consenting: bool = True) -> Expression:
        """A table with `shopper, named, item_id, sku`: merges and skus resolved, `user_id` added.

        `user_id` is null for a session that no account is known of; `shopper` then is the session. With
        `consenting` those who refuse the purpose are left out.
        """
        who = self._rows(_EDGES, resolve(self.edges, self.until))
        table = table.left_join(who, table.shopper == who.from_id)
        user = ibis.coalesce(table.into_id, table.named.ifelse(table.shopper, ibis.null("string")))
        table = table.mutate(user_id=user, shopper=ibis.coalesce(table.into_id, table.shopper))
        table = table.drop("from_id", "into_id")
        if "item_id" in table.columns:
            table = self._with_items(table)
        refusing = self.refusals if consenting else ()
        if refusing:
            out = self.engine.rows(pa.table([pa.array(sorted(refusing), _WORD)], schema=_REFUSALS))
            table = table.anti_join(out, table.shopper == out.refusing_id)
        return table

    def events(self, *, consenting: bool = True) -> Expression:
        """Every known event, resolved: FACT_SCHEMA's columns and `user_id`."""
        return self.resolved(self.facts(), consenting=consenting)

    def items(self) -> Expression:
        """One row per item that exists at `until`: ITEM_COLUMNS and the `price` of its first offer."""
        return self.engine.rows(self.catalogue)

    def users(self) -> Expression:
        """One row per user with attributes: `user_id`, `attributes` (JSON text), consent by purpose."""
        return self.engine.rows(self._people.drop_columns(["consent"]))

    @cached_property
    def catalogue(self) -> pa.Table:
        """The rows of `items`."""
        offers = self._offers["offers"].combine_chunks()
        prices = pc.struct_field(pc.list_flatten(offers), "price")
        parents = pc.list_parent_indices(offers)
        first = pc.index_in(
            pa.array(range(self._offers.num_rows), pa.int64()), value_set=parents.cast(pa.int64())
        )
        return self._offers.drop_columns(["offers"]).append_column("price", prices.take(first))

    @cached_property
    def refusals(self) -> frozenset[str]:
        """Ids of shoppers who refuse `purpose` at `until`, and of whom they were merged into."""
        if self.purpose is None:
            return frozenset()
        consent = self._people["consent"].combine_chunks()
        allowed = pc.fill_null(pc.struct_field(consent, self.purpose), True)
        ids = self._people.filter(pc.invert(allowed))["user_id"].to_pylist()
        final = resolve(self.edges, self.until)
        return frozenset(ids) | {final[name] for name in ids if name in final}

    @cached_property
    def _offers(self) -> pa.Table:
        return item_history(self.home).table_at(self.until, [*ITEM_COLUMNS, "offers"])

    @cached_property
    def _people(self) -> pa.Table:
        return user_history(self.home).table_at(self.until, ["user_id", "attributes", "consent"])

    def _known(self, files: Sequence[Path], *, streamed: bool) -> Expression:
        events = self.engine.parquet(files, _EVENT_COLUMNS)
        known = ibis.coalesce(events.received_at, events.timestamp) if streamed else events.timestamp
        return events.mutate(
            known_at=known,
            shopper=ibis.coalesce(events.user_id, events.session_id),
            named=events.user_id.notnull(),
        )

    def _measured(self, events: Expression, since: int | None, end: int) -> Expression:
        days = self.log.days()
        first = since if since is not None else (days[0] * DAY if days else end)
        changes = offsets(self.zone, min(first, end), end)
        units = ibis.coalesce(events.quantity, ibis.literal(1.0, type="float64")).cast("float64")
        order = ibis.coalesce(events.order_id, ibis.literal("@") + events.timestamp.cast("string"))
        return events.mutate(
            units=units,
            amount=events.price * units,
            coupon=events.coupon_id.notnull(),
            order_key=order,
            sku=events.item_id.isnull().ifelse(events.sku, ibis.null("string")),
            day=(events.timestamp - self.offset) // DAY,
            hour=local_hour(events.timestamp, changes),
            weekday=local_weekday(events.timestamp, changes),
        ).select(*FACT_SCHEMA.names)

    def _with_items(self, table: Expression) -> Expression:
        offers = self._offers["offers"].combine_chunks()
        skus = pc.struct_field(pc.list_flatten(offers), "sku").to_pylist()
        ids = self._offers["item_id"].take(pc.list_parent_indices(offers)).to_pylist()
        offered = self._rows(_SKUS, dict(zip(skus, ids, strict=True)))
        table = table.left_join(offered, table.sku == offered.offered_sku)
        table = table.mutate(item_id=ibis.coalesce(table.item_id, table.offering_id))
        return table.drop("offered_sku", "offering_id", "sku")

    def _rows(self, schema: pa.Schema, pairs: Any) -> Expression:
        return self.engine.rows(
            pa.table([pa.array(list(pairs), _WORD), pa.array(list(pairs.values()), _WORD)], schema=schema)
        )

    def _ids_of(self, shopper: str) -> list[str]:
        final = resolve(self.edges, self.until)
        end = final.get(shopper, shopper)
        return sorted({shopper, end, *(name for name, into in final.items() if into == end)})
