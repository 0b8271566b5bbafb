"""What is asked: the mixed traffic of a shop as whole HTTP requests, and the same people's requests to floor and peer.

Of all requests 60 % are of known shoppers, 30 % of sessions (half of them stored, half bring their events along) and
10 % of strangers; independently of that 10 % ask for what goes with some items, 5 % for a scenario hall, and 20 % of
the lists are filtered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson

from recsys.catalogue import Catalogue
from recsys.types import EventType
from serving.bench.people import People, Person
from serving.control.scenarios import Scenario, Shelf, Strategy

__all__ = ["HALL", "Traffic", "post"]

HALL: Final = "bench"
_KNOWN: Final = 0.6
_SESSION: Final = 0.3
_HALLS: Final = 0.05
_RELATED: Final = 0.1
_FILTERED: Final = 0.2
_FILTERS_OF_A_KIND: Final = 10


@dataclass(frozen=True)
class Traffic:
    """Makes requests over a release's catalogue."""

    catalogue: Catalogue
    people: People
    key: str
    seed: int = 0

    def ours(self, count: int) -> list[bytes]:
        """Requests to the product."""
        generator = np.random.default_rng(self.seed)
        filters = self._filters(generator)
        return [self._request(generator, filters) for _ in range(count)]

    def to_floor(self, count: int) -> list[bytes]:
        """Requests with a body to validate and nothing to look up."""
        shoppers = self.people.shoppers
        return [post("/recommend", {"user_id": shoppers[n % len(shoppers)].name}) for n in range(count)]

    def to_peer(self, count: int) -> list[bytes]:
        """Requests with the history of a shopper, a session or a stranger, in the shares of ours."""
        generator = np.random.default_rng(self.seed)
        asked = (self._person(generator)[1] for _ in range(count))
        return [post("/recommend", {"items": [] if each is None else list(each.items)}) for each in asked]

    def hall(self) -> Scenario:
        """A hall whose shelves fit the catalogue: two categories, what is cheap, what is trending, what was bought."""
        first, second = self._categories(np.random.default_rng(self.seed), depth=1, count=2)
        cheap = f"price < {self._price(0.5):g}"
        shelves = (
            Shelf(name={"en": "One"}, filter=first),
            Shelf(name={"en": "Two"}, filter=second),
            Shelf(name={"en": "Cheap"}, filter=cheap, size=8),
            Shelf(name={"en": "Now"}, strategy=Strategy.TRENDING, size=8),
            Shelf(name={"en": "Again"}, strategy=Strategy.BUY_AGAIN, size=8),
        )
        words = {"en": "Bench", "zh": "测试"}
        return Scenario(slug=HALL, title=words, copy=words, shelves=shelves)

    def _request(self, generator: np.random.Generator, filters: Sequence[str]) -> bytes:
        kind, person = self._person(generator)
        luck, filtered = generator.random(), generator.random() < _FILTERED
        if luck < _HALLS:
            named = {"shopper": "user_id", "session": "session_id"}.get(kind)
            query = f"?{named}={person.name}" if person is not None and named is not None else ""
            return _get(f"/v1/scenarios/{HALL}{query}", self.key)
        body: dict[str, Any] = {**_identity(kind, person, self.catalogue), "slot": "home"}
        if luck < _HALLS + _RELATED:
            codes = person.items[-1 - int(generator.integers(3)) :] if person is not None else (0,)
            body |= {"item_ids": self.catalogue.vocabulary.decode(codes), "slot": "detail"}
        if filtered:
            body["filter"] = filters[int(generator.integers(len(filters)))]
        return post("/v1/recommendations", body, self.key)

    def _person(self, generator: np.random.Generator) -> tuple[str, Person | None]:
        luck, people = generator.random(), self.people
        if luck < _KNOWN:
            kind, among = "shopper", people.shoppers
        elif luck < _KNOWN + _SESSION:
            stored = generator.random() < 0.5
            kind, among = ("session", people.sessions) if stored else ("visitor", people.visitors)
        else:
            return "stranger", None
        return kind, among[int(generator.integers(len(among)))]

    def _filters(self, generator: np.random.Generator) -> list[str]:
        """From half of the catalogue to a thousandth: what menus, price sliders and brand boxes send."""
        wide = [f"available and price < {self._price(share):g}" for share in np.linspace(0.3, 0.9, 7)]
        brands = self.catalogue.brands
        named = [brands[code] for code in range(min(len(brands), _FILTERS_OF_A_KIND))]
        return [
            *wide,
            *self._categories(generator, depth=1, count=_FILTERS_OF_A_KIND),
            *self._categories(generator, depth=3, count=_FILTERS_OF_A_KIND),
            *(
                f'brand = "{brand}" and price > {self._price(0.2):g}'
                for brand in named
                if _is_plain(str(brand))
            ),
        ]

    def _categories(self, generator: np.random.Generator, depth: int, count: int) -> list[str]:
        """Filters on categories of a depth, or the deepest there are."""
        tree = self.catalogue.categories
        levels = (tree.ancestors >= 0).sum(axis=1)
        found = np.flatnonzero(levels == min(depth, int(levels.max(initial=0))))
        plain = [tree.paths[code] for code in found.tolist() if _is_plain(tree.paths[code])]
        if not plain:
            return ["available"] * count
        return [
            f'category under "{plain[place]}"' for place in generator.integers(0, len(plain), count).tolist()
        ]

    def _price(self, share: float) -> float:
        prices = self.catalogue.price
        known = prices[np.isfinite(prices)]
        return float(np.quantile(known, share)) if len(known) else 1.0


def _identity(kind: str, person: Person | None, catalogue: Catalogue) -> Mapping[str, Any]:
    if person is None:
        return {}
    if kind == "shopper":
        return {"user_id": person.name}
    if kind == "session":
        return {"session_id": person.name}
    return {"events": _events(person, catalogue)}


def _events(person: Person, catalogue: Catalogue) -> list[dict[str, Any]]:
    ids = catalogue.vocabulary.decode(person.items)
    rows = zip(ids, person.kinds, person.times, strict=True)
    return [{"type": EventType(kind).value, "item_id": item, "timestamp": time} for item, kind, time in rows]


def _is_plain(text: str) -> bool:
    return '"' not in text and "\\" not in text


def post(path: str, body: Mapping[str, Any], key: str | None = None) -> bytes:
    """A whole POST request."""
    content = orjson.dumps(body)
    head = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return _head("POST", path, key) + head.encode() + b"\r\n" + content


def _get(path: str, key: str | None = None) -> bytes:
    return _head("GET", path, key) + b"\r\n"


def _head(method: str, path: str, key: str | None) -> bytes:
    permit = f"Authorization: Bearer {key}\r\n" if key is not None else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{permit}".encode()
