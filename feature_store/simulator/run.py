"""Runs a simulation: the world first, then the sessions day by day, streamed to Parquet in bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import StoreError
from feature_store.records.codec import items_to_table, users_to_table
from feature_store.simulator import truth
from feature_store.simulator.browsing import browse
from feature_store.simulator.calendar import days_of
from feature_store.simulator.config import Simulation
from feature_store.simulator.event_table import SCHEMA, event_table
from feature_store.simulator.funnel import happen
from feature_store.simulator.item_rows import item_rows
from feature_store.simulator.sessions import sessions_on
from feature_store.simulator.shop import Shop, open_shop
from feature_store.simulator.user_rows import user_rows
from feature_store.simulator.writer import TableWriter
from recsys.types import EventType

__all__ = ["BLOCK", "Progress", "Summary", "simulate"]

BLOCK = 16_384
"""Sessions, items or shoppers held at a time; a matter of memory only, the output does not depend on it."""
_PILOT_SESSIONS = 20_000

Progress = Callable[[int, int, int], None]
"""Called after each day with (days done, days in all, events so far)."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written."""

    users: int
    items: int
    sessions: int
    events: int


def simulate(
    config: Simulation, out: Path, *, block: int = BLOCK, progress: Progress | None = None
) -> Summary:
    """Writes `out/events/*.parquet` (a file a day, and the returns), `items.parquet`, `users.parquet`, `truth/`.

    StoreError when `out` exists and is not empty. The same configuration gives the same bytes.
    """
    if out.exists() and any(out.iterdir()):
        raise StoreError(f"{str(out)!r} is not empty; name a new folder with --out, or remove this one first")
    shop = open_shop(config)
    _write(out / "items.parquet", map(items_to_table, item_rows(shop, block)))
    _write(out / "users.parquet", map(users_to_table, user_rows(shop, block)))
    _write_truth(shop, out / "truth", block)
    sessions = _sessions_for(shop, config.events)
    events = 0
    # Returns lie days after their session: apart, every other file holds the events of one day only.
    with TableWriter(out / "events" / "returns.parquet", SCHEMA) as returns:
        for day, date in enumerate(days_of(config)):
            with TableWriter(out / "events" / f"{date:%Y-%m-%d}.parquet", SCHEMA) as writer:
                for part in _events_of(shop, day, sessions, block):
                    back = pc.equal(part.column("type"), EventType.RETURN.value)
                    writer.write(part.filter(pc.invert(back)))
                    returns.write(part.filter(back))
            events += writer.rows
            if progress is not None:
                progress(day + 1, config.days, events + returns.rows)
    return Summary(config.users, config.items, sessions, events + returns.rows)


def _sessions_for(shop: Shop, events: int) -> int:
    """How many sessions bring about so many events, judged by a pilot of fixed size that is thrown away."""
    days = range(shop.config.days)
    pilot = sum(part.num_rows for day in days for part in _events_of(shop, day, _PILOT_SESSIONS, BLOCK))
    return round(events * _PILOT_SESSIONS / pilot) if pilot else 0


def _events_of(shop: Shop, day: int, sessions: int, block: int) -> Iterator[pa.Table]:
    """The events of a day, in parts, when there are so many sessions in all."""
    for group in sessions_on(shop, day, sessions, block):
        rows = browse(shop, group)
        yield event_table(shop, group, rows, happen(shop, group, rows))


def _write(path: Path, parts: Iterable[pa.Table]) -> None:
    """Streams the parts, at least one, into a file."""
    parts = iter(parts)
    first = next(parts)
    with TableWriter(path, first.schema) as writer:
        for part in chain([first], parts):
            writer.write(part)


def _write_truth(shop: Shop, folder: Path, block: int) -> None:
    _write(folder / "preferences.parquet", truth.preferences(shop, block))
    _write(folder / "users.parquet", truth.user_truth(shop, block))
    for name, table in truth.small_tables(shop).items():
        _write(folder / f"{name}.parquet", [table])
    (folder / "README.md").write_text(truth.README, "utf-8")
