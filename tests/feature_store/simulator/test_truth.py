import re
from pathlib import Path

import duckdb
import numpy as np

from feature_store.simulator import Simulation, Summary


def test_the_readme_names_every_file_and_forbids_their_use(simulated: tuple[Path, Summary]) -> None:
    folder = simulated[0] / "truth"
    text = (folder / "README.md").read_text("utf-8")
    named = re.findall(r"^\| (\w+) \|", text, flags=re.MULTILINE)
    assert sorted(named[1:]) == sorted(path.stem for path in folder.glob("*.parquet"))
    assert "must not read them" in " ".join(text.split())


def test_preferences_are_a_distribution_over_departments(
    sql: duckdb.DuckDBPyConnection, config: Simulation
) -> None:
    sums = sql.execute("SELECT sum(probability), count(*) FROM truth_preferences GROUP BY user_id").fetchall()
    assert len(sums) == config.users
    assert {count for _, count in sums} == {12}
    assert np.allclose([total for total, _ in sums], 1.0, atol=1e-5)


def test_categories_of_the_truth_are_prefixes_of_the_items(sql: duckdb.DuckDBPyConnection) -> None:
    paths = {row[0] for row in sql.execute("SELECT DISTINCT category FROM items").fetchall()}
    for name in ("preferences", "seasonality"):
        for (prefix,) in sql.execute(f"SELECT DISTINCT category FROM truth_{name}").fetchall():
            assert any(path.startswith(f"{prefix} > ") for path in paths), prefix


def test_no_planted_flag_is_in_the_files_of_the_shop(sql: duckdb.DuckDBPyConnection) -> None:
    columns = {
        row[0]
        for name in ("events", "items", "users")
        for row in sql.execute(f"SELECT column_name FROM (DESCRIBE {name})").fetchall()
    }
    assert not columns & {"fake", "cold", "stage", "demand", "theme", "bundle_id", "weight"}
    attributes = sql.execute("SELECT DISTINCT unnest(json_keys(attributes::JSON)) FROM users").fetchall()
    assert not {row[0] for row in attributes} & {"fake", "cold", "stage", "price_tier", "style"}
