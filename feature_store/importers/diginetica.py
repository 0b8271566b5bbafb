"""Diginetica as prepared for session models: one session of viewed items a line, in order, without times or users.

Sessions get made-up times two minutes apart, views a second apart. The published test prefixes are not imported.
"""

import lzma
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Final

import numpy as np
import pyarrow as pa

from feature_store.errors import FileFormatError
from feature_store.importers.source import Source, bare_item, find
from feature_store.importers.synthetic import MARK, NOTE, start_of

__all__ = ["diginetica"]

_FILE: Final = "diginetica_train_seq.txt"
_CHUNK: Final = 50_000


def diginetica(folder: Path) -> Source:
    """The data set in `folder`, which holds diginetica_train_seq.txt, plain or as .xz."""
    with _open(folder) as lines:
        sessions = [line.split() for line in lines]
    items = sorted(set(chain.from_iterable(sessions)), key=_number)
    return Source(
        "diginetica",
        lambda: _chunks(sessions),
        sum(map(len, sessions)),
        [bare_item(item) for item in items],
        notes=(NOTE,),
    )


def _open(folder: Path) -> IO[str]:
    plain = folder / _FILE
    if plain.is_file():
        return plain.open(encoding="ascii")
    return lzma.open(find(folder, f"{_FILE}.xz"), "rt", encoding="ascii")


def _number(item: str) -> int:
    if not item.isdigit():
        raise FileFormatError(f"{item!r} is not an item number; {_FILE} holds numbers and spaces only")
    return int(item)


def _chunks(sessions: Sequence[Sequence[str]]) -> Iterator[pa.Table]:
    for start in range(0, len(sessions), _CHUNK):
        yield _events(range(start, start + _CHUNK), sessions[start : start + _CHUNK])


def _events(numbers: range, sessions: Sequence[Sequence[str]]) -> pa.Table:
    lengths = [len(session) for session in sessions]
    session = np.repeat(np.arange(numbers.start, numbers.start + len(sessions)), lengths)
    step = np.concatenate([np.arange(length) for length in lengths])
    names = [f"dg-{number}" for number in session.tolist()]
    return pa.table(
        {
            "event_id": [f"{name}-{at}" for name, at in zip(names, step.tolist(), strict=True)],
            "type": ["view"] * len(names),
            "timestamp": start_of(session, step_ms=120_000) + step * 1000,
            "session_id": names,
            "item_id": list(chain.from_iterable(sessions)),
            "context": [MARK] * len(names),
        }
    )
