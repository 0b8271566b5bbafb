from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from feature_store.database import make_engine, upgrade
from feature_store.identity import Identities
from feature_store.identity_edges import IdentityEdge, resolve
from feature_store.online.memory import MemoryOnlineStore
from feature_store.online.redis_store import RedisOnlineStore
from recsys.errors import InputError, UnavailableError


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path}/recsys.db")
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def mirror() -> MemoryOnlineStore:
    return MemoryOnlineStore()


@pytest.fixture
def identities(engine: Engine, mirror: MemoryOnlineStore) -> Identities:
    return Identities(engine, mirror)


def test_a_merge_is_a_row_and_seen_online(identities: Identities, mirror: MemoryOnlineStore) -> None:
    assert identities.merge("访客", "u", at=5)
    assert identities.edges() == [IdentityEdge("访客", "u", 5)]
    assert mirror.group("访客") == ("u", "访客")


def test_merging_again_keeps_the_first_time(identities: Identities) -> None:
    assert [identities.merge("a", "b", at=5), identities.merge("a", "b", at=9)] == [True, False]
    assert identities.edges() == [IdentityEdge("a", "b", 5)]


def test_an_undone_merge_stays_as_history(identities: Identities, mirror: MemoryOnlineStore) -> None:
    identities.merge("a", "b", at=5)
    assert [identities.unmerge("a", "b", at=7), identities.unmerge("a", "b", at=8)] == [True, False]
    assert identities.merge("a", "c", at=9)
    assert identities.edges() == [IdentityEdge("a", "b", 5, 7), IdentityEdge("a", "c", 9)]
    assert mirror.group("a") == ("c", "a")
    assert resolve(identities.edges(), as_of=6) == {"a": "b"}
    assert resolve(identities.edges(), as_of=8) == {}
    assert resolve(identities.edges()) == {"a": "c"}


def test_circles_and_second_parents_are_refused_and_leave_nothing(
    identities: Identities, mirror: MemoryOnlineStore
) -> None:
    identities.merge("a", "b", at=1)
    identities.merge("b", "c", at=1)
    for from_id, into_id, words in (
        ("c", "a", "circle"),
        ("z", "z", "circle"),
        ("a", "z", "merged into 'b'"),
    ):
        with pytest.raises(InputError, match=words):
            identities.merge(from_id, into_id, at=2)
    assert len(identities.edges()) == 2
    assert mirror.group("z") == ("z",)


class AwayOnce(MemoryOnlineStore):
    away = True

    def merge(self, from_id: str, into_id: str, at: int) -> bool:
        if self.away:
            self.away = False
            raise UnavailableError("gone")
        return super().merge(from_id, into_id, at)


def test_repeating_a_call_that_missed_the_mirror_repairs_it(engine: Engine) -> None:
    mirror = AwayOnce()
    identities = Identities(engine, mirror)
    with pytest.raises(UnavailableError):
        identities.merge("a", "b", at=1)
    assert not identities.merge("a", "b", at=1)
    assert mirror.group("a") == ("b", "a")


def test_a_mirror_that_missed_an_undoing_follows_the_next_merge(engine: Engine) -> None:
    mirror = MemoryOnlineStore()
    Identities(engine, mirror).merge("a", "b", at=1)
    Identities(engine).unmerge("a", "b", at=2)
    Identities(engine, mirror).merge("a", "c", at=3)
    assert mirror.group("a") == ("c", "a")
    assert mirror.group("b") == ("b",)


def test_a_store_that_lost_its_data_learns_everything_again(
    engine: Engine, redis_store: RedisOnlineStore
) -> None:
    identities = Identities(engine)
    for from_id, into_id in (("a", "b"), ("c", "d"), ("b", "d")):
        identities.merge(from_id, into_id, at=1)
    identities.merge("x", "y", at=1)
    redis_store.merge("x", "y", at=1)
    identities.unmerge("x", "y", at=2)
    assert identities.mirror_all(redis_store) == 3
    assert sorted(redis_store.group("a")) == ["a", "b", "c", "d"]
    assert redis_store.group("a")[0] == "d"
    assert redis_store.group("x") == ("x",)
    assert identities.mirror_all(redis_store) == 3
