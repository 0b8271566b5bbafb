"""Scenario halls (场景馆): a theme with copy and a few personalised shelves, as the database holds them.

Invariants: `configs/scenarios.toml` is a seed that is loaded once, afterwards the database is the truth;
nothing is stored that does not validate, filters included; readers get a snapshot that outlives an
unreachable database.
"""

import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy import Engine, func, select

from recsys.errors import ConfigError, ExpressionError
from recsys.expressions import Expression, keeps, parse
from recsys.types import Scalar
from serving.control.audit import AuditEntry, record
from serving.control.sessions import reading_session, writing_session
from serving.control.snapshot import Snapshot
from serving.control.tables import ScenarioRow, SeedRow
from serving.errors import NotFound

__all__ = ["Scenario", "ScenarioRepository", "Shelf", "Strategy", "read_scenarios"]

SNAPSHOT_TTL_S: Final = 3.0
_SEED: Final = "scenarios"

Words = Annotated[Mapping[str, Annotated[str, Field(min_length=1)]], Field(min_length=1)]
"""One text by language; the first language stands in where a shopper's is missing."""


class Strategy(StrEnum):
    """How a shelf chooses among the items its filter lets stand on it."""

    FOR_YOU = "for_you"
    BUY_AGAIN = "buy_again"
    TRENDING = "trending"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shelf(_Frozen):
    """One row of a hall."""

    name: Words
    strategy: Strategy = Strategy.FOR_YOU
    filter: str | None = None
    """Which items may stand here, in the filter language; None for all."""
    size: int = Field(default=12, ge=1, le=50)
    """At most this many items."""
    min_items: int = Field(default=1, ge=1, le=50)
    """With fewer the shelf is left out."""

    @field_validator("filter")
    @classmethod
    def _filter_parses(cls, text: str | None) -> str | None:
        return _checked(text)

    @cached_property
    def expression(self) -> Expression | None:
        """The filter as a tree."""
        return parse(self.filter) if self.filter is not None else None


class Scenario(_Frozen):
    """One hall."""

    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)
    title: Words
    # Not called `copy`: that name is a method of every pydantic model.
    body: Words = Field(alias="copy")
    audience: str | None = None
    """Whom it is for, in the filter language over `user.*`; None for everybody."""
    shelves: tuple[Shelf, ...] = Field(min_length=1, max_length=20)

    @field_validator("audience")
    @classmethod
    def _audience_parses(cls, text: str | None) -> str | None:
        return _checked(text)

    @cached_property
    def audience_expression(self) -> Expression | None:
        """The audience as a tree."""
        return parse(self.audience) if self.audience is not None else None

    def is_for(self, user: Mapping[str, Scalar]) -> bool:
        """Whether a shopper with these attributes belongs to the audience; unknown attributes do not."""
        return self.audience_expression is None or keeps(self.audience_expression, {}, user)


def read_scenarios(path: Path) -> tuple[Scenario, ...]:
    """Read halls from a TOML file such as `configs/scenarios.toml`.

    Raises:
        ConfigError: the file, the place in it and what is wrong there.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        scenarios = tuple(_File.model_validate(document).scenarios)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, p['loc']))}: {p['msg'].removeprefix('Value error, ')}"
            for p in error.errors()
        )
        raise ConfigError(f"{path}: " + "; ".join(problems)) from None
    slugs = [scenario.slug for scenario in scenarios]
    if twice := sorted({slug for slug in slugs if slugs.count(slug) > 1}):
        raise ConfigError(f"{path}: slug {twice[0]!r} is used twice; give every hall its own")
    return scenarios


class ScenarioRepository:
    """The halls of one installation. `clock` gives ms since the epoch."""

    def __init__(self, engine: Engine, clock: Callable[[], int], ttl_s: float = SNAPSHOT_TTL_S) -> None:
        self._engine = engine
        self._clock = clock
        self._snapshot: Snapshot[Mapping[str, Scenario]] = Snapshot("scenarios", self._load, ttl_s)

    def seed(self, path: Path) -> bool:
        """Load `path` if no seed was ever loaded; return whether this call did.

        Raises:
            ConfigError: the file is wrong; nothing is loaded then.
        """
        scenarios = read_scenarios(path)
        now = self._clock()
        with writing_session(self._engine, SeedRow.__tablename__) as session:
            if session.get(SeedRow, _SEED) is not None:
                return False
            session.add(SeedRow(name=_SEED, loaded_at=now))
            session.add_all(_row(scenario, place, now) for place, scenario in enumerate(scenarios))
            detail = {"slugs": [scenario.slug for scenario in scenarios]}
            record(
                session,
                AuditEntry(at=now, actor="seed", action="scenario.seed", subject=path.name, detail=detail),
            )
        return True

    def put(self, scenario: Scenario, *, actor: str) -> None:
        """Store a hall: a new slug comes last, a known one keeps its place."""
        now = self._clock()
        with writing_session(self._engine, ScenarioRow.__tablename__) as session:
            known = session.get(ScenarioRow, scenario.slug)
            last = session.scalar(select(func.max(ScenarioRow.place)))
            place = known.place if known is not None else (-1 if last is None else last) + 1
            session.merge(_row(scenario, place, now))
            record(session, AuditEntry(at=now, actor=actor, action="scenario.put", subject=scenario.slug))
        self._snapshot.refresh()

    def every(self) -> tuple[Scenario, ...]:
        """Return all halls in their order.

        Raises:
            UnavailableError: the database is away and halls were never read.
        """
        return tuple(self._snapshot.get().values())

    def known(self, slug: str) -> Scenario | None:
        """One hall, when it is at hand; never waits for the database."""
        halls = self._snapshot.at_hand()
        return None if halls is None else halls.get(slug)

    def named(self, slug: str) -> Scenario:
        """Return one hall.

        Raises:
            NotFound: there is no such hall; the message lists those there are.
            UnavailableError: as `every`.
        """
        known = self._snapshot.get()
        if slug not in known:
            raise NotFound(f"there is no scenario {slug!r}; there are: {', '.join(known) or 'none'}")
        return known[slug]

    @property
    def stale(self) -> bool:
        """Whether the database did not answer last time, so that the last known halls go on."""
        return self._snapshot.stale

    def _load(self) -> Mapping[str, Scenario]:
        with reading_session(self._engine) as session:
            rows = session.scalars(select(ScenarioRow).order_by(ScenarioRow.place, ScenarioRow.slug))
            return {row.slug: Scenario.model_validate_json(row.document) for row in rows}


class _File(_Frozen):
    scenarios: list[Scenario]


def _checked(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        parse(text)
    except ExpressionError as error:
        raise ValueError(str(error)) from None
    return text.strip()


def _row(scenario: Scenario, place: int, now: int) -> ScenarioRow:
    document = scenario.model_dump_json(by_alias=True, exclude_none=True)
    return ScenarioRow(slug=scenario.slug, place=place, document=document, updated_at=now)
