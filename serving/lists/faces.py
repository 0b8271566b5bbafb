"""Items as lists show them, decoded once and kept: a list shows twenty items, and most of them the list before did too.

Invariants: a kept item is used only while its document is byte by byte the one it was made from, so a change shows at
once whoever makes it; at most `capacity` items are kept, the oldest half goes when that is reached. Safe to share
between threads: an entry is replaced whole.
"""

from collections.abc import Iterable
from math import inf
from typing import Final

from recsys.catalogue import Catalogue
from recsys.documents import decode_item
from recsys.types import Item, Offer
from serving.lists.item_view import ItemView, title_in
from serving.lists.listings import Because, Shown
from serving.lists.texts import reason_text

__all__ = ["Face", "Faces", "ViewKey", "key_of"]

_CAPACITY: Final = 20_000
_VIEWS: Final = 8
ViewKey = tuple[str | None, str | None, str | None, tuple[str, ...] | None]
"""What two callers have in common who see the same, prices of the moment aside."""


def key_of(view: ItemView) -> ViewKey:
    """The key of a view."""
    return view.language, view.market, view.channel, view.fields


class Face:
    """One item as it is now, and what was made of it for callers who see items alike."""

    __slots__ = ("_because", "_shown", "_since", "_titles", "_turns", "_until", "document", "item", "version")

    def __init__(self, document: bytes, item: Item, version: int) -> None:
        self.document = document
        self.item = item
        self.version = version
        """Of the catalogue when the document was last compared."""
        self._turns = _turns(item)
        # What is kept holds from the one moment up to the other.
        self._since = self._until = -inf
        self._shown: dict[ViewKey, Shown] = {}
        self._titles: dict[str | None, str | None] = {}
        self._because: dict[tuple[str, str | None], Because] = {}

    def shown(self, view: ItemView, key: ViewKey) -> Shown:
        """The item with the offer to show and the asked attributes; `key` is the view's."""
        if not self._since <= view.at < self._until:
            self._begin(view.at)
        found = self._shown.get(key)
        if found is None:
            offer: Offer | None = view.offer(self.item)
            sku = None if offer is None else offer.sku
            found = Shown(self.item.item_id, sku, view.attributes(self.item, offer))
            if len(self._shown) >= _VIEWS:
                self._shown = {}
            self._shown[key] = found
        return found

    def _begin(self, at: int) -> None:
        """Forget what was shown while other promotions were on."""
        self._shown = {}
        self._since = max((turn for turn in self._turns if turn <= at), default=-inf)
        self._until = min((turn for turn in self._turns if turn > at), default=inf)

    def title(self, language: str | None) -> str | None:
        """The title in a language, else the shop's first."""
        try:
            return self._titles[language]
        except KeyError:
            if len(self._titles) >= _VIEWS:
                self._titles = {}
            return self._titles.setdefault(language, title_in(self.item.titles, language))

    def because(self, code: str, language: str | None) -> Because:
        """A reason that points to this item."""
        try:
            return self._because[code, language]
        except KeyError:
            if len(self._because) >= _VIEWS:
                self._because = {}
            text = reason_text(code, language, self.title(language))
            return self._because.setdefault((code, language), Because(code, text, self.item.item_id))


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
        item = decode_item(document) if document else Item(item_id=self.catalogue.vocabulary[code])
        face = Face(document, item, version)
        if len(self._kept) >= self._capacity:
            self._kept = dict(list(self._kept.items())[self._capacity // 2 :])
        self._kept[code] = face
        return face

    def counted(self) -> tuple[int, int]:
        """Hits and misses since the last call."""
        hits, misses, self.hits, self.misses = self.hits, self.misses, 0, 0
        return hits, misses
