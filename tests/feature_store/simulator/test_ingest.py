from pathlib import Path

import pytest

from feature_store.intake.ingest import Job, Report, ingest_files
from feature_store.offline import OfflineStore
from feature_store.records.kinds import RowKind
from feature_store.simulator import Simulation, simulate

CONFIG = Simulation(users=150, items=120, events=6_000, seed=5, days=14)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated") / "shop"
    simulate(CONFIG, out)
    return out


def ingest(shop: Path, home: Path) -> dict[RowKind, list[Report]]:
    files = {
        RowKind.ITEMS: [shop / "items.parquet"],
        RowKind.USERS: [shop / "users.parquet"],
        RowKind.EVENTS: [shop / "events"],
    }
    reports = ingest_files(files, Job(home=home, now=CONFIG.end_ms))
    return {kind: [report for report in reports if report.kind is kind] for kind in files}


def test_every_simulated_row_is_taken_in_and_none_a_second_time(shop: Path, tmp_path: Path) -> None:
    first = ingest(shop, tmp_path)
    assert [report.reasons for reports in first.values() for report in reports if report.rejected] == []
    assert sum(report.added for report in first[RowKind.ITEMS]) == CONFIG.items
    assert sum(report.added for report in first[RowKind.USERS]) == CONFIG.users
    events = sum(report.added for report in first[RowKind.EVENTS])
    assert abs(events / CONFIG.events - 1) < 0.1
    again = ingest(shop, tmp_path)
    assert sum(report.added for reports in again.values() for report in reports) == 0


def test_what_was_taken_in_is_what_was_simulated(shop: Path, tmp_path: Path) -> None:
    ingest(shop, tmp_path)
    store = OfflineStore(tmp_path)
    item = next(found for found in store.items() if found.item_id == "i000000003")
    assert set(item.titles) == {"en", "zh"}
    assert item.offers[0].sku == "i000000003-000"
    assert item.attributes["consumable"] in (True, False)
    events = store.events(columns=["type", "timestamp"])
    assert events.column("timestamp").to_pylist()[0] >= CONFIG.start_ms
