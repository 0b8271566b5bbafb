"""When the simulated shop is busy: weekdays, hours, seasons and the one campaign day. All times UTC."""

import datetime as dt

import numpy as np
import numpy.typing as npt

from feature_store.simulator.config import DAY_MS, Simulation
from feature_store.simulator.words import SHELVES

__all__ = ["days_of", "sessions_per_day", "start_times", "traffic_by_day", "wanted_by_season"]

Floats = npt.NDArray[np.float64]

# Share of sessions starting in each hour: a lunch peak and an evening peak.
_HOURS = (2, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 8, 7, 6, 5, 5, 6, 7, 9, 11, 11, 8, 5)
# No session starts in the last quarter of an hour, so that a session never crosses midnight.
_LAST_START_MS = DAY_MS - 15 * 60_000


def days_of(config: Simulation) -> list[dt.date]:
    """The simulated dates, in order."""
    return [config.start + dt.timedelta(days=offset) for offset in range(config.days)]


def traffic_by_day(config: Simulation) -> Floats:
    """Relative sessions per day, shape (days,): weekends a quarter up, slow growth, the campaign on top."""
    weekend = np.array([1.25 if day.weekday() >= 5 else 1.0 for day in days_of(config)])
    traffic = weekend * np.linspace(0.9, 1.1, config.days)
    traffic[config.campaign_day] *= config.campaign_traffic
    return np.asarray(traffic, dtype=np.float64)


def wanted_by_season(config: Simulation) -> Floats:
    """Demand factor, shape (days, shelves): 1 where a shelf has no season, else 0.4 to 2.5."""
    months = np.array([day.month - 1 + day.day / 31 for day in days_of(config)])[:, None]
    peaks = np.array([np.nan if shelf.peak is None else shelf.peak - 0.5 for shelf in SHELVES])[None, :]
    swing = 0.9 * np.cos((months - peaks) * (2.0 * np.pi / 12.0))
    return np.asarray(np.exp(np.nan_to_num(swing, nan=0.0)), dtype=np.float64)


def sessions_per_day(config: Simulation, sessions: int) -> npt.NDArray[np.int64]:
    """Splits `sessions` over the days in proportion to traffic; the parts add up exactly."""
    bounds = np.cumsum(traffic_by_day(config))
    edges = np.rint(bounds / bounds[-1] * sessions).astype(np.int64)
    return np.asarray(np.diff(edges, prepend=np.int64(0)), dtype=np.int64)


def start_times(u: Floats) -> npt.NDArray[np.int64]:
    """Maps uniforms to ms after midnight by the hour profile; ascending when `u` is."""
    hours = np.concatenate([[0.0], np.cumsum(_HOURS, dtype=np.float64)])
    at = np.interp(u * hours[-1], hours, np.arange(25.0)) * 3_600_000
    return np.asarray(np.minimum(at, _LAST_START_MS), dtype=np.int64)
