"""Who made which release live, when, and over which objections: lines that are only ever added.

Invariants: one JSON object per line in `releases/promotions.jsonl`, oldest first; a line is written whole and
never changed, so that it can be shipped to whatever keeps a shop's records.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

import orjson

__all__ = ["AuditLine", "Move", "append", "history"]

Move = Literal["first", "promote", "rollback"]

_FILE: Final = "promotions.jsonl"


@dataclass(frozen=True)
class AuditLine:
    """One move of the pointer."""

    at: int
    """ms since epoch."""
    verb: Move
    release: str
    previous: str | None
    by: str
    """Account name, or who asked for the job."""
    forced: bool = False
    """It would have gone live whatever the gate said."""
    reasons: tuple[str, ...] = ()
    """What the gate had against it."""

    def tags(self) -> dict[str, str]:
        """The same for a version in MLflow; a rollback leaves what its promotion said."""
        if self.verb == "rollback":
            return {"rolled_back_to_at": str(self.at), "rolled_back_to_by": self.by}
        return {
            "promoted_at": str(self.at),
            "promoted_by": self.by,
            "forced": str(self.forced).lower(),
            "overridden": "; ".join(self.reasons),
        }


def append(folder: Path, line: AuditLine) -> None:
    """Add a line to the file in the folder of the releases."""
    text = orjson.dumps(asdict(line)) + b"\n"
    # One write in append mode: two processes never mix their lines.
    descriptor = os.open(folder / _FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, text)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def history(folder: Path) -> Sequence[AuditLine]:
    """Every line, oldest first; none where nothing was promoted yet."""
    path = folder / _FILE
    rows = [orjson.loads(text) for text in path.read_bytes().splitlines()] if path.exists() else []
    return [AuditLine(**{**row, "reasons": tuple(row["reasons"])}) for row in rows]
