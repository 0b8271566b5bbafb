"""Many rows in one call: each is judged by itself, the good ones are written in batches."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from feature_store.online.contract import Written
from serving.errors import InvalidRequest
from serving.wire.validation import read_as

__all__ = ["Bulk", "write_rows"]

Row = TypeVar("Row", bound=BaseModel)
Value = TypeVar("Value")
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Bulk(Generic[Row, Value]):
    """How rows become values and where they go; `write` gives a verdict, or a refusal, per value."""

    model: type[Row]
    convert: Callable[[Row], Value]
    write: Callable[[Sequence[Value]], Sequence[Written | InvalidRequest]]


def write_rows(rows: Sequence[Mapping[str, object]], bulk: Bulk[Row, Value]) -> dict[str, Any]:
    """What became of the rows, as the answer of a bulk route.

    Raises:
        UnavailableError: the store is away; batches before may be written, the same call may be repeated.
    """
    good: list[tuple[int, Value]] = []
    rejected: list[dict[str, object]] = []
    for index, row in enumerate(rows):
        try:
            good.append((index, bulk.convert(read_as(bulk.model, row))))
        except InvalidRequest as error:
            rejected.append(_rejection(index, error))
    verdicts: Counter[Written] = Counter()
    for start in range(0, len(good), _BATCH):
        batch = good[start : start + _BATCH]
        for (index, _), verdict in zip(batch, bulk.write([value for _, value in batch]), strict=True):
            if isinstance(verdict, InvalidRequest):
                rejected.append(_rejection(index, verdict))
            else:
                verdicts[verdict] += 1
    counts = {kind.value: verdicts[kind] for kind in (Written.WRITTEN, Written.UNCHANGED, Written.STALE)}
    return {**counts, "rejected": sorted(rejected, key=lambda row: int(str(row["index"])))}


def _rejection(index: int, error: InvalidRequest) -> dict[str, object]:
    field = error.errors[0].field if error.errors else None
    return {"index": index, "code": error.code, "message": str(error), "field": field}
