"""One simulated shop for all tests of the simulator, and a database that reads its files."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from feature_store.simulator import Simulation, Summary, simulate
from feature_store.simulator.shop import Shop, open_shop

CONFIG = Simulation(users=1_500, items=600, events=120_000, seed=7)


@pytest.fixture(scope="session")
def config() -> Simulation:
    return CONFIG


@pytest.fixture(scope="session")
def shop() -> Shop:
    return open_shop(CONFIG)


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    out = tmp_path_factory.mktemp("simulated") / "shop"
    return out, simulate(CONFIG, out)


@pytest.fixture(scope="session")
def sql(simulated: tuple[Path, Summary]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Views `events`, `items`, `users`, `offers` and one per truth file, `truth_…`."""
    out, _ = simulated
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW events AS FROM read_parquet('{out}/events/*.parquet')")
        for path in (
            out / "items.parquet",
            out / "users.parquet",
            *sorted((out / "truth").glob("*.parquet")),
        ):
            name = f"truth_{path.stem}" if path.parent.name == "truth" else path.stem
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{path}')")
        connection.execute(
            "CREATE VIEW offers AS SELECT item_id, unnest(offers, recursive := false) AS o FROM items"
        )
        yield connection
