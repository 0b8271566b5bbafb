"""Items and users on their way into their histories: judged row by row, stored in portions.

An id may occur several times in a file when `updated_at` differs (versions). Twice for one time, with other content,
is a conflict: the first stays, as with events.
"""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from feature_store.history import History
from feature_store.intake.readers import Batch
from feature_store.intake.rejects import Rejects
from feature_store.records.codec import json_text
from feature_store.records.fields import Rejection
from recsys.types import Item, User

__all__ = ["ThingIntake"]

_PORTION = 100_000
_T = TypeVar("_T", Item, User)


class ThingIntake(Generic[_T]):
    """One source's way into `history`; call `take` per batch, then `finish`."""

    def __init__(
        self,
        history: History[_T],
        judge: Callable[[Mapping[str, object]], _T | Rejection],
        now: int,
        rejects: Rejects,
    ) -> None:
        self.added = self.duplicates = self.conflicts = 0
        self._history: History[_T] = history
        self._judge: Callable[[Mapping[str, object]], _T | Rejection] = judge
        self._now, self._rejects = now, rejects
        self._seen: dict[tuple[str, int | None], int] = {}
        self._waiting: list[_T] = []

    def take(self, batch: Batch) -> None:
        """Judge the rows of a batch; the good ones wait to be stored."""
        for line, row in zip(batch.lines.tolist(), batch.rows(), strict=True):
            judged = self._judge(row)
            if isinstance(judged, Rejection):
                self._rejects.add(line, judged, row)
            else:
                self._admit(line, judged)
        if len(self._waiting) >= _PORTION:
            self.finish()

    def _admit(self, line: int, value: _T) -> None:
        content = self._history.content(value)
        place = content[self._history.key], value.updated_at
        fingerprint = hash(json_text(content))
        earlier = self._seen.get(place)
        if earlier is None:
            self._seen[place] = fingerprint
            self._waiting.append(value)
        elif earlier == fingerprint:
            self.duplicates += 1
        else:
            self.conflicts += 1
            message = f"{self._history.key}: {place[0]!r} came before with other content; the first one stays"
            self._rejects.add(line, Rejection("conflict", message, self._history.key), content)

    def finish(self) -> None:
        """Store what waits."""
        result = self._history.import_all(self._waiting, self._now)
        self.added += result.added
        self.duplicates += result.unchanged
        self._waiting = []
