from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from feature_store.records.fields import CellError
from feature_store.records.times import parse_time, to_rfc3339, zone
from recsys.errors import InputError

NEW_YEAR = 1_704_067_200_000
SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    "value",
    [
        NEW_YEAR,
        float(NEW_YEAR),
        "2024-01-01T00:00:00Z",
        "2024-01-01 00:00:00Z",
        "2024-01-01t00:00:00z",
        "2024-01-01T08:00:00+08:00",
        "2024-01-01T08:00+0800",
        "2023-12-31T19:00:00.000999-05:00",
        datetime(2024, 1, 1, tzinfo=UTC),
    ],
)
def test_every_spelling_of_an_instant_is_the_same_number(value: object) -> None:
    assert parse_time(value, None) == NEW_YEAR


@pytest.mark.parametrize("value", ["2024-01-01T08:00:00", "2024-01-01 08:00", datetime(2024, 1, 1, 8)])  # noqa: DTZ001
def test_a_naive_time_means_what_the_zone_says(value: object) -> None:
    assert parse_time(value, SHANGHAI) == NEW_YEAR


@pytest.mark.parametrize("value", ["2024-01-01", date(2024, 1, 1)])
def test_a_date_is_its_first_moment_in_the_zone(value: object) -> None:
    assert parse_time(value, SHANGHAI) == NEW_YEAR - 8 * 3_600_000


def test_a_naive_time_without_a_zone_is_refused_with_the_option_to_give() -> None:
    with pytest.raises(CellError, match="--timezone") as caught:
        parse_time("2024-01-01T00:00:00", None)
    assert caught.value.code == "naive_time"


def test_an_hour_that_occurs_twice_is_the_earlier_one() -> None:
    # 1:30 on this day exists at UTC-4 and at UTC-5.
    assert parse_time("2024-11-03T01:30:00", NEW_YORK) == parse_time("2024-11-03T01:30:00-04:00", None)


@pytest.mark.parametrize(
    "value", ["yesterday", "2024-02-30T00:00:00Z", "2024-13-01", "", "2024-01-01T25:00:00Z"]
)
def test_what_is_no_time_is_refused(value: str) -> None:
    with pytest.raises(CellError) as caught:
        parse_time(value, SHANGHAI)
    assert caught.value.code == "bad_time"


@pytest.mark.parametrize("value", [None, True, 1.5, [], {}])
def test_other_types_are_no_times(value: object) -> None:
    with pytest.raises(CellError) as caught:
        parse_time(value, None)
    assert caught.value.code == "wrong_type"


def test_milliseconds_in_text_count_only_where_that_is_allowed() -> None:
    assert parse_time(str(NEW_YEAR), None, digits=True) == NEW_YEAR
    with pytest.raises(CellError):
        parse_time(str(NEW_YEAR), None)


def test_an_instant_is_shown_in_utc_and_reads_back() -> None:
    shown = to_rfc3339(NEW_YEAR + 1)
    assert shown == "2024-01-01T00:00:00.001Z"
    assert parse_time(shown, None) == NEW_YEAR + 1


@pytest.mark.parametrize("name", ["Asia/Peking-Duck", "", "../etc/passwd"])
def test_an_unknown_zone_is_an_input_error(name: str) -> None:
    with pytest.raises(InputError, match="Asia/Shanghai"):
        zone(name)


def test_a_known_zone_is_found() -> None:
    assert zone("Asia/Shanghai") == SHANGHAI
