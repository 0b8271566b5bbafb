"""The rejects file of an import: one JSON line per refused row, with its line, code, field, message and content.

A file has one rejects file, whose name depends on its path; a new import replaces it, one without rejects
removes it.
"""

import hashlib
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import orjson

from feature_store.records.fields import Rejection

__all__ = ["Rejects", "rejects_path"]

_TEXT_KEPT = 500


def rejects_path(home: Path, kind: str, source: str) -> Path:
    """Where the rejects of a source go: `home/rejects/events-<name>-<hash of the path>.jsonl`."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:8]
    return home / "rejects" / f"{kind}-{Path(source).name}-{digest}.jsonl"


class Rejects:
    """A context that collects refusals; the file appears, complete, when the context ends without an error."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()
        self._partial = path.with_name(f".unfinished-{path.name}")
        self._handle: BinaryIO | None = None

    def add(self, line: int, why: Rejection, row: object) -> None:
        """Note one refused row; `row` is its text or its cells."""
        if self._handle is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = self._partial.open("wb")
        self.reasons[why.code] += 1
        entry = {"line": line, "code": why.code, "field": why.field, "message": why.message, "row": row}
        self._handle.write(_line(entry))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is None:
            if kind is None:
                self.path.unlink(missing_ok=True)
            return
        self._handle.close()
        if kind is None:
            self._partial.replace(self.path)


def _line(entry: dict[str, object]) -> bytes:
    if isinstance(text := entry["row"], str):
        entry["row"] = text[:_TEXT_KEPT].encode("utf-8", "backslashreplace").decode()
    return orjson.dumps(entry, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE)
