from pathlib import Path

import pytest

from feature_store import history as history_module
from feature_store.history import Deletion, History, HistoryResult, item_history, user_history
from recsys.types import Consent, Item, Offer, User

NOW = 1_764_000_000_000


def cup(price: float, updated_at: int | None = None) -> Item:
    return Item(
        item_id="杯子",
        titles={"zh": "红杯子"},
        attributes={"volume": 0.3},
        offers=(Offer(sku="k", price=price),),
        updated_at=updated_at,
    )


@pytest.fixture
def items(tmp_path: Path) -> History[Item]:
    return item_history(tmp_path)


def prices(items: History[Item], *times: int | None) -> list[float | None]:
    found = [items.at(time) for time in times]
    return [versions[0].offers[0].price if versions else None for versions in found]


def test_nothing_stored_is_nothing_found(items: History[Item]) -> None:
    assert items.at() == []
    assert not items.root.exists()


def test_the_first_import_is_valid_from_the_beginning(items: History[Item]) -> None:
    items.import_all([cup(3, updated_at=NOW)], NOW)
    assert items.at(0) == items.at() == [cup(3, updated_at=NOW)]


def test_a_later_import_is_valid_from_its_time(items: History[Item]) -> None:
    items.import_all([cup(3)], NOW)
    items.import_all([cup(4)], NOW + 10)
    items.import_all([cup(5, updated_at=NOW + 5)], NOW + 20)
    assert prices(items, 0, NOW + 4, NOW + 5, NOW + 10, None) == [3, 3, 5, 4, 4]


def test_a_file_of_versions_keeps_them_all(items: History[Item]) -> None:
    versions = [cup(4, updated_at=20), cup(3, updated_at=10), cup(5, updated_at=30)]
    assert items.import_all(versions, NOW) == HistoryResult(3, 0)
    assert prices(items, 5, 19, 20, 30) == [3, 3, 4, 5]
    assert items.import_all(versions, NOW + 1) == HistoryResult(0, 3)


def test_importing_again_adds_nothing(items: History[Item]) -> None:
    items.import_all([cup(3), Item(item_id="i2")], NOW)
    assert items.import_all([cup(3), Item(item_id="i2")], NOW + 10) == HistoryResult(0, 2)
    assert len(items.at()) == 2


def test_of_two_rows_for_one_time_the_last_counts_and_counts_again(items: History[Item]) -> None:
    assert items.import_all([cup(3), cup(4)], NOW) == HistoryResult(1, 1)
    assert items.import_all([cup(3), cup(4)], NOW + 10) == HistoryResult(0, 2)
    assert prices(items, None) == [4]


def test_a_recorded_change_is_valid_from_its_update(items: History[Item]) -> None:
    items.record([cup(3, updated_at=NOW)], NOW + 5)
    assert items.at(NOW - 1) == []
    assert prices(items, NOW) == [3]


def test_a_change_of_nothing_but_the_time_is_no_change(items: History[Item]) -> None:
    items.record([cup(3, updated_at=NOW)], NOW)
    assert items.record([cup(3, updated_at=NOW + 5)], NOW + 5) == HistoryResult(0, 1)


def test_a_deleted_item_is_gone_from_then_on_and_may_return(items: History[Item]) -> None:
    items.record([cup(3, updated_at=10)], NOW)
    items.record([Deletion("杯子", 20)], NOW)
    assert items.record([Deletion("杯子", 20)], NOW) == HistoryResult(0, 1)
    items.record([cup(3, updated_at=30)], NOW)
    assert prices(items, 10, 20, 30, None) == [3, None, 3, 3]


def test_an_older_version_may_arrive_late(items: History[Item]) -> None:
    items.record([cup(3, updated_at=10)], NOW)
    items.record([cup(5, updated_at=30)], NOW)
    items.record([cup(4, updated_at=20)], NOW)
    assert prices(items, 10, 20, 30, None) == [3, 4, 5, 5]


def test_many_small_files_are_merged_without_a_change(
    items: History[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "_MAX_FILES", 4)
    for number in range(12):
        items.record([cup(number, updated_at=10 + number)], NOW)
    assert prices(items, *range(10, 22)) == list(range(12))
    assert len(list(items.root.glob("*.parquet"))) <= 5


def test_a_merge_that_was_cut_short_changes_nothing(items: History[Item]) -> None:
    items.record([cup(3, updated_at=10)], NOW)
    items.record([cup(4, updated_at=10)], NOW)
    before = items.at()
    kept = {path: path.read_bytes() for path in items.root.glob("*.parquet")}
    items._merge()
    for path, content in kept.items():
        path.write_bytes(content)
    assert items.at() == before == [cup(4, updated_at=10)]


def test_the_digest_changes_with_every_version_and_only_then(items: History[Item]) -> None:
    seen = [items.digest()]
    for price in (3, 4, 4, 3):
        items.record([cup(price, updated_at=10 + len(seen))], NOW)
        seen.append(items.digest())
    assert seen[3] == seen[2]
    assert len(set(seen)) == 4


def test_erasing_removes_every_version(items: History[Item]) -> None:
    items.import_all([cup(3), Item(item_id="i2")], NOW)
    items.record([cup(4, updated_at=NOW)], NOW)
    assert items.erase(["杯子"]) == 2
    assert [item.item_id for item in items.at(0)] == ["i2"]
    assert items.erase(["杯子"]) == 0


def test_users_keep_attributes_and_consent_through_time(tmp_path: Path) -> None:
    users = user_history(tmp_path)
    before = User(user_id="u", attributes={"city": "上海"}, updated_at=10)
    after = User(user_id="u", attributes={"city": "北京"}, consent=Consent(train=False), updated_at=20)
    users.record([before, after], NOW)
    assert users.at(15) == [before]
    assert users.at() == [after]


def test_a_second_reader_sees_what_the_first_wrote(tmp_path: Path) -> None:
    item_history(tmp_path).import_all([cup(3)], NOW)
    assert item_history(tmp_path).at() == [cup(3)]
