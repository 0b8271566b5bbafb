"""External ids to dense int32 codes and back: the only place where the two meet.

Invariants: ids are unique and keep their order, the code of an id is its position, and an unknown id encodes
to -1 (never an error: unknown is normal). A vocabulary never changes; another set of ids is another
vocabulary with another `digest`. A `GrowingVocabulary` only gets longer: a code never changes its meaning.
"""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise, repeat
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from recsys.arrays import load_array, save_arrays
from recsys.errors import InputError

__all__ = ["UNKNOWN", "GrowingVocabulary", "Vocabulary"]

UNKNOWN: Final = -1


class Vocabulary:
    """An ordered set of ids; the position of an id is its code."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids: Sequence[str] = tuple(ids)
        self._codes = {identifier: code for code, identifier in enumerate(self._ids)}
        self._digest: str | None = None
        _require_unique_texts(self._ids, self._codes)

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, identifier: object) -> bool:
        return identifier in self._codes

    def __getitem__(self, code: int) -> str:
        """The id of one code; an InputError for -1 and everything else outside 0..len-1."""
        if not 0 <= code < len(self._ids):
            raise InputError(f"code {code!r} is outside this vocabulary of {len(self._ids)} ids")
        return self._ids[code]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Vocabulary)
            and len(self) == len(other)
            and tuple(self._ids) == tuple(other._ids)
        )

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} ids, digest={self.digest[:16]!r})"

    @property
    def ids(self) -> Sequence[str]:
        """All ids in code order."""
        return self._ids

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the ids and their order: equal digests mean equal codes."""
        if self._digest is None:
            blob, offsets = _pack(self._ids)
            self._digest = hashlib.sha256(offsets.tobytes() + blob.tobytes()).hexdigest()
        return self._digest

    def code(self, identifier: str) -> int:
        """The code of one id, -1 when unknown."""
        return self._codes.get(identifier, UNKNOWN)

    def encode(self, ids: Iterable[str]) -> npt.NDArray[np.int32]:
        """Codes int32[n] of n ids, -1 where unknown."""
        return np.fromiter(map(self._codes.get, ids, repeat(UNKNOWN)), dtype=np.int32)

    def decode(self, codes: npt.ArrayLike) -> list[str]:
        """Ids of n codes; an InputError names the first code that is not one of this vocabulary."""
        wanted = np.asarray(codes, dtype=np.int64).reshape(-1)
        outside = wanted[(wanted < 0) | (wanted >= len(self._ids))]
        if outside.size:
            raise InputError(f"code {int(outside[0])} is outside this vocabulary of {len(self._ids)} ids")
        return [self._ids[code] for code in wanted.tolist()]

    def save(self, folder: Path) -> None:
        """Write `blob.npy` (UTF-8 bytes of all ids) and `offsets.npy` (int64[n + 1] into it)."""
        blob, offsets = _pack(self._ids)
        save_arrays(folder, blob=blob, offsets=offsets)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the same ids, codes and digest."""
        blob = load_array(folder, "blob").tobytes()
        edges = load_array(folder, "offsets").tolist()
        return cls(blob[start:end].decode() for start, end in pairwise(edges))


class GrowingVocabulary(Vocabulary):
    """Ids that more may join, each with the next code.

    A new id is `promise`d, which gives it a code that decodes, and is found by its id once it is `kept`. One writer;
    readers never lock.
    """

    def promise(self, identifier: str) -> int:
        """The next code, which decodes to this new id from now on."""
        if not isinstance(self._ids, list):
            self._ids = list(self._ids)
        self._ids.append(identifier)
        self._digest = None
        return len(self._ids) - 1

    def keep(self, code: int) -> None:
        """Have a promised id found."""
        self._codes[self._ids[code]] = code


def _require_unique_texts(ids: Sequence[str], codes: dict[str, int]) -> None:
    for identifier in ids:
        if not isinstance(identifier, str):
            raise InputError(
                f"an id must be text, got {identifier!r}; convert ids before building a vocabulary"
            )
    if len(codes) != len(ids):
        # The mapping keeps the last code of a repeated id, so the first place where they differ is a repeat.
        twice = next(identifier for code, identifier in enumerate(ids) if codes[identifier] != code)
        raise InputError(
            f"id {twice!r} appears more than once; remove duplicates before building a vocabulary"
        )


def _pack(ids: Sequence[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    try:
        encoded = [identifier.encode() for identifier in ids]
    except UnicodeEncodeError as error:
        raise InputError(f"id {error.object!r} is not valid Unicode text and cannot be written") from error
    offsets = np.zeros(len(encoded) + 1, dtype="<i8")
    np.cumsum([len(part) for part in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets
