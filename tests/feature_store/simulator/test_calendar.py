from datetime import date

import numpy as np

from feature_store.simulator.calendar import (
    days_of,
    sessions_per_day,
    start_times,
    traffic_by_day,
    wanted_by_season,
)
from feature_store.simulator.config import DAY_MS, Simulation
from feature_store.simulator.words import SHELVES

CONFIG = Simulation(users=10, items=60, events=0)


def shelf(name: str) -> int:
    return next(index for index, entry in enumerate(SHELVES) if entry.name[0] == name)


def test_the_default_campaign_is_on_the_eighteenth_of_june() -> None:
    assert days_of(CONFIG)[CONFIG.campaign_day] == date(2025, 6, 18)


def test_the_sessions_of_the_days_add_up_exactly() -> None:
    for total in (0, 1, 89, 12_345):
        counts = sessions_per_day(CONFIG, total)
        assert counts.sum() == total
        assert counts.min() >= 0


def test_the_campaign_multiplies_the_traffic_of_its_day() -> None:
    quiet = traffic_by_day(CONFIG.model_copy(update={"campaign_traffic": 1.0}))
    ratio = traffic_by_day(CONFIG) / quiet
    assert np.isclose(ratio[CONFIG.campaign_day], 3.0)
    assert np.allclose(np.delete(ratio, CONFIG.campaign_day), 1.0)


def test_weekends_are_busier_than_the_friday_before() -> None:
    traffic = traffic_by_day(CONFIG)
    saturday = next(i for i, day in enumerate(days_of(CONFIG)) if i and day.weekday() == 5)
    assert traffic[saturday] > 1.2 * traffic[saturday - 1]


def test_a_season_lifts_its_shelf_at_its_peak_and_leaves_others_alone() -> None:
    year = Simulation(users=10, items=60, events=0, start=date(2025, 1, 1), days=365)
    wanted = wanted_by_season(year)
    swimming = wanted[:, shelf("Swimming")]
    assert days_of(year)[int(swimming.argmax())].month == 7
    assert swimming.max() / swimming.min() > 5
    assert np.allclose(wanted[:, shelf("Kitchen")], 1.0)


def test_start_times_follow_the_hours_and_leave_room_before_midnight() -> None:
    times = start_times(np.linspace(0, 1, 100_001)[:-1])
    assert (np.diff(times) >= 0).all()
    assert times[0] == 0
    assert times[-1] < DAY_MS - 600_000
    hours = np.bincount(times // 3_600_000, minlength=24)
    assert hours.argmax() in (20, 21)
