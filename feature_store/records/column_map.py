"""Which column of a file is which field: `--map ours=theirs`, in either direction, and names that are not known.

A file's own header decides: every column must be a known field, be mapped to one, or be ignored by name. A
silently dropped column would be the worst answer.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from feature_store.errors import FileFormatError
from feature_store.records.fields import nearest
from recsys.errors import InputError

__all__ = ["ColumnMap", "Names", "folded"]


@dataclass(frozen=True, slots=True)
class Names:
    """The field names of one kind of row: fixed ones, and a pattern for open ones such as `context.page`."""

    kind: str
    fixed: Collection[str]
    open: str = "(?!)"
    hint: str = ""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self.fixed or re.fullmatch(self.open, name) is not None)


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Pairs `(left, right)` as given; which side is ours is found per file. `ignored` columns are not read."""

    pairs: tuple[tuple[str, str], ...] = ()
    ignored: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, pairs: Iterable[str], ignored: Iterable[str] = ()) -> "ColumnMap":
        """From options such as `title=名称`."""
        split = [pair.partition("=") for pair in pairs]
        for left, equals, right in split:
            if not (left.strip() and equals and right.strip()):
                raise InputError(f"--map {left + equals + right!r}: write OURS=THEIRS, such as title=名称")
        return cls(
            tuple((left.strip(), right.strip()) for left, _, right in split),
            frozenset(name.strip() for name in ignored),
        )

    def part_for(self, names: Names, header: Sequence[str] | None) -> "ColumnMap":
        """Only what concerns this file, for a command that maps columns of several files at once."""

        def concerns(ours: str, theirs: str) -> bool:
            return ours in names and (header is None or theirs in header)

        pairs = tuple(
            (left, right) for left, right in self.pairs if concerns(left, right) or concerns(right, left)
        )
        ignored = self.ignored if header is None else self.ignored & set(header)
        return ColumnMap(pairs, ignored)

    def renames(self, names: Names, header: Sequence[str] | None = None) -> dict[str, str]:
        """Their name → ours. With a `header` (None: rows name their own fields) both sides being known is no riddle.

        Raises InputError for a pair without a known side, FileFormatError for one that the header does not
        have.
        """
        renames: dict[str, str] = {}
        for left, right in self.pairs:
            ours, theirs = self._sides(left, right, names, header)
            if header is not None and theirs not in header:
                raise FileFormatError(
                    f"--map {ours}={theirs}: the file has no {theirs!r}; it has {list(header)}"
                )
            if theirs in renames or ours in renames.values():
                raise InputError(f"--map {ours}={theirs}: {theirs!r} or {ours!r} is mapped twice")
            renames[theirs] = ours
        return renames

    def _sides(self, left: str, right: str, names: Names, header: Sequence[str] | None) -> tuple[str, str]:
        if left in names and right in names and left != right:
            in_header = [side for side in (left, right) if header is not None and side in header]
            if len(in_header) != 1:
                raise InputError(f"--map {left}={right} is ambiguous: both are fields of {names.kind}")
            return (left, right) if in_header == [right] else (right, left)
        if left in names:
            return left, right
        if right in names:
            return right, left
        raise InputError(f"--map {left}={right}: neither is a field of {names.kind}{_advice(left, names)}")

    def apply(self, names: Names, header: Sequence[str]) -> dict[int, str]:
        """Column number → our name for the columns to read; FileFormatError names the first that is not known."""
        renames = self.renames(names, header)
        if unknown := sorted(self.ignored - set(header)):
            raise FileFormatError(
                f"--ignore {unknown[0]!r}: the file has no such column; it has {list(header)}"
            )
        chosen = {at: renames.get(name, name) for at, name in enumerate(header) if name not in self.ignored}
        for at, ours in chosen.items():
            if ours not in names:
                raise FileFormatError(
                    f"unknown column {header[at]!r} for {names.kind}{_advice(ours, names)} "
                    f"Map it (--map OURS={header[at]}) or leave it out (--ignore {header[at]})"
                )
        _refuse_doubles(list(chosen.values()))
        return chosen


def _refuse_doubles(columns: Sequence[str]) -> None:
    split = {name.partition(".")[0] for name in columns if "." in name}
    double = next((name for name in columns if columns.count(name) > 1 or name in split), None)
    if double is not None:
        raise FileFormatError(
            f"two columns of the file are {double!r}; --ignore one of them or map it elsewhere"
        )


def _advice(name: str, names: Names) -> str:
    return nearest(name, names.fixed) or f"; known are {', '.join(sorted(names.fixed))}{names.hint}."


def folded(row: Mapping[str, object], prefixes: Collection[str]) -> dict[str, object]:
    """`row` with fields such as `context.page` gathered into the map `context`."""
    if not any("." in name for name in row):
        return dict(row)
    result = {name: value for name, value in row.items() if name.partition(".")[0] == name}
    for name, value in row.items():
        prefix, dot, rest = name.partition(".")
        if not dot:
            continue
        if prefix not in prefixes or prefix in row:
            result[name] = value  # nobody's field, or given twice: the validator names it
        elif value is not None and value != "":
            gathered = cast(dict[str, object], result.setdefault(prefix, {}))
            gathered[rest] = value
    return result
