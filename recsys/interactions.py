"""What shoppers did, as columns: the one input of every model.

Invariants: rows are sorted by (user, time, input order); codes index `users` and `items`; times are ms UTC.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary

__all__ = ["Interactions"]

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Interactions:
    """Event columns of equal length n over two vocabularies."""

    users: Vocabulary
    items: Vocabulary
    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    type: npt.NDArray[np.int8]
    """Codes of `EVENT_CODES`."""
    time: npt.NDArray[np.int64]
    session: npt.NDArray[np.int32]
    """Session or basket code, unique over all shoppers; who builds the columns splits visits where none is logged."""
    quantity: npt.NDArray[np.float32]
    """Units; 1 where the log has none."""

    @classmethod
    def sort(
        cls,
        *,
        users: Vocabulary,
        items: Vocabulary,
        columns: tuple[
            npt.NDArray[np.int32],
            npt.NDArray[np.int32],
            npt.NDArray[np.int8],
            npt.NDArray[np.int64],
            npt.NDArray[np.int32],
            npt.NDArray[np.float32],
        ],
    ) -> Self:
        """Build from unsorted (user, item, type, time, session, quantity) columns; the sort is stable."""
        user, item, kind, time, session, quantity = columns
        order = np.lexsort((time, user))
        return cls(
            users,
            items,
            user[order],
            item[order],
            kind[order],
            time[order],
            session[order],
            quantity[order],
        )

    def __len__(self) -> int:
        return len(self.user)

    def where(self, mask: Mask) -> Self:
        """The rows where `mask` is true, in the same order."""
        return replace(
            self,
            user=self.user[mask],
            item=self.item[mask],
            type=self.type[mask],
            time=self.time[mask],
            session=self.session[mask],
            quantity=self.quantity[mask],
        )

    def over(self, items: Vocabulary) -> Self:
        """The rows whose item `items` holds, with its codes."""
        codes = items.encode(self.items.ids)
        known = self.where(codes[self.item] >= 0)
        return replace(known, items=items, item=codes[known.item])

    def before(self, time: int) -> Self:
        """Rows strictly before `time` (ms)."""
        return self.where(self.time < time)

    def window(self, start: int, end: int) -> Self:
        """Rows in [start, end) ms."""
        return self.where((self.time >= start) & (self.time < end))

    def of_types(self, types: Collection[EventType]) -> Self:
        """Rows whose type is one of `types`."""
        codes = np.array([EVENT_CODES[kind] for kind in types], dtype=np.int8)
        return self.where(np.isin(self.type, codes))

    @property
    def end(self) -> int:
        """The newest time (ms); 0 when there are no rows."""
        return int(self.time.max()) if len(self) else 0

    def user_items(self, values: npt.NDArray[np.float32]) -> sparse.csr_matrix:
        """Sum `values` (one per row) into a users × items CSR matrix."""
        shape = (len(self.users), len(self.items))
        return sparse.csr_matrix((values, (self.user, self.item)), shape=shape, dtype=np.float32)

    def user_slices(self) -> npt.NDArray[np.int64]:
        """Row offsets int64[n_users + 1]: rows of user u are [offsets[u], offsets[u + 1])."""
        return np.searchsorted(self.user, np.arange(len(self.users) + 1)).astype(np.int64)

    def per_user(self, users: Sequence[int]) -> Iterator[slice]:
        """The row slice of each user code, in the given order."""
        offsets = self.user_slices()
        for user in users:
            yield slice(int(offsets[user]), int(offsets[user + 1]))
