"""The verbs on a shop that has hardly anything: a release, or one line that names what is missing and the way out."""

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from recsys.cli import run

pytestmark = pytest.mark.xdist_group("training")
VERBS = [
    EntryPoint("data", "feature_store.cli:data", "recsys.commands"),
    *(EntryPoint(verb, f"training.cli:{verb}", "recsys.commands") for verb in ("train", "recommend")),
]
Result = tuple[int, str, str]
ITEMS = "item_id,title,price\n" + "".join(
    f"{name},{name},{n + 1}\n" for n, name in enumerate(("milk", "tea", "茶"))
)


def events(*rows: tuple[str, str, str, int]) -> str:
    """CSV of (shopper, item, type, day of January)."""
    lines = [
        f"e{n},{kind},2026-01-{day:02}T10:00:00Z,{user},{item}"
        for n, (user, item, kind, day) in enumerate(rows)
    ]
    return "\n".join(["event_id,type,timestamp,user_id,item_id", *lines, ""])


@pytest.fixture
def recsys(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
    mlflow_template: Path,
) -> Callable[..., Result]:
    """Run one command line in an empty home folder; exit code, stdout, stderr."""
    monkeypatch.setenv("RECSYS_HOME", str(home))
    for name in ("REDIS_URL", "MLFLOW_TRACKING_URI", "RECSYS_TIMEZONE", "RECSYS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (home / "mlflow.db").write_bytes(mlflow_template.read_bytes())

    def command(*words: str) -> Result:
        return (run(list(words), VERBS), *capsys.readouterr())

    return command


def bring_in(recsys: Any, folder: Path, rows: str) -> None:
    (folder / "events.csv").write_text(rows, "utf-8")
    (folder / "items.csv").write_text(ITEMS, "utf-8")
    words = ("--events", str(folder / "events.csv"), "--items", str(folder / "items.csv"))
    code, out, err = recsys("data", "ingest", *words)
    assert code == 0, (out, err)


def lists(recsys: Any, folder: Path, *users: str) -> dict[str, list[str]]:
    (folder / "users.csv").write_text("\n".join(("user_id", *users, "")), "utf-8")
    out = folder / "lists.parquet"
    code, _, err = recsys("recommend", "--users", str(folder / "users.csv"), "--out", str(out), "--k", "5")
    assert code == 0, err
    found: dict[str, list[str]] = {}
    for row in pq.read_table(out).to_pylist():
        found.setdefault(row["user_id"], []).append(row["item_id"])
    return found


@pytest.mark.parametrize(
    "rows",
    [
        [("ann", "milk", "view", 1)],
        [("ann", "milk", "purchase", 3)] * 20,
        [("ann", "milk", "view", 1), ("bob", "tea", "view", 9), ("eve", "茶", "cart", 20)],
    ],
    ids=["one event", "one shopper who only repeats", "three shoppers who bought nothing"],
)
def test_what_cannot_be_measured_can_be_trained_without_figures(
    recsys: Any, tmp_path: Path, rows: list[tuple[str, str, str, int]]
) -> None:
    bring_in(recsys, tmp_path, events(*rows))
    code, _, err = recsys("train")
    assert code == 2
    assert "recsys train --no-evaluation" in err
    assert "Traceback" not in err
    code, _, err = recsys("train", "--no-evaluation", "--json", str(tmp_path / "run.json"))
    assert code == 0, err
    assert json.loads((tmp_path / "run.json").read_text())["live"]
    found = lists(recsys, tmp_path, "ann", "nobody")
    assert all(sorted(items) == ["milk", "tea", "茶"] for items in found.values())
    assert set(found) == {"ann", "nobody"}


def test_a_shop_where_everything_was_sent_back_is_told_what_it_lacks(recsys: Any, tmp_path: Path) -> None:
    back = [("ann", "milk", "purchase", 1), ("ann", "milk", "return", 2)]
    bring_in(recsys, tmp_path, events(*back))
    code, _, err = recsys("train", "--no-evaluation")
    assert code == 2
    assert "no event says that a shopper wants an item" in err
    assert "Traceback" not in err
