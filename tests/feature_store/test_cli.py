from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from feature_store.cli import data
from feature_store.offline import OfflineStore
from recsys.errors import InputError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECSYS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "home"


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(data, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def as_json(*arguments: object, code: int = 0) -> Any:
    return orjson.loads(run(*arguments, "--json", code=code))


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return write(
        tmp_path / "events.csv",
        "event_id,type,timestamp,客户,item_id",
        "e1,view,2025-01-01 08:00:00,u1,杯子",
        "e2,purchase,2025-01-01 08:05:00,u1,杯子",
        "e3,buy,2025-01-01 08:05:00,u1,杯子",
    )


def test_files_are_ingested_with_a_summary_and_the_rejects_file(home: Path, events: Path) -> None:
    shown = run("ingest", "--events", events, "--map", "user_id=客户", "--timezone", "Asia/Shanghai")
    assert "events.csv" in shown
    assert "unknown_value 1" in shown
    (rejects,) = (home / "rejects").iterdir()
    assert str(rejects) in shown.replace("\n", "")
    stored = OfflineStore(home).events(columns=["event_id", "timestamp"]).to_pylist()
    assert stored[0] == {"event_id": "e1", "timestamp": 1_735_689_600_000}


def test_ingesting_again_adds_nothing_and_says_so(home: Path, events: Path) -> None:
    arguments = ("ingest", "--events", events, "--map", "客户=user_id", "--timezone", "Asia/Shanghai")
    (first,) = as_json(*arguments)["sources"]
    (second,) = as_json(*arguments)["sources"]
    names = ("read", "added", "duplicates", "conflicts", "rejected")
    assert [first[name] for name in names] == [3, 2, 0, 0, 1]
    assert [second[name] for name in names] == [3, 0, 2, 0, 1]
    assert Path(second["rejects"]).is_file()


def test_items_users_and_events_go_in_together(home: Path, tmp_path: Path, events: Path) -> None:
    items = write(tmp_path / "items.jsonl", '{"item_id":"杯子","title":"红杯子","price":3}')
    users = write(tmp_path / "users.csv", "user_id,attributes.city,junk", "u1,上海,x")
    files = ("--items", items, "--users", users, "--events", events)
    options = ("--map", "user_id=客户", "--ignore", "junk", "--timezone", "Asia/Shanghai", "--language", "zh")
    reports = as_json("ingest", *files, *options)["sources"]
    assert [(report["kind"], report["added"]) for report in reports] == [
        ("items", 1),
        ("users", 1),
        ("events", 2),
    ]
    assert OfflineStore(home).items()[0].titles == {"zh": "红杯子"}
    assert run("validate").count("PASS") == 10


@pytest.mark.usefixtures("home")
def test_a_file_of_nothing_but_bad_rows_fails(tmp_path: Path) -> None:
    run("ingest", "--users", write(tmp_path / "users.csv", "user_id", " u"), code=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to ingest"),
        (("--events", "absent.csv"), "no file 'absent.csv'"),
        (("--events", "EVENTS", "--timezone", "Mars"), "unknown time zone 'Mars'"),
        (("--events", "EVENTS"), "unknown column '客户'"),
        (("--events", "EVENTS", "--map", "客户"), "OURS=THEIRS"),
    ],
)
def test_a_wrong_call_is_an_input_error(
    home: Path, events: Path, arguments: tuple[str, ...], message: str
) -> None:
    given = [str(events) if argument == "EVENTS" else argument for argument in arguments]
    result = CliRunner().invoke(data, ["ingest", *given])
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
    assert not home.exists()


@pytest.mark.usefixtures("home")
def test_validate_fails_on_an_empty_home_and_speaks_json() -> None:
    checks = as_json("validate", code=1)
    assert checks[0]["name"] == "events_present"
    assert checks[0]["status"] == "FAIL"
    assert {check["status"] for check in checks[1:]} == {"PASS"}


@pytest.mark.parametrize(
    "command",
    [("--help",), ("import", "--help"), ("ingest", "--help"), ("simulate", "--help"), ("validate", "--help")],
)
def test_every_verb_explains_itself(command: tuple[str, ...]) -> None:
    assert "Usage" in run(*command)


def test_a_data_set_is_imported_by_name(home: Path, tmp_path: Path) -> None:
    write(tmp_path / "diginetica_train_seq.txt", "1 2", "3 4 4")
    shown = run("import", "diginetica", tmp_path)
    assert "synthetic" in shown
    assert OfflineStore(home).events().num_rows == 5
    assert [report["added"] for report in as_json("import", "diginetica", tmp_path)["sources"]] == [0, 0, 0]
