"""The simulated shoppers as arrays: attributes, what they like, how long and how much they shop.

Attributes matter: age band, gender and city tier shift the departments a shopper likes, city tier and member
level shift the price tier. Taste is recomputed from the seed where it is needed, never stored per shopper.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_store.simulator.config import Simulation
from feature_store.simulator.draws import Draws
from feature_store.simulator.words import DEPARTMENTS, SHELVES, STYLES

__all__ = [
    "AGE_BANDS",
    "CHANNELS",
    "CITY_TIERS",
    "GENDERS",
    "MEMBER_LEVELS",
    "STAGES",
    "Population",
    "build_population",
]

AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55+")
GENDERS = ("female", "male", "undisclosed")
CITY_TIERS = ("tier1", "tier2", "tier3", "tier4")
MEMBER_LEVELS = ("basic", "silver", "gold", "platinum")
CHANNELS = ("app_store", "search", "social", "referral", "store")
STAGES = ("new", "active", "loyal", "at_risk", "lapsed", "registered")

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_STAGE_SHARES = (0.15, 0.44, 0.12, 0.14, 0.15)
_STAGE_ACTIVITY = np.array([1.0, 1.0, 4.0, 1.2, 1.0, 0.0])
_FAKE_ACTIVITY = 3.0
_SHELF_DEPARTMENT = np.repeat(np.arange(len(DEPARTMENTS)), [len(d.shelves) for d in DEPARTMENTS])


@dataclass(frozen=True, slots=True)
class Population:
    """Columns aligned with shopper codes 0…n-1."""

    age_band: Codes
    gender: Codes
    city_tier: Codes
    member_level: Codes
    channel: Codes
    stage: Codes
    first_day: Codes
    last_day: Codes
    activity: Floats
    """Relative number of sessions per day between first and last day; 0 for cold shoppers."""
    fake: npt.NDArray[np.bool_]
    draws: Draws

    def __len__(self) -> int:
        return len(self.stage)

    def tier(self, users: Codes) -> Codes:
        """Preferred price tier of each shopper."""
        wealth = 0.5 * self.member_level[users] - 0.4 * self.city_tier[users]
        level = wealth + self.draws.normal("user.tier", users)
        return np.digitize(level, [-0.3, 1.0]).astype(np.int64)

    def style(self, users: Codes) -> Codes:
        """Preferred style of each shopper."""
        return self.draws.below("user.style", len(STYLES), users)

    def taste(self, users: Codes) -> Floats:
        """Probability that a shopper looks at each shelf, all seasons alike: (users, shelves)."""
        score = self._department_score(users)[:, _SHELF_DEPARTMENT]
        score += 0.7 * self.draws.normal("taste.shelf", users[:, None], np.arange(len(SHELVES))[None, :])
        np.exp(score, out=score)
        score /= score.sum(axis=1, keepdims=True)
        return score

    def department_taste(self, users: Codes) -> Floats:
        """The same by department: (users, departments)."""
        starts = np.flatnonzero(np.diff(_SHELF_DEPARTMENT, prepend=-1))
        return np.asarray(np.add.reduceat(self.taste(users), starts, axis=1), dtype=np.float64)

    def weights_on(self, day: int) -> Floats:
        """Relative number of sessions of each shopper on a day."""
        return np.where((self.first_day <= day) & (day <= self.last_day), self.activity, 0.0)

    def _department_score(self, users: Codes) -> Floats:
        departments = np.arange(len(DEPARTMENTS))[None, :]
        score = 0.8 * self.draws.normal("taste.department", users[:, None], departments)
        for name, column, values in (
            ("age", self.age_band, AGE_BANDS),
            ("gender", self.gender, GENDERS),
            ("city", self.city_tier, CITY_TIERS),
        ):
            shift = self.draws.normal(f"taste.{name}", np.arange(len(values))[:, None], departments)
            score += 0.9 * shift[column[users]]
        return score


def build_population(config: Simulation, draws: Draws) -> Population:
    """Draws every shopper's columns; O(users) memory, about 100 bytes each."""
    code = np.arange(config.users, dtype=np.int64)
    stage = draws.choice("user.stage", _STAGE_SHARES, code)
    ranked = np.argsort(draws.uniform("user.special", code), kind="stable")
    cold = round(config.cold_users * config.users)
    stage[ranked[:cold]] = STAGES.index("registered")
    fake = np.zeros(config.users, dtype=np.bool_)
    fake[ranked[cold : cold + round(config.fake_buyers * config.users)]] = True
    stage[fake] = STAGES.index("active")
    first, last = _lifetimes(config, draws, stage)
    return Population(
        age_band=draws.choice("user.age", (0.2, 0.32, 0.24, 0.14, 0.1), code),
        gender=draws.choice("user.gender", (0.48, 0.42, 0.1), code),
        city_tier=draws.choice("user.city", (0.25, 0.3, 0.25, 0.2), code),
        member_level=draws.choice("user.level", (0.55, 0.25, 0.14, 0.06), code),
        channel=draws.choice("user.channel", (0.3, 0.25, 0.2, 0.1, 0.15), code),
        stage=stage,
        first_day=first,
        last_day=last,
        activity=np.exp(0.9 * draws.normal("user.activity", code))
        * _STAGE_ACTIVITY[stage]
        * np.where(fake, _FAKE_ACTIVITY, 1.0),
        fake=fake,
        draws=draws,
    )


def _lifetimes(config: Simulation, draws: Draws, stage: Codes) -> tuple[Codes, Codes]:
    """First and last active day: new ones start in the last sixth, lapsed ones stop before half time."""
    code = np.arange(len(stage), dtype=np.int64)
    u = draws.uniform("user.lifetime", code)
    final = config.days - 1
    first = np.where(stage == STAGES.index("new"), np.floor(config.days * (5 + 0.9 * u) / 6), 0)
    stops = {"at_risk": (0.6, 0.2), "lapsed": (0.2, 0.3)}
    last = np.full(len(stage), final, dtype=np.float64)
    for name, (earliest, spread) in stops.items():
        last = np.where(stage == STAGES.index(name), np.floor(final * (earliest + spread * u)), last)
    return first.astype(np.int64), last.astype(np.int64)
