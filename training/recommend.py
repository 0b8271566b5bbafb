"""Lists for many shoppers at once, into a Parquet file: for e-mail campaigns and evaluation from outside.

Invariants: the same pipeline as serving answers, so the same history gives the same list; every request gets k
items while the catalogue has them (a shelf: while the shopper's history has them); the file appears whole or not at
all; a shopper who refused personalisation gets a list that looks at nothing of theirs.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from recsys.errors import InputError
from recsys.history import History
from recsys.interactions import Interactions
from recsys.pipeline import Pipeline
from recsys.query import Query, Slot
from recsys.types import Scalar
from training.requests import Entry, Request

__all__ = ["BatchLists", "Shoppers", "StoredHistories", "write_lists"]

_CHUNK: Final = 1_000
_NOTHING: Final = np.empty(0, np.int32)
_SCHEMA: Final = pa.schema(
    [
        ("query_id", pa.string()),
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("rank", pa.int32()),
        ("score", pa.float64()),
    ]
)


class StoredHistories:
    """What the log holds of each shopper."""

    def __init__(self, log: Interactions) -> None:
        self._log = log
        self._starts = log.user_slices()

    def of(self, user_id: str) -> tuple[Entry, ...]:
        """The shopper's events, oldest first; none for an unknown one."""
        user = self._log.users.code(user_id)
        if user < 0:
            return ()
        rows = slice(int(self._starts[user]), int(self._starts[user + 1]))
        items = self._log.items.decode(self._log.item[rows])
        return tuple(zip(items, self._log.type[rows].tolist(), self._log.time[rows].tolist(), strict=True))


@dataclass(frozen=True)
class Shoppers:
    """What is known of shoppers besides their events."""

    attributes: Mapping[str, Mapping[str, Scalar]]
    refused: Collection[str]
    """Who does not allow personalisation."""
    merged: Mapping[str, str]
    """Merged id → the id it stands for now."""


@dataclass(frozen=True)
class BatchLists:
    """Turns requests into lists of one release."""

    pipeline: Pipeline
    shoppers: Shoppers
    stored: StoredHistories | None
    """None when every request brings its own events."""
    clock: int
    """Time (ms) of requests that name none."""
    history_length: int
    k: int
    exclude_seen: bool
    slot: Slot = "any"

    def query(self, request: Request) -> Query:
        """The request as the pipeline reads it."""
        shopper = None if request.user_id is None else self._final(request.user_id)
        as_of = self.clock if request.as_of is None else request.as_of
        events = self._events(request, shopper)
        exclude = (
            self._codes(item for item, _, time in events if time <= as_of) if self.exclude_seen else _NOTHING
        )
        if shopper in self.shoppers.refused:
            return Query(as_of=as_of, num=self.k, slot=self.slot, exclude=exclude, personalization="none")
        return Query(
            as_of=as_of,
            num=self.k,
            slot=self.slot,
            history=History.of(events, self.pipeline.vocabulary, as_of, self.history_length),
            asked_at=0 if request.events is not None else as_of,
            attributes=self.shoppers.attributes.get(shopper or "", {}),
            exclude=exclude,
        )

    def table(self, requests: Sequence[Request]) -> pa.Table:
        """Rows of the lists of some requests, in their order, ranks from 1."""
        columns: dict[str, list[object]] = {name: [] for name in _SCHEMA.names}
        for request in requests:
            answer = self.pipeline.recommend(self.query(request))
            count = len(answer.items)
            columns["query_id"] += [request.query_id] * count
            columns["user_id"] += [request.user_id] * count
            columns["item_id"] += self.pipeline.vocabulary.decode(answer.items)
            columns["rank"] += range(1, count + 1)
            columns["score"] += answer.scores.tolist()
        return pa.table(columns, schema=_SCHEMA)

    def _final(self, user_id: str) -> str:
        return self.shoppers.merged.get(user_id, user_id)

    def _events(self, request: Request, shopper: str | None) -> Sequence[Entry]:
        """The given events stand in for the stored ones, also when they are none."""
        if request.events is not None:
            return request.events
        return () if shopper is None or self.stored is None else self.stored.of(shopper)

    def _codes(self, items: Iterable[str]) -> npt.NDArray[np.int32]:
        codes = self.pipeline.vocabulary.encode(items)
        return np.unique(codes[codes >= 0]).astype(np.int32)


def write_lists(
    lists: BatchLists, requests: Iterable[Request], out: Path, progress: Callable[[int], None]
) -> tuple[int, int]:
    """Write the lists of all requests to `out`; return how many requests and rows there were.

    `progress` is told the number of finished requests now and then.
    """
    asked = rows = 0
    with _whole_file(out) as writer:
        for chunk in _chunks(requests):
            table = lists.table(chunk)
            writer.write_table(table)
            asked, rows = asked + len(chunk), rows + table.num_rows
            progress(asked)
    return asked, rows


def _chunks(requests: Iterable[Request]) -> Iterator[list[Request]]:
    waiting = iter(requests)
    while chunk := list(islice(waiting, _CHUNK)):
        yield chunk


@contextmanager
def _whole_file(out: Path) -> Iterator[pq.ParquetWriter]:
    """Write beside `out` and rename at the end, so that nobody reads half a campaign."""
    partial = out.with_name(f".{out.name}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(partial, _SCHEMA) as writer:
            yield writer
        partial.replace(out)
    except OSError as error:
        raise InputError(f"cannot write {str(out)!r}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
