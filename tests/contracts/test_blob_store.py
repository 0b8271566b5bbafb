"""One suite for every BlobStore: memory, and Redis on a real server."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from feature_store.online.blobs import RedisBlobStore
from feature_store.testing import running_valkey
from recsys.errors import UnavailableError
from recsys.release import BlobStore, MemoryBlobStore


@pytest.fixture(params=["memory", "valkey"])
def store(request: pytest.FixtureRequest) -> Iterator[BlobStore]:
    if request.param == "memory":
        yield MemoryBlobStore()
        return
    folder = Path(tempfile.mkdtemp(prefix="rc"))
    with running_valkey(folder) as client:
        blobs = RedisBlobStore(client, "shop")
        yield blobs
        blobs.close()
    shutil.rmtree(folder)


def test_a_value_comes_back_byte_for_byte(store: BlobStore) -> None:
    value = bytes(range(256)) * 4096
    store.put("release/1/a.npy", value)
    assert store.get("release/1/a.npy") == value


def test_an_empty_value_is_a_value(store: BlobStore) -> None:
    store.put("empty", b"")
    assert store.get("empty") == b""
    assert store.get("absent") is None


def test_putting_again_replaces(store: BlobStore) -> None:
    store.put("a", b"1")
    store.put("a", b"2")
    assert store.get("a") == b"2"
    assert list(store.keys("")) == ["a"]


def test_keys_are_those_with_the_prefix_in_order(store: BlobStore) -> None:
    for name in ("release/2/b", "release/1/b", "release/1/a", "release", "发布/1", "release/10/a"):
        store.put(name, b"x")
    assert list(store.keys("release/1/")) == ["release/1/a", "release/1/b"]
    assert list(store.keys("release/1")) == ["release/1/a", "release/1/b", "release/10/a"]
    assert list(store.keys("发")) == ["发布/1"]
    assert len(list(store.keys(""))) == 6
    assert list(store.keys("none")) == []


def test_a_deleted_value_is_gone_and_deleting_again_is_harmless(store: BlobStore) -> None:
    store.put("a", b"1")
    store.delete("a")
    store.delete("a")
    assert store.get("a") is None
    assert list(store.keys("")) == []


def test_two_shops_on_one_server_do_not_see_each_other() -> None:
    folder = Path(tempfile.mkdtemp(prefix="rc"))
    with running_valkey(folder) as client:
        one, other = RedisBlobStore(client, "one"), RedisBlobStore(client, "other")
        one.put("a", b"1")
        assert other.get("a") is None
        assert other.keys("") == []
        one.close()
        other.close()
    shutil.rmtree(folder)


def test_an_absent_server_is_unavailable() -> None:
    folder = Path(tempfile.mkdtemp(prefix="rc"))
    with running_valkey(folder) as client:
        pass
    with pytest.raises(UnavailableError):
        RedisBlobStore(client).get("a")
    shutil.rmtree(folder)
