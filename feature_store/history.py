"""Items and users through time: every change is a version with `valid_from`, kept as Parquet files.

Invariants: files are written whole and never changed, only merged; of two versions with the same `valid_from`
the later written one counts; storing what is already in effect stores nothing, so imports and the worker may
repeat. The first version that an import brings is valid from the beginning (`valid_from` 0).
"""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from feature_store.log.lock import writer_lock
from feature_store.log.parts import write_part
from feature_store.log.reading import patiently, read
from feature_store.records import codec
from feature_store.records.schemas import HISTORY_FIELDS, ITEM_SCHEMA, USER_SCHEMA
from recsys.types import Item, User

__all__ = ["Deletion", "History", "HistoryResult", "item_history", "user_history"]

_T = TypeVar("_T", Item, User)
_MAX_FILES = 64


@dataclass(frozen=True, slots=True)
class Deletion:
    """The thing `id` is gone from `at` (ms) on."""

    id: str
    at: int


@dataclass(frozen=True, slots=True)
class HistoryResult:
    """How many versions were stored, and how many were in effect already."""

    added: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class _Version(Generic[_T]):
    id: str
    valid_from: int
    digest: str
    value: _T | None


@dataclass(frozen=True, slots=True)
class _Shape(Generic[_T]):
    """What differs between items and users."""

    key: str
    schema: pa.Schema
    blank: Callable[[str], _T]
    to_dict: Callable[[_T], dict[str, Any]]
    to_table: Callable[[Sequence[_T]], pa.Table]
    from_table: Callable[[pa.Table], list[_T]]


