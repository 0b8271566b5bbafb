"""What still stands of what shoppers said: a purchase until it comes back, a cart until it is emptied.

One row may undo only what was said before it: a return says nothing of a purchase that follows it. `keys` name what
one row can undo of another, a shopper's item; rows of other keys know nothing of each other.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.kinds import table
from recsys.types import EVENT_CODES, EventType

__all__ = ["standing", "standing_in_any_order", "standing_purchases"]

Keys = npt.NDArray[np.int64]
Types = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]

_PURCHASE: Final = EVENT_CODES[EventType.PURCHASE]
_CART: Final = EVENT_CODES[EventType.CART]
_UNCART: Final = EVENT_CODES[EventType.UNCART]
_BACK: Final = table(EventType.CANCEL, EventType.RETURN)


def standing(keys: Keys, types: Types) -> Mask:
    """False on purchases that a later cancel or return took back and on carts that a later uncart emptied, bool[n].

    Rows in order of time. Of purchases see `standing_purchases`; an uncart undoes every cart of its key before it.
    """
    stands: Mask = standing_purchases(keys, types) | (types != _PURCHASE)
    emptied = np.flatnonzero(types == _UNCART)
    carts = np.flatnonzero(types == _CART)
    if len(emptied) and len(carts):
        # The last of each key comes first in the reversed rows.
        again, place = np.unique(keys[emptied][::-1], return_index=True)
        last = emptied[::-1][place]
        found = np.minimum(np.searchsorted(again, keys[carts]), len(again) - 1)
        stands[carts] = (again[found] != keys[carts]) | (last[found] < carts)
    return stands


def standing_in_any_order(keys: Keys, types: Types) -> Mask:
    """The same for rows whose order means nothing, bool[n]: False where some order of them would undo all of a key.

    So the purchases of a key stand where they outnumber its cancels and returns, and carts where there is no uncart.
    """
    bought, back = types == _PURCHASE, _BACK[types]
    stands: Mask = (types != _CART) | ~np.isin(keys, keys[types == _UNCART])
    if back.any():
        codes, place = np.unique(keys[bought | back], return_inverse=True)
        left = np.bincount(place, weights=np.where(bought[bought | back], 1, -1), minlength=len(codes))
        stands[bought] = left[np.searchsorted(codes, keys[bought])] > 0
    return stands


def standing_purchases(keys: Keys, types: Types) -> Mask:
    """Which rows are purchases that no later cancel or return of the same key took back, bool[n].

    Rows in order of time. Each cancel or return takes back the newest purchase before it that still stands: read
    purchases as opening and the others as closing brackets, and what is closed is gone.
    """
    opening: Mask = types == _PURCHASE
    closing = _BACK[types]
    if not closing.any():
        return opening
    stands: Mask = opening.copy()
    rows = np.flatnonzero((opening | closing) & np.isin(keys, keys[closing]))
    rows = rows[np.argsort(keys[rows], kind="stable")]
    opens = opening[rows]
    # A closing bracket meets the opening one that has the same depth around it and comes just before.
    depth = np.cumsum(np.where(opens, 1, -1)) + np.where(opens, 0, 1)
    order = np.lexsort((np.arange(len(rows)), depth, keys[rows]))
    key, level, opens, rows = keys[rows][order], depth[order], opens[order], rows[order]
    met = (key[1:] == key[:-1]) & (level[1:] == level[:-1]) & opens[:-1] & ~opens[1:]
    stands[rows[:-1][met]] = False
    return stands
