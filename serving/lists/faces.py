"""Items as lists show them, decoded once and kept: a list shows twenty items, and most of them the list before did too.

Invariants: a kept item is used only while its document is byte by byte the one it was made from, so a change shows at
once whoever makes it; at most `capacity` items are kept, the oldest half goes when that is reached. Safe to share
between threads: an entry is replaced whole.
"""

from collections.abc import Iterable
from math import inf
from typing import Final, TypeVar

from recsys.catalogue import Catalogue
from recsys.documents import decode_item
from recsys.types import Item, Offer
from serving.lists.item_view import ItemView, title_in
from serving.lists.listings import Because, Shown
from serving.lists.texts import reason_text

__all__ = ["Face", "Faces", "ViewKey", "key_of"]

_CAPACITY: Final = 20_000
_VIEWS: Final = 8
K = TypeVar("K")
V = TypeVar("V")
ViewKey = tuple[str | None, str | None, str | None, tuple[str, ...] | None]
"""What two callers have in common who see the same, prices of the moment aside."""


def key_of(view: ItemView) -> ViewKey:
    """The key of a view."""
    return view.language, view.market, view.channel, view.fields


class Face:
    """One item as it is now: its document, and what was made of that for callers who see items alike.

    The decoded item would be four fifths of it, so it is decoded again for the next kind of caller.
    """

    __slots__ = ("_because", "_shown", "_since", "_until", "document", "item_id", "version")

    def __init__(self, item_id: str, document: bytes, version: int) -> None:
        self.item_id = item_id
        self.document = document
        self.version = version
        """Of the catalogue when the document was last compared."""
        # What is shown holds from the one moment up to the other: promotions begin and end by the clock.
        self._since = self._until = -inf
        self._shown: dict[ViewKey, Shown] = {}
        self._because: dict[tuple[str, str | None], Because] = {}

    def item(self) -> Item:
        """The item; of a code without one, its id alone."""
        return decode_item(self.document) if self.document else Item(item_id=self.item_id)

    def shown(self, view: ItemView, key: ViewKey) -> Shown:
        """The item with the offer to show and the asked attributes; `key` is the view's."""
        if self._since <= view.at < self._until:
            found = self._shown.get(key)
            if found is not None:
                return found
        return self._show(view, key, self.item())

    def _show(self, view: ItemView, key: ViewKey, item: Item) -> Shown:
        if not self._since <= view.at < self._until:
            turns = _turns(item)
            self._since = max((turn for turn in turns if turn <= view.at), default=-inf)
            self._until = min((turn for turn in turns if turn > view.at), default=inf)
            self._shown = {}
        offer: Offer | None = view.offer(item)
        shown = Shown(self.item_id, None if offer is None else offer.sku, view.attributes(item, offer))
        return _kept(self._shown, key, shown)

    def because(self, code: str, language: str | None) -> Because:
        """A reason that points to this item."""
        found = self._because.get((code, language))
        if found is None:
            text = reason_text(code, language, title_in(self.item().titles, language))
            found = _kept(self._because, (code, language), Because(code, text, self.item_id))
        return found


def _kept(held: dict[K, V], key: K, value: V) -> V:
    """`value`, kept beside few others."""
    if len(held) >= _VIEWS:
        held.clear()
    return held.setdefault(key, value)


def _turns(item: Item) -> tuple[int, ...]:
    """When promotions of an item begin or end."""
    promos = [offer.promo for offer in item.offers if offer.promo is not None]
    return tuple(turn for promo in promos for turn in (promo.start, promo.end) if turn is not None)


class Faces:
    """The faces of one catalogue."""

    def __init__(self, catalogue: Catalogue, capacity: int = _CAPACITY) -> None:
        self.catalogue = catalogue
        self._capacity = capacity
        self._kept: dict[int, Face] = {}
        self.hits = 0
        self.misses = 0

    def of(self, code: int) -> Face:
        """The face of an item as it is now; of a code without an item, its id alone."""
        return self.all_of((code,))[0]

    def all_of(self, codes: Iterable[int]) -> list[Face]:
        """The faces of some items, in their order."""
        # Read before the documents: a change in between makes the next look compare again.
        version, find = self.catalogue.version, self._kept.get
        faces = []
        for code in codes:
            kept = find(code)
            if kept is not None and kept.version == version:
                self.hits += 1
            else:
                kept = self._looked_at(code, kept, version)
            faces.append(kept)
        return faces

    def _looked_at(self, code: int, kept: Face | None, version: int) -> Face:
        document = self.catalogue.documents.document(code)
        if kept is not None and kept.document == document:
            kept.version = version
            self.hits += 1
            return kept
        self.misses += 1
        face = Face(self.catalogue.vocabulary[code], document, version)
        if len(self._kept) >= self._capacity:
            self._kept = dict(list(self._kept.items())[self._capacity // 2 :])
        self._kept[code] = face
        return face

    def counted(self) -> tuple[int, int]:
        """Hits and misses since the last call."""
        hits, misses, self.hits, self.misses = self.hits, self.misses, 0, 0
        return hits, misses
