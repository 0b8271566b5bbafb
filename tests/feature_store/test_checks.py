from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.checks import CHECKS, CheckResult, Status, run_checks
from feature_store.history import Deletion, item_history, user_history
from feature_store.log import EventLog, parts
from feature_store.log.parts import DAY
from feature_store.records.codec import events_to_table
from recsys.types import Event, EventType, Item, Offer, User

NOW = 20_000 * DAY
HOUR = 3_600_000


def event(number: int, **changes: object) -> Event:
    plain = Event(
        event_id=f"e{number}",
        type=EventType.VIEW,
        timestamp=NOW - 10 * DAY + number * 1000,
        user_id="u",
        item_id="杯子",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def shop(home: Path, *events: Event, item: Item | None = None, user: str = "u") -> dict[str, CheckResult]:
    item_history(home).import_all([item or Item(item_id="杯子", offers=(Offer(sku="k", price=3),))], NOW)
    user_history(home).import_all([User(user_id=user)], NOW)
    EventLog(home / "events").append(events_to_table(events), "test")
    return results(home)


def results(home: Path) -> dict[str, CheckResult]:
    return {result.name: result for result in run_checks(home, NOW)}


def test_a_sound_shop_passes_every_check(tmp_path: Path) -> None:
    found = shop(
        tmp_path, event(1), event(2, type=EventType.PURCHASE), event(3, user_id=None, session_id="s")
    )
    assert {name: result.status for name, result in found.items()} == {
        check.name: Status.PASS for check in CHECKS
    }
    assert found["duplicate_ids"].total == 3


def test_an_empty_home_fails_for_want_of_events_alone(tmp_path: Path) -> None:
    found = results(tmp_path)
    assert [name for name, result in found.items() if result.status is not Status.PASS] == ["events_present"]


def test_an_id_in_two_parts_is_a_duplicate(tmp_path: Path) -> None:
    shop(tmp_path, event(1), event(2))
    folder = EventLog(tmp_path / "events").files()[0].parent
    parts.write_part(folder, "import-smuggled.parquet", events_to_table([event(1)]), "by hand")
    assert (results(tmp_path)["duplicate_ids"].status, results(tmp_path)["duplicate_ids"].count) == (
        Status.FAIL,
        1,
    )


@pytest.mark.parametrize(("strangers", "status"), [(0, Status.PASS), (1, Status.WARN), (3, Status.FAIL)])
def test_unknown_items_warn_and_fail_when_they_are_many(
    tmp_path: Path, strangers: int, status: Status
) -> None:
    events = [event(n, item_id="strange" if n < strangers else "杯子") for n in range(10)]
    found = shop(tmp_path, *events)["unknown_items"]
    assert (found.count, found.total, found.status) == (strangers, 10, status)


def test_a_sku_and_a_deleted_item_are_known(tmp_path: Path) -> None:
    item_history(tmp_path).record([Item(item_id="gone"), Deletion("gone", NOW + 1)], NOW)
    assert shop(tmp_path, event(1, item_id="k"), event(2, item_id="gone"))["unknown_items"].count == 0


def test_unknown_users_are_normal_until_nobody_is_recognised(tmp_path: Path) -> None:
    events = [event(n, user_id=f"u{n}") for n in range(5)]
    assert shop(tmp_path / "a", *events, user="u0")["unknown_users"].status is Status.PASS
    found = shop(tmp_path / "b", *events, user="U0")["unknown_users"]
    assert (found.status, found.count) == (Status.FAIL, 5)


@pytest.mark.parametrize(
    "changes",
    [{"timestamp": NOW + 25 * HOUR}, {"timestamp": NOW - DAY, "received_at": NOW - 3 * DAY}],
)
def test_times_ahead_of_the_clock_or_of_arrival_fail(tmp_path: Path, changes: dict[str, object]) -> None:
    found = shop(tmp_path, event(1), event(2, **changes))["future_times"]
    assert (found.status, found.count) == (Status.FAIL, 1)


def test_made_up_times_are_reported_and_spoil_no_other_check(tmp_path: Path) -> None:
    mark = {"synthetic_time": True}
    found = shop(tmp_path, *(event(n, context=mark) for n in range(700)))
    assert (found["synthetic_times"].status, found["synthetic_times"].count) == (Status.WARN, 700)
    assert found["bots_by_rate"].count == 0


def test_a_shopper_of_inhuman_speed_is_a_bot(tmp_path: Path) -> None:
    fast = [event(n, user_id="bot", timestamp=NOW - DAY + n * 1000) for n in range(600)]
    slow = [event(1000 + n, timestamp=NOW - 5 * DAY + n * HOUR) for n in range(100)]
    found = shop(tmp_path / "a", *fast, *slow)["bots_by_rate"]
    assert (found.status, found.count, found.total) == (Status.FAIL, 600, 700)
    crowd = [event(2000 + n, user_id=f"c{n}") for n in range(3000)]
    assert shop(tmp_path / "b", *fast, *crowd)["bots_by_rate"].status is Status.WARN


def test_many_lines_of_one_basket_are_no_bot(tmp_path: Path) -> None:
    basket = [event(n, timestamp=NOW - DAY, type=EventType.PURCHASE) for n in range(900)]
    assert shop(tmp_path, *basket)["bots_by_rate"].count == 0


def test_purchases_before_the_first_view_are_counted_per_shopper_and_item(tmp_path: Path) -> None:
    events = [
        event(1, type=EventType.PURCHASE),
        event(2),
        event(3, type=EventType.PURCHASE),
        event(4, user_id="v"),
        event(5, user_id="v", type=EventType.PURCHASE),
        event(6, user_id="never viewed", type=EventType.PURCHASE),
    ]
    found = shop(tmp_path, *events)["purchases_before_views"]
    assert (found.status, found.count, found.total) == (Status.WARN, 1, 2)


def test_negative_prices_fail_in_events_and_offers(tmp_path: Path) -> None:
    item = Item(item_id="杯子", offers=(Offer(sku="k", cost=-1.0), Offer(sku="l", price=1.0)))
    found = shop(tmp_path, event(1, price=-1.0), event(2, price=1.0), item=item)["negative_prices"]
    assert (found.status, found.count, found.total) == (Status.FAIL, 2, 4)


def test_an_event_of_nobody_fails(tmp_path: Path) -> None:
    found = shop(tmp_path, event(1, user_id=None), event(2, type=EventType.SERVED, user_id=None))
    assert (found["missing_shopper"].status, found["missing_shopper"].count) == (Status.FAIL, 1)


def test_test_events_are_not_looked_at(tmp_path: Path) -> None:
    found = shop(tmp_path, event(1), event(2, price=-1.0, item_id="strange", test=True))
    assert all(result.status is Status.PASS for result in found.values())


@pytest.mark.parametrize("folder", ["events", "items"])
def test_a_damaged_file_is_one_clear_failure(tmp_path: Path, folder: str) -> None:
    shop(tmp_path, event(1))
    next((tmp_path / folder).rglob("*.parquet")).write_bytes(b"PAR1 broken")
    (result,) = run_checks(tmp_path, NOW)
    assert (result.name, result.status) == ("readable", Status.FAIL)
    assert "cannot be read" in result.message
