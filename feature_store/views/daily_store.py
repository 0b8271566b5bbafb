"""Daily aggregates kept on disk: only days that are new, changed or had been cut short are computed again.

`features/daily/<name>/<day>.parquet` per day that has rows, and `days.json`, which says what each day was made
of: the event files of that day (name, size, time of writing), where days begin, the definition's version, the zone.
A day from which events were left out (they arrived after that cut) is never taken for done. Sums of stored
days equal sums over the log: a test builds both ways.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from feature_store.engines.engine import Expression
from feature_store.engines.tables import Tables
from feature_store.log.parts import DAY
from feature_store.views.daily import DAILY, Daily

__all__ = ["DailyStore", "Refreshed"]

_ROWS_AT_ONCE = 2_000_000
"""Events of the days that are aggregated in one go: bounds the memory of a first build."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many days a refresh computed, of how many."""

    computed: int
    days: int


class DailyStore:
    """The stored days under `home/features/daily`, as `tables` sees the log."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._root = tables.home / "features" / "daily"

    def refresh(self, name: str, *, full: bool = False) -> Refreshed:
        """Bring one aggregate up to the cut, which must not lie before that of the last refresh.

        `full` computes every day again.
        """
        definition, tables = DAILY[name], self._tables
        wanted = self._fingerprints(definition)
        known = {} if full else self._read(name).get("days", {})
        stale = [day for day, mark in wanted.items() if known.get(str(day)) != mark]
        cut_short = self._cut_short(stale)
        folder = self._root / name
        folder.mkdir(parents=True, exist_ok=True)
        for days in self._batches(stale):
            self._compute(definition, folder, days)
        marks = {str(day): "" if day in cut_short else mark for day, mark in wanted.items()}
        for path in folder.glob("*.parquet"):
            if path.stem not in marks:
                path.unlink()
        _write(folder / "days.json", orjson.dumps({"until": tables.until, "days": marks}))
        return Refreshed(len(stale), len(wanted))

    def reaches(self, name: str) -> int:
        """The cut of the last refresh, 0 before the first: an earlier cut must not be made of its days."""
        return int(self._read(name).get("until", 0))

    def rows(self, name: str, window_days: int | None = None) -> Expression:
        """The stored rows of the last `window_days` (None: all) as a table of the engine."""
        newest = self._newest()
        files = sorted((self._root / name).glob("*.parquet"), key=_day)
        if window_days is not None:
            files = [path for path in files if _day(path) > newest - window_days]
        return self._tables.engine.parquet(files, DAILY[name].schema)

    def _newest(self) -> int:
        return (self._tables.until - self._tables.offset) // DAY - 1

    def _read(self, name: str) -> Mapping[str, Any]:
        path = self._root / name / "days.json"
        known: Mapping[str, Any] = orjson.loads(path.read_bytes()) if path.exists() else {}
        return known

    def _fingerprints(self, definition: Daily) -> dict[int, str]:
        """What each day before the cut is made of."""
        offset, newest = self._tables.offset, self._newest()
        stored = self._tables.log.days()
        days = sorted({day - back for day in stored for back in ((0, 1) if offset else (0,))})
        head = f"{definition.name}/{definition.version}/{offset}/{self._tables.zone.key}"
        parts = {day: _facts_of(self._tables.log.files(day * DAY, (day + 1) * DAY)) for day in stored}
        marks = {}
        for day in days:
            made_of = [parts.get(day, ""), parts.get(day + 1, "") if offset else ""]
            if day <= newest:
                marks[day] = hashlib.sha256("\n".join([head, *made_of]).encode()).hexdigest()[:16]
        return marks

    def _cut_short(self, days: Sequence[int]) -> set[int]:
        """Days with events that had happened but were not known at the cut."""
        if not days:
            return set()
        tables = self._tables
        facts = tables.facts(*self._span(days), late=True)
        late = facts.filter(facts.known_at >= tables.until).select("day").distinct()
        found = tables.engine.collect(late, pa.schema([("day", pa.int64())]), ["day"])
        return set(found["day"].to_pylist())

    def _span(self, days: Sequence[int]) -> tuple[int, int]:
        offset = self._tables.offset
        return days[0] * DAY + offset, (days[-1] + 1) * DAY + offset

    def _batches(self, days: Sequence[int]) -> Iterator[list[int]]:
        """Days in a row, in batches of about `_ROWS_AT_ONCE` events."""
        batch: list[int] = []
        events = 0
        for day in days:
            files = self._tables.log.files(*self._span([day]))
            count = sum(pq.read_metadata(path).num_rows for path in files)
            gap = bool(batch) and day - batch[-1] > 1
            if batch and (gap or events + count > _ROWS_AT_ONCE):
                yield batch
                batch, events = [], 0
            batch.append(day)
            events += count
        if batch:
            yield batch

    def _compute(self, definition: Daily, folder: Path, days: Sequence[int]) -> None:
        rows = definition.of(self._tables.facts(*self._span(days)))
        table = self._tables.engine.collect(rows, definition.schema, ["day", *definition.keys])
        numbers = table["day"].to_numpy()
        bounds = np.flatnonzero(np.diff(numbers, prepend=-1, append=-1))
        written = set()
        for start, stop in pairwise(bounds.tolist()):
            day = int(numbers[start])
            written.add(day)
            _write_table(folder / f"{day}.parquet", table.slice(start, stop - start))
        for day in set(days) - written:
            (folder / f"{day}.parquet").unlink(missing_ok=True)


def _day(path: Path) -> int:
    return int(path.stem)


def _facts_of(files: Sequence[Path]) -> str:
    facts = [(path.name, path.stat()) for path in files]
    return " ".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in facts)


def _write_table(path: Path, table: pa.Table) -> None:
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(table, unfinished, compression="zstd")
    unfinished.rename(path)


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(content)
    unfinished.rename(path)
