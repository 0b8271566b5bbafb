"""What a generator finds in the answers themselves, at a price it can pay: patterns, no parsing.

Standard library alone: the generator imports it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from serving.bench.tally import Answered

__all__ = ["Belonging", "Sightings", "items_shown"]

_ITEM: Final = re.compile(rb'"item_id":"([^"]+)"')
_RELEASE: Final = re.compile(rb'"(?:version|release_id)":"([0-9a-f]{16})"')
_EXAMPLES: Final = 5


def items_shown(body: bytes) -> list[str]:
    """Ids of the items an answer shows, shelf by shelf."""
    return [found.decode() for found in _ITEM.findall(body)]


class Sightings:
    """When which of some items were shown."""

    def __init__(self, watched: Iterable[str]) -> None:
        self._watched = frozenset(watched)
        self._seen: list[tuple[str, float]] = []
        self._answers = 0

    def __call__(self, answered: "Answered") -> None:
        """Look at one answer."""
        if not answered.kind.startswith("200"):
            return
        self._answers += 1
        seen = self._watched.intersection(items_shown(answered.body))
        self._seen += [(item, answered.sent) for item in seen]

    def found(self) -> dict[str, Any]:
        """`answers` looked at, and `seen`: (item, moment its request was sent)."""
        return {"answers": self._answers, "seen": self._seen}


class Belonging:
    """Whether each answer names one known release, and shows items of that release alone."""

    def __init__(self, items_of: Mapping[str, Iterable[str]]) -> None:
        self._items_of = {release: frozenset(items) for release, items in items_of.items()}
        self._answers: Counter[str] = Counter()
        self._wrong: Counter[str] = Counter()
        self._told: list[str] = []

    def __call__(self, answered: "Answered") -> None:
        """Look at one answer."""
        if not answered.kind.startswith("200"):
            return
        named = {found.decode() for found in _RELEASE.findall(answered.body)}
        if len(named) != 1:
            self._is_wrong("names no release" if not named else "names several releases", answered)
            return
        (release,) = named
        self._answers[release] += 1
        items = self._items_of.get(release)
        if items is None:
            self._is_wrong("names an unknown release", answered)
        elif not items.issuperset(items_shown(answered.body)):
            self._is_wrong("shows an item of another release", answered)

    def found(self) -> dict[str, Any]:
        """`answers` by release, `wrong` ones by what is wrong, some `examples`."""
        return {"answers": dict(self._answers), "wrong": dict(self._wrong), "examples": self._told}

    def _is_wrong(self, why: str, answered: "Answered") -> None:
        self._wrong[why] += 1
        if len(self._told) < _EXAMPLES:
            self._told.append(f"{why}: {answered.body[:500].decode(errors='replace')}")