class History(Generic[_T]):
    """All versions of one kind of thing in the folder `root`."""

    def __init__(self, root: Path, shape: _Shape[_T]) -> None:
        self.root = root
        self._shape: _Shape[_T] = shape
        self._stored = pa.schema([*shape.schema, *HISTORY_FIELDS])

    @property
    def key(self) -> str:
        """The name of the id field."""
        return self._shape.key

    def content(self, value: _T) -> dict[str, Any]:
        """What makes two versions differ: everything but `updated_at`."""
        content = self._shape.to_dict(value)
        content.pop("updated_at", None)
        return content

    def record(self, values: Iterable[_T | Deletion], now: int) -> HistoryResult:
        """Store changes as they happen: valid from `updated_at`, or from `now` (ms) without one."""
        versions = [self._version(value, now) for value in values]
        with writer_lock(self.root):
            return self._store(versions)

    def import_all(self, values: Iterable[_T], now: int) -> HistoryResult:
        """Store what a file says: as `record`, but an item's first version is valid from the beginning."""
        versions = [self._version(value, now) for value in values]
        # Of two rows for one id and time the last counts; storing both would store them again each time.
        last = {(version.id, version.valid_from): version for version in versions}
        with writer_lock(self.root):
            known = set(self._versions([version.id for version in versions]))
            stored = self._store(_from_the_beginning(list(last.values()), known))
        return HistoryResult(stored.added, len(versions) - stored.added)

    def at(self, as_of: int | None = None) -> list[_T]:
        """Everything that exists at `as_of` (ms; None: the newest versions), in order of first appearance."""
        table = self._table([*self._shape.schema.names, "valid_from", "deleted"])
        return self._shape.from_table(table.take(_in_effect(table, self._shape.key, as_of)))

    def table_at(self, as_of: int | None, columns: Sequence[str]) -> pa.Table:
        """Some columns of what exists at `as_of` (ms; None: now), as `at` has it, without making objects."""
        wanted = list(dict.fromkeys([*columns, self._shape.key, "valid_from", "deleted"]))
        table = self._table(wanted)
        return table.take(_in_effect(table, self._shape.key, as_of)).select(list(columns))

    def versions(self, columns: Sequence[str]) -> pa.Table:
        """All stored versions, some columns of them, for reports over the whole history."""
        return self._table(columns)

    def digest(self) -> str:
        """16 hex digits that change when any version is added."""
        table = self._table([self._shape.key, "valid_from", "digest"])
        lines = sorted(zip(*(table.column(name).to_pylist() for name in table.column_names), strict=True))
        return hashlib.sha256(orjson.dumps(lines)).hexdigest()[:16]

    def erase(self, ids: Iterable[str]) -> int:
        """Rewrite the files without any version of `ids`; returns how many versions went."""
        gone = pa.array(sorted(set(ids)), pa.string())
        erased = 0
        with writer_lock(self.root):
            for path in self._files():
                table = read([path], self._stored.names, schema=self._stored)
                kept = table.filter(pc.invert(pc.is_in(table.column(self._shape.key), value_set=gone)))
                if kept.num_rows < table.num_rows:
                    erased += table.num_rows - kept.num_rows
                    write_part(self.root, path.name, kept, "erasure")
        return erased

    def _version(self, value: _T | Deletion, now: int) -> _Version[_T]:
        if isinstance(value, Deletion):
            return _Version(value.id, value.at, "", None)
        content = self.content(value)
        text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        valid_from = value.updated_at or now
        return _Version(content[self.key], valid_from, hashlib.sha256(text).hexdigest()[:24], value)

    def _store(self, versions: Iterable[_Version[_T]]) -> HistoryResult:
        ordered = sorted(versions, key=lambda version: version.valid_from)
        known = self._versions([version.id for version in ordered])
        fresh = [version for version in ordered if _changes(version, known)]
        if fresh:
            self._write(fresh)
        return HistoryResult(len(fresh), len(ordered) - len(fresh))

    def _versions(self, ids: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
        """Stored (valid_from, digest) of these ids, oldest first."""
        wanted = ds.field(self._shape.key).isin(pa.array(sorted(set(ids)), pa.string()))
        table = self._table([self._shape.key, "valid_from", "digest"], wanted)
        known: dict[str, list[tuple[int, str]]] = {}
        for identifier, start, digest in zip(*(column.to_pylist() for column in table.columns), strict=True):
            known.setdefault(identifier, []).append((start, digest))
        for versions in known.values():
            versions.sort(key=lambda version: version[0])  # stable: the later written of equals stays last
        return known

    def _write(self, versions: Sequence[_Version[_T]]) -> None:
        blank = self._shape.blank
        table = self._shape.to_table([version.value or blank(version.id) for version in versions])
        columns = (
            [version.valid_from for version in versions],
            [version.value is None for version in versions],
            [version.digest for version in versions],
        )
        for field, values in zip(HISTORY_FIELDS, columns, strict=True):
            table = table.append_column(field, pa.array(values, field.type))
        files = self._files()
        write_part(self.root, _file_name(files), table, "history")
        if len(files) >= _MAX_FILES:
            self._merge()

    def _merge(self) -> None:
        files = self._files()
        write_part(self.root, _file_name(files), self._table(self._stored.names), "history")
        # A crash here leaves every version twice, which changes nothing: equal versions are one.
        for path in files:
            path.unlink()

    def _files(self) -> list[Path]:
        return sorted(self.root.glob("versions-*.parquet"))

    def _table(self, columns: Sequence[str], where: ds.Expression | None = None) -> pa.Table:
        return patiently(lambda: read(self._files(), columns, where, self._stored))


def _from_the_beginning(versions: list[_Version[_T]], known: set[str]) -> list[_Version[_T]]:
    versions.sort(key=lambda version: version.valid_from)
    begun, result = set(known), []
    for version in versions:
        result.append(version if version.id in begun else replace(version, valid_from=0))
        begun.add(version.id)
    return result


def _changes(version: _Version[_T], known: dict[str, list[tuple[int, str]]]) -> bool:
    """Does `version` differ from the one in effect at its time? If so it becomes known."""
    earlier = known.setdefault(version.id, [])
    at = bisect_right(earlier, version.valid_from, key=lambda stored: stored[0])
    if at and earlier[at - 1][1] == version.digest:
        return False
    earlier.insert(at, (version.valid_from, version.digest))
    return True


def _in_effect(table: pa.Table, key: str, as_of: int | None) -> NDArray[np.int64]:
    """Row numbers of the version in effect per id, without the deleted, in order of first appearance."""
    starts = table.column("valid_from").to_numpy()
    rows = np.arange(table.num_rows) if as_of is None else np.flatnonzero(starts <= as_of)
    codes = table.column(key).combine_chunks().dictionary_encode().indices.to_numpy()
    rows = rows[np.lexsort((rows, starts[rows], codes[rows]))]
    last = np.flatnonzero(np.diff(codes[rows], append=-1))
    chosen: NDArray[np.int64] = rows[last]
    deleted: NDArray[np.bool_] = table.column("deleted").to_numpy()
    return chosen[~deleted[chosen]]


def _file_name(files: Sequence[Path]) -> str:
    number = int(files[-1].stem.removeprefix("versions-")) + 1 if files else 1
    return f"versions-{number:09d}.parquet"


_ITEMS = _Shape(
    "item_id",
    ITEM_SCHEMA,
    lambda identifier: Item(item_id=identifier),
    codec.item_to_dict,
    codec.items_to_table,
    codec.items_from_table,
)
_USERS = _Shape(
    "user_id",
    USER_SCHEMA,
    lambda identifier: User(user_id=identifier),
    codec.user_to_dict,
    codec.users_to_table,
    codec.users_from_table,
)


def item_history(home: Path) -> History[Item]:
    """The versions of items under `home/items`."""
    return History(home / "items", _ITEMS)


def user_history(home: Path) -> History[User]:
    """The versions of users under `home/users`."""
    return History(home / "users", _USERS)
