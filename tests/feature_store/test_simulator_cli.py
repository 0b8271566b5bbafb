from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from feature_store.errors import StoreError
from feature_store.simulator_cli import simulate


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(simulate)
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return done.exit_code, done.output


def test_the_command_writes_a_shop_and_says_what_comes_next(tmp_path: Path) -> None:
    out = tmp_path / "shop"
    code, text = run("--users", "50", "--items", "60", "--events", "300", "--seed", "2", "--out", str(out))
    assert code == 0
    assert pq.read_table(out / "users.parquet").num_rows == 50
    assert pq.read_table(out / "items.parquet").num_rows == 60
    assert sorted(path.name for path in out.iterdir()) == [
        "events",
        "items.parquet",
        "truth",
        "users.parquet",
    ]
    assert f"recsys data ingest --events {out / 'events'}" in text


def test_too_few_items_are_refused_by_the_command_line(tmp_path: Path) -> None:
    code, text = run("--items", "5", "--out", str(tmp_path / "shop"))
    assert code == 2
    assert "--items" in text
    assert not (tmp_path / "shop").exists()


def test_a_filled_folder_is_a_deliberate_error(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    with pytest.raises(StoreError, match="name a new folder with --out"):
        run("--out", str(tmp_path))
