"""A scenario hall (场景馆): its shelves filled for one shopper, no item twice on the page.

Invariants: all shelves see one release, one shopper and one moment; a shelf that cannot show its least number of
items is left out and gives its items back to the shelves after it; positions count through the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from recsys.query import Answer, Query
from recsys.reading import Reading
from recsys.types import Scalar
from serving.control.scenarios import Scenario, ScenarioRepository, Shelf, Strategy
from serving.ids import uuid7
from serving.lists.after_answer import AfterAnswer
from serving.lists.feedback import served_event
from serving.lists.hydrators import Shopper
from serving.lists.listings import Ask, Listing, Placed
from serving.lists.logged import logged_of
from serving.lists.presenter import digest_of, place, view_of
from serving.lists.recommend import Moment, Recommender
from serving.lists.turns import Turns

__all__ = ["FilledShelf", "Hall", "ScenarioPages"]

# A shelf says what stands on it, so only the personal one is completed with trending items.
_SOURCES: Final[Mapping[Strategy, tuple[str, ...] | None]] = {
    Strategy.FOR_YOU: None,
    Strategy.BUY_AGAIN: ("own",),
    Strategy.TRENDING: ("trending",),
}
_COMPLETED: Final = frozenset({Strategy.FOR_YOU, Strategy.TRENDING})


@dataclass(frozen=True, slots=True)
class FilledShelf:
    """A shelf and what stands on it."""

    shelf: Shelf
    items: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Hall:
    """A hall; `listing` is everything on the page, in the order shown."""

    scenario: Scenario
    shelves: tuple[FilledShelf, ...]
    listing: Listing


class ScenarioPages:
    """Fills halls and says which of them are for a shopper."""

    def __init__(self, recommender: Recommender, scenarios: ScenarioRepository, after: AfterAnswer) -> None:
        self._recommender = recommender
        self._scenarios = scenarios
        self._after = after

    def halls(self, ask: Ask) -> tuple[Scenario, ...]:
        """The halls whose audience this shopper belongs to, in their order.

        Raises:
            NotReady: no release is loaded.
            UnavailableError: the database is away and halls were never read.
        """
        attributes: Mapping[str, Scalar] = self._recommender.moment(ask).shopper.attributes
        return tuple(hall for hall in self._scenarios.every() if hall.is_for(attributes))

    def known(self, slug: str) -> Scenario | None:
        """One hall, not filled, when it is at hand; never waits for the database."""
        return self._scenarios.known(slug)

    def named(self, slug: str) -> Scenario:
        """One hall, not filled; may wait for the database.

        Raises:
            NotFound: there is no such hall.
            UnavailableError: the database is away and halls were never read.
        """
        return self._scenarios.named(slug)

    async def fill(self, scenario: Scenario, ask: Ask, turns: Turns) -> Hall:
        """One hall, filled for the shopper of `ask`, shelf by shelf as its turns come.

        Raises:
            NotReady: no release is loaded.
        """
        page = await turns.run_with(self._recommender.read(ask), partial(self._open, ask))
        for shelf in scenario.shelves:
            await turns.run(partial(page.add, shelf), goes_on=True)
        hall = Hall(scenario, tuple(page.shelves), page.listing())
        self._recommender.count_page(hall.listing)
        if not ask.dry_run:
            self._after.served(partial(served_event, hall.listing))
        return hall

    def _open(self, ask: Ask, shopper: Shopper) -> "_Page":
        return _Page(self._recommender, self._recommender.moment(ask, shopper), ask)


class _Page:
    """A page while it is filled."""

    def __init__(self, recommender: Recommender, moment: Moment, ask: Ask) -> None:
        self._recommender = recommender
        self._moment = moment
        self._ask = ask
        self._recomm_id = uuid7(moment.at)
        self._query = recommender.query(ask, moment)
        self._taken = self._query.exclude
        self._reading = Reading()
        self._answers: list[Answer] = []
        self._late: tuple[str, ...] = ()
        self.shelves: list[FilledShelf] = []

    def add(self, shelf: Shelf) -> None:
        """Fill the next shelf, or leave it out."""
        answer, late = self._recommender.answer(self._question(shelf), self._moment, self._reading)
        self._late = self._late or late
        if len(answer.items) < shelf.min_items:
            return
        view = view_of(self._ask, self._moment.at)
        items = place(answer, self._moment.faces, view, first=self._count() + 1)
        self._taken = np.concatenate([self._taken, answer.items])
        self._answers.append(answer)
        self.shelves.append(FilledShelf(shelf, items))

    def listing(self) -> Listing:
        """Everything on the page as one list."""
        fallbacks = [answer.fallback_used for answer in self._answers if answer.fallback_used is not None]
        return Listing(
            recomm_id=self._recomm_id,
            ask=self._ask,
            at=self._moment.at,
            release=self._moment.release,
            items=tuple(placed for filled in self.shelves for placed in filled.items),
            fallback_used=fallbacks[0] if fallbacks else None,
            degraded=(*self._moment.degraded, *self._late),
            notices=_notices(self._answers),
            events_lag_ms=self._moment.events_lag_ms,
            state_digest=digest_of(self._query),
            logged=logged_of(self._answers, behind=False),
        )

    def _question(self, shelf: Shelf) -> Query:
        return replace(
            self._query,
            slot="buy-again" if shelf.strategy is Strategy.BUY_AGAIN else "any",
            num=shelf.size,
            filter=shelf.expression,
            exclude=self._taken,
            sources=_SOURCES[shelf.strategy],
            fill=shelf.strategy in _COMPLETED,
        )

    def _count(self) -> int:
        return sum(len(filled.items) for filled in self.shelves)


def _notices(answers: Sequence[Answer]) -> tuple[str, ...]:
    """What is true of the page as a whole: short shelves are normal, a page without shelves is not."""
    return () if answers else ("empty_page",)
