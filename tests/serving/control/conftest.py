"""A database of its own for every test, and a clock that moves when told to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from feature_store.database import make_engine, upgrade

NOW = 1_767_225_600_000


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> int:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path / 'recsys.db'}")
    upgrade(made)
    yield made
    made.dispose()
