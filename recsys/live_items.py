"""The items of a loaded release as they are now: what is born joins it, what changes its words moves, at once.

Lays every change over the catalogue, and over the few arrays that are read by item code; behaviour models say nothing
of newborns, as of any item without events. Invariants: what a request can find of an item is there before its id is
known; one writer at a time, readers never lock; another release has its own.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from recsys.catalogue import Catalogue
from recsys.errors import InputError
from recsys.expressions.paths import join_segments, segments
from recsys.models.neighbour_lists import NeighbourLists
from recsys.retrieval.live_index import FreshRows
from recsys.retrieval.placing import Met, Placing, same_words
from recsys.types import Item
from recsys.vocabulary import UNKNOWN, Vocabulary

__all__ = ["LiveItems"]

Codes = npt.NDArray[np.int32]

_AT_ONCE: Final = 64
"""Items whose words are read together: ten times faster than one by one, and no reader waits long for its turn."""
_NONE: Final = np.empty(0, np.int32)


class LiveItems:
    """What follows the shop's changes for one release."""

    def __init__(
        self,
        catalogue: Catalogue,
        fresh: FreshRows,
        placing: Callable[[], Placing | None],
        figures: Sequence[npt.NDArray[Any]],
        wanted: npt.NDArray[np.float32],
        together: NeighbourLists,
    ) -> None:
        """`figures` are arrays [n + room, ...] by item code whose rows a newborn borrows from the least wanted item of
        its category, by `wanted: float32[n]`; `together` says how much behaviour a released item has. `placing` is
        called when the first vector is needed; None of it where a release does not tell how to make one.
        """
        self.catalogue = catalogue
        self._fresh = fresh
        self._make_placing = placing
        self._figures = figures
        self._wanted = wanted
        self._together = together
        self._donors: dict[int, int] = {}
        self._newest: tuple[int, Codes] = (0, _NONE)
        self._met: dict[int, Met] = {}
        self._writing = Lock()

    @property
    def turned_away(self) -> int:
        """How often a newborn found no room: it waits for the next release."""
        return self.catalogue.turned_away

    @property
    def vocabulary(self) -> Vocabulary:
        """Item ids by code."""
        return self.catalogue.vocabulary

    @property
    def born(self) -> int:
        """Items that joined since the release."""
        return len(self.catalogue) - self.catalogue.released

    @property
    def moved(self) -> int:
        """Items of the release whose vector is not the released one any more."""
        return int(np.searchsorted(self._fresh.codes, self.catalogue.released))

    @property
    def newest(self) -> Codes:
        """Codes of all newborns, the newest first, of one time by code."""
        held, count = self._newest, self.born
        if held[0] != count:
            first = self.catalogue.released
            born = self.catalogue.created_at[first : first + count]
            held = self._newest = count, (np.argsort(-born, kind="stable") + first).astype(np.int32)
        return held[1]

    def item(self, code: int) -> Item | None:
        """The item as it is now."""
        return self.catalogue.item(code)

    def remove(self, item_id: str) -> bool:
        """Take an item out until it comes again; False when nobody knows it."""
        return self.catalogue.remove(item_id)

    def take(self, items: Iterable[Item]) -> list[InputError]:
        """Lay the newest versions of distinct items over what is there, new ones too; why some were refused."""
        refused: list[InputError] = []
        waiting = iter(items)
        while part := list(islice(waiting, _AT_ONCE)):
            with self._writing:
                refused += self._take(part)
        return refused

    def meet(self, item_id: str, others: Sequence[str]) -> bool:
        """Move a newborn towards the items that a shopper touched beside it in one session.

        False where there is nothing to move: an item that is not there yet, a released one, or none of the others
        has a place.
        """
        with self._writing:
            code, company = self.vocabulary.code(item_id), self.vocabulary.encode(others)
            vectors = self._fresh.vectors[company[company != UNKNOWN]]
            vectors = vectors[vectors.any(axis=1)]
            if code < self.catalogue.released or not len(vectors):
                return False
            held = self._met.get(code) or Met(self._fresh.vectors[code].copy())
            self._met[code] = met = held.and_with(vectors)
            placing = self._placing
            if placing is not None:
                self._fresh.put(np.array([code], np.int32), met.vector(placing.strength))
            return True

    def _take(self, items: Sequence[Item]) -> list[InputError]:
        codes = self.vocabulary.encode(item.item_id for item in items)
        known = [(item, code) for item, code in zip(items, codes.tolist(), strict=True) if code != UNKNOWN]
        self._move([(item, code) for item, code in known if self._is_reworded(item, code)])
        refused = [error for item, _ in known if (error := _try(self.catalogue.update, item))]
        born = [item for item, code in zip(items, codes.tolist(), strict=True) if code == UNKNOWN]
        return refused + self._bear(born)

    def _is_reworded(self, item: Item, code: int) -> bool:
        before = self.catalogue.item(code)
        # An item taken out has lost its words; what counts is what its vector was made of.
        if before is None and code < self.catalogue.released:
            before = self.catalogue.documents.first(code)
        return before is None or not same_words(before, item)

    def _bear(self, items: Sequence[Item]) -> list[InputError]:
        room = max(self.catalogue.room - self.born, 0)
        placing = self._placing if items[:room] else None
        vectors = None if placing is None else placing.newborn(items[:room])
        refused = []
        for place, item in enumerate(items):
            if place < room:
                code = len(self.catalogue)
                if vectors is not None:
                    self._fresh.put(np.array([code], np.int32), vectors[place])
                donor = self._donor(item)
                for figures in self._figures:
                    figures[code] = figures[donor]
            if error := _try(self.catalogue.add, item):
                refused.append(error)
        return refused

    def _move(self, pairs: Sequence[tuple[Item, int]]) -> None:
        """Give items with other words other vectors, before anybody can read the words."""
        first, placing = self.catalogue.released, self._placing if pairs else None
        if placing is None:
            return
        born = [(item, code) for item, code in pairs if code >= first]
        if born:
            vectors = placing.newborn([item for item, _ in born])
            for (_, code), words in zip(born, vectors, strict=True):
                met = self._met[code] = replace(self._met.get(code) or Met(words), words=words)
                self._fresh.put(np.array([code], np.int32), met.vector(placing.strength))
        old = [(item, code) for item, code in pairs if code < first][
            : max(self.catalogue.room - self.moved, 0)
        ]
        if old:
            codes = np.array([code for _, code in old], np.int32)
            before = [self.catalogue.documents.first(code) or Item(item_id="") for _, code in old]
            neighbours = (self._together.indptr[codes + 1] - self._together.indptr[codes]).astype(np.float32)
            vectors = placing.reworded(codes, before, [item for item, _ in old], neighbours)
            self._fresh.put(codes, vectors)

    def _donor(self, item: Item) -> int:
        """The least wanted released item of the category, else of the one above, else of all."""
        levels = segments(item.category or "")
        for depth in range(len(levels), 0, -1):
            category = self.catalogue.categories.code(join_segments(levels[:depth]))
            if category != UNKNOWN and (donor := self._least_wanted(category)) != UNKNOWN:
                return donor
        return self._least_wanted(UNKNOWN)

    def _least_wanted(self, category: int) -> int:
        """Of a category, of all for -1; -1 where it has no released item."""
        held = self._donors.get(category)
        if held is None:
            own = self.catalogue.category[: self.catalogue.released]
            codes = np.flatnonzero(own == category) if category != UNKNOWN else np.arange(len(own))
            held = int(codes[np.argmin(self._wanted[codes])]) if len(codes) else UNKNOWN
            self._donors[category] = held
        return held

    @cached_property
    def _placing(self) -> Placing | None:
        return self._make_placing()


def _try(write: Callable[[Item], bool], item: Item) -> InputError | None:
    try:
        write(item)
    except InputError as error:
        return error
    return None
