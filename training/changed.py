"""How alike the lists of two releases are, and the shoppers whose lists changed most, in words a person can read.

Invariants: shoppers are named by the number of their question only; both releases' items are compared by id, so
an item that the log does not know counts as the same item in both.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from training.evaluate import Codes
from training.lists import Candidate

__all__ = ["Example", "Listed", "Pair", "overlaps", "pick_examples"]

Values = npt.NDArray[np.float64]

_MOST_HISTORY: Final = 10
_LOOKED_AT: Final = 20
"""Rows looked at for each example: enough to find somebody with a history."""


@dataclass(frozen=True)
class Listed:
    """One place of a list."""

    title: str
    shared: bool
    """The other list has it too."""
    hit: bool
    """The shopper went on to it."""


@dataclass(frozen=True)
class Example:
    """One shopper before and after."""

    question: int
    """Number of the question; the shopper's id stays in the log."""
    overlap: float
    challenger_figure: float
    champion_figure: float
    history: tuple[str, ...]
    """Titles, newest first, each once."""
    challenger: tuple[Listed, ...]
    champion: tuple[Listed, ...]

    def plain(self) -> dict[str, object]:
        """JSON form."""
        return asdict(self)


class Pair:
    """Lists of both releases in one code space: the log's items, then whatever else either of them lists."""

    def __init__(self, ours: tuple[Candidate, Codes], theirs: tuple[Candidate, Codes]) -> None:
        self.exam = ours[0].exam
        self._others: dict[str, int] = {}
        self._candidates = (ours[0], theirs[0])
        self.challenger = self._aligned(*ours)
        self.champion = self._aligned(*theirs)
        self._names = list(self._others)

    def overlaps(self) -> Values:
        """See `overlaps`."""
        return overlaps(self.challenger, self.champion)

    def title(self, code: int) -> str:
        """The title as either release knows it, else the id."""
        known = len(self.exam.log.items)
        name = self.exam.log.items[code] if code < known else self._names[code - known]
        for candidate in self._candidates:
            own = candidate.pipeline.vocabulary.code(name)
            title = None if own < 0 else candidate.pipeline.catalogue.title(own)
            if title:
                return title
        return name

    def history(self, row: int) -> tuple[str, ...]:
        """Titles of what the challenger reads of the shopper, newest first, each once."""
        pipeline = self._candidates[0].pipeline
        items = dict.fromkeys(self._candidates[0].query("all", row).history.items[::-1].tolist())
        return tuple(
            pipeline.catalogue.title(code) or pipeline.vocabulary[code] for code in [*items][:_MOST_HISTORY]
        )

    def _aligned(self, candidate: Candidate, lists: Codes) -> Codes:
        """The same lists; a code beyond the log's becomes the one that its id has in both releases."""
        known = len(self.exam.log.items)
        codes = np.unique(lists[lists >= known])
        names = candidate.item_ids(codes)
        shared = [known + self._others.setdefault(name, len(self._others)) for name in names]
        result = lists.copy()
        beyond = lists >= known
        result[beyond] = np.array(shared, np.int32)[np.searchsorted(codes, lists[beyond])]
        return result


def overlaps(ours: Codes, theirs: Codes) -> Values:
    """Share of common items per row: float64[q]; padding is no item, and two empty lists agree."""
    shares = np.ones(len(ours))
    for row, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        mine, yours = set(one[one >= 0].tolist()), set(other[other >= 0].tolist())
        if mine or yours:
            shares[row] = len(mine & yours) / max(len(mine), len(yours))
    return shares


def pick_examples(pair: Pair, figures: tuple[Values, Values], most: int = 8) -> list[Example]:
    """The rows with the least in common; among equals those whose figure moved most, then the first.

    `figures` are the challenger's and the champion's, float64[q]. A shopper without any history tells nothing
    about how a history is read, and is taken only when nobody else is left.
    """
    shares, moved = pair.overlaps(), np.nan_to_num(np.abs(figures[0] - figures[1]))
    rows = [int(row) for row in np.lexsort((-moved, shares)) if shares[row] < 1]
    telling = sorted(rows[: _LOOKED_AT * most], key=lambda row: not pair.history(row))
    return [_example(pair, figures, row, float(shares[row])) for row in telling[:most]]


def _example(pair: Pair, figures: tuple[Values, Values], row: int, share: float) -> Example:
    ours, theirs = _items(pair.challenger[row]), _items(pair.champion[row])
    truth = pair.exam.questions["all"].truth
    wanted = set(truth.indices[truth.indptr[row] : truth.indptr[row + 1]].tolist())
    listed = _lister(pair.title, set(ours) & set(theirs), wanted)
    return Example(
        question=row + 1,
        overlap=share,
        challenger_figure=float(figures[0][row]),
        champion_figure=float(figures[1][row]),
        history=pair.history(row),
        challenger=listed(ours),
        champion=listed(theirs),
    )


def _lister(
    title: Callable[[int], str], both: set[int], wanted: set[int]
) -> Callable[[Sequence[int]], tuple[Listed, ...]]:
    return lambda codes: tuple(Listed(title(code), code in both, code in wanted) for code in codes)


def _items(codes: Codes) -> list[int]:
    listed: list[int] = codes[codes >= 0].tolist()
    return listed
