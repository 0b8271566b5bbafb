"""The way of a release to serving, over the in-memory stores that specify the real ones."""

from pathlib import Path

import pytest

from feature_store.online.contract import Pointer
from feature_store.online.memory import MemoryOnlineStore
from recsys.arrays import save_json
from recsys.errors import UnavailableError
from recsys.release import MemoryBlobStore, find_manifest, list_releases, seal
from training.errors import TrainingError, UnknownReleaseError
from training.publish import Publisher
from training.releases import Releases


class Away:
    """A pointer nobody can read."""

    def live_release(self) -> Pointer | None:
        raise UnavailableError("away")

    def set_live_release(self, release_id: str, at: int) -> Pointer:
        raise UnavailableError("away")


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path)


@pytest.fixture
def publisher(releases: Releases) -> Publisher:
    return Publisher(releases, MemoryOnlineStore(), MemoryBlobStore(), clock=lambda: 42)


def make(releases: Releases, content: str) -> str:
    with releases.scratch() as folder:
        save_json(folder, "model", content)
        seal(folder, config={}, metrics={}, slices={}, data={}, code_version="1", created_at=1)
        return releases.keep(folder).name


def test_going_live_stores_the_payload_moves_the_pointer_and_notes_it(publisher: Publisher) -> None:
    a = make(publisher.releases, "a")
    pointer = publisher.go_live(a)
    assert (
        pointer == Pointer(a, None, 42) == publisher.pointers.live_release() == publisher.releases.pointer()
    )
    assert find_manifest(a, publisher.blobs) is not None


def test_the_release_before_stays_stored_and_older_ones_are_forgotten(publisher: Publisher) -> None:
    a, b, c = (make(publisher.releases, name) for name in "abc")
    for name in (a, b, c):
        publisher.go_live(name)
    assert publisher.live() == Pointer(c, b, 42)
    assert list_releases(publisher.blobs) == sorted([b, c])


def test_going_back_and_forth_needs_no_local_folder(publisher: Publisher) -> None:
    a, b = (make(publisher.releases, name) for name in "ab")
    publisher.go_live(a)
    publisher.go_live(b)
    elsewhere = Publisher(
        Releases(publisher.releases.folder / "nowhere"), publisher.pointers, publisher.blobs
    )
    assert elsewhere.go_back().release_id == a
    assert elsewhere.go_back().release_id == b


def test_there_is_nothing_to_go_back_to_at_first(publisher: Publisher) -> None:
    with pytest.raises(TrainingError, match="no earlier live release"):
        publisher.go_back()
    publisher.go_live(make(publisher.releases, "a"))
    with pytest.raises(TrainingError, match="no earlier live release"):
        publisher.go_back()


def test_an_unknown_release_moves_nothing(publisher: Publisher) -> None:
    a = make(publisher.releases, "a")
    publisher.go_live(a)
    with pytest.raises(UnknownReleaseError):
        publisher.go_live("0123456789abcdef")
    assert publisher.live().release_id == a


def test_a_fresh_online_store_learns_what_this_machine_served(publisher: Publisher) -> None:
    a, b = (make(publisher.releases, name) for name in "ab")
    publisher.go_live(a)
    emptied = Publisher(publisher.releases, MemoryOnlineStore(), MemoryBlobStore(), clock=lambda: 50)
    assert emptied.live().release_id == a
    assert emptied.go_live(b) == Pointer(b, a, 50)
    assert list_releases(emptied.blobs) == sorted([a, b])


def test_the_same_release_again_on_a_fresh_store_keeps_the_way_back(publisher: Publisher) -> None:
    a, b = (make(publisher.releases, name) for name in "ab")
    publisher.go_live(a)
    publisher.go_live(b)
    emptied = Publisher(publisher.releases, MemoryOnlineStore(), MemoryBlobStore())
    emptied.go_live(b)
    assert emptied.go_back().release_id == a


def test_without_the_online_store_this_machines_note_answers(releases: Releases) -> None:
    publisher = Publisher(releases, Away(), MemoryBlobStore())
    assert publisher.live() is None
    releases.point(Pointer("a", None, 1))
    assert publisher.live() == Pointer("a", None, 1)
    name = make(releases, "b")
    with pytest.raises(UnavailableError):
        publisher.go_live(name)
    assert releases.pointer() == Pointer("a", None, 1)
