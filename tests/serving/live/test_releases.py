"""Which release a process serves, over real releases; only the pointer and the clock are the test's."""

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from feature_store.online.contract import Pointer
from recsys.errors import ReleaseError, UnavailableError
from recsys.release import MemoryBlobStore, push
from serving.errors import NotReady
from serving.live.releases import LoadedRelease, ReleaseFolders, Releases


class World:
    """What is outside: the pointer, the blobs, the disk, the time."""

    def __init__(self, folder: Path) -> None:
        self.pointer: Pointer | None = None
        self.away = False
        self.now = 1_000_000
        self.blobs = MemoryBlobStore()
        self.folders = ReleaseFolders(home=folder / "releases", cache=folder / "cache")
        self.prepared: list[str] = []
        self.refuse_to_prepare: set[str] = set()

    def live_release(self) -> Pointer | None:
        if self.away:
            raise UnavailableError("away")
        return self.pointer

    def prepare(self, release: LoadedRelease) -> None:
        if release.release_id in self.refuse_to_prepare:
            raise ReleaseError("it cannot answer")
        self.prepared.append(release.release_id)

    def publish(self, made: Any) -> None:
        push(made.folder, self.blobs)
        self.point(made)

    def point(self, made: Any) -> None:
        before = self.pointer.release_id if self.pointer else None
        self.pointer = Pointer(made.release_id, before, self.now)

    def process(self) -> Releases:
        return Releases(self, self.blobs, self.folders, self.prepare, lambda: self.now)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def live(releases: Releases) -> str:
    return releases.current().release_id


def damage(world: World, made: Any) -> None:
    key = next(key for key in world.blobs.keys(f"release:{made.release_id}:file:") if "als" in key)
    world.blobs.put(key, b"x" * len(world.blobs.get(key) or b""))


def test_before_the_first_release_a_process_is_not_ready(world: World) -> None:
    releases = world.process()
    assert not releases.follow()
    with pytest.raises(NotReady, match="recsys train"):
        releases.current()


def test_the_pointer_is_followed_and_the_one_before_is_kept(world: World, made: Any, other_made: Any) -> None:
    releases = world.process()
    world.publish(made)
    assert releases.follow()
    assert not releases.follow()
    world.publish(other_made)
    assert releases.follow()
    assert live(releases) == other_made.release_id
    assert [release.release_id for release in releases.loaded] == [other_made.release_id, made.release_id]
    assert releases.current().name == "small-shop"


def test_going_back_takes_what_is_in_memory(world: World, made: Any, other_made: Any) -> None:
    releases = world.process()
    world.publish(made)
    releases.follow()
    first = releases.current()
    world.publish(other_made)
    releases.follow()
    world.blobs = MemoryBlobStore()
    world.point(made)
    assert releases.follow()
    assert releases.current() is first


def test_a_damaged_release_is_refused_with_its_reason_and_the_running_one_stays(
    world: World, made: Any, other_made: Any
) -> None:
    releases = world.process()
    world.publish(made)
    releases.follow()
    world.publish(other_made)
    damage(world, other_made)
    assert not releases.follow()
    assert live(releases) == made.release_id
    assert "hash" in releases.refused[other_made.release_id]


def test_a_refused_release_is_tried_again_once_it_may_have_been_repaired(
    world: World, made: Any, other_made: Any
) -> None:
    releases = world.process()
    world.publish(made)
    releases.follow()
    world.publish(other_made)
    damage(world, other_made)
    releases.follow()
    push(other_made.folder, world.blobs)
    assert not releases.follow()
    world.now += 61_000
    assert releases.follow()
    assert live(releases) == other_made.release_id
    assert releases.refused == {}


def test_a_release_that_does_not_warm_up_is_refused(world: World, made: Any, other_made: Any) -> None:
    releases = world.process()
    world.publish(made)
    releases.follow()
    world.refuse_to_prepare.add(other_made.release_id)
    world.publish(other_made)
    assert not releases.follow()
    assert releases.refused == {other_made.release_id: "it cannot answer"}
    assert live(releases) == made.release_id


def test_a_release_that_is_not_there_is_refused_with_what_to_do(world: World, made: Any) -> None:
    releases = world.process()
    world.point(made)
    assert not releases.follow()
    assert "recsys publish" in releases.refused[made.release_id]
    with pytest.raises(NotReady, match=made.release_id):
        releases.current()


def test_a_new_process_takes_the_one_before_when_the_live_one_cannot_be_used(
    world: World, made: Any, other_made: Any
) -> None:
    world.publish(made)
    world.publish(other_made)
    damage(world, other_made)
    releases = world.process()
    assert releases.follow()
    assert live(releases) == made.release_id
    assert other_made.release_id in releases.refused


def test_without_redis_the_last_served_release_comes_from_the_cache(world: World, made: Any) -> None:
    world.publish(made)
    world.process().follow()
    world.away, world.blobs = True, MemoryBlobStore()
    releases = world.process()
    assert releases.follow()
    assert live(releases) == made.release_id


def test_while_redis_is_away_the_running_release_stays(world: World, made: Any, other_made: Any) -> None:
    releases = world.process()
    world.publish(made)
    releases.follow()
    world.publish(other_made)
    world.away = True
    assert not releases.follow()
    assert live(releases) == made.release_id
    world.away = False
    assert releases.follow()


def test_a_release_of_this_machine_is_used_in_place_and_given_to_an_empty_store(
    world: World, made: Any
) -> None:
    shutil.copytree(made.folder, world.folders.home / made.release_id)
    world.point(made)
    releases = world.process()
    assert releases.follow()
    assert not (world.folders.cache / made.release_id).exists()
    assert world.blobs.get(f"release:{made.release_id}:manifest") is not None


def test_a_damaged_folder_of_this_machine_is_replaced_from_the_store(world: World, made: Any) -> None:
    folder = world.folders.home / made.release_id
    shutil.copytree(made.folder, folder)
    next(folder.rglob("*.npy")).write_bytes(b"damaged")
    world.publish(made)
    releases = world.process()
    assert releases.follow()
    assert (world.folders.cache / made.release_id).is_dir()


def test_the_cache_keeps_what_is_in_memory_and_nothing_else(world: World, made: Any, other_made: Any) -> None:
    stale = world.folders.cache / "0123456789abcdef"
    stale.mkdir(parents=True)
    releases = world.process()
    for each in (made, other_made):
        world.publish(each)
        releases.follow()
    assert not stale.exists()
    kept = {
        folder.name for folder in world.folders.cache.iterdir() if folder.is_dir() and folder.name[0] != "."
    }
    assert kept == {made.release_id, other_made.release_id}


def test_a_pointer_to_what_is_no_release_id_is_refused(world: World, made: Any) -> None:
    releases = world.process()
    world.publish(made)
    releases.follow()
    world.pointer = Pointer("../../etc", made.release_id, 5)
    assert not releases.follow()
    assert live(releases) == made.release_id


@pytest.mark.parametrize("note", ["", "{", "[]", '{"release_id": 7}', '{"release_id": "nonsense"}'])
def test_a_damaged_note_of_the_last_release_is_no_release(world: World, note: str) -> None:
    world.away = True
    world.folders.home.mkdir(parents=True)
    (world.folders.home / "live.json").write_text(note)
    assert not world.process().follow()


def test_a_start_waits_for_a_quick_release_and_not_for_a_slow_one(world: World, made: Any) -> None:
    go, stop = threading.Event(), threading.Event()

    def slowly(_: LoadedRelease) -> None:
        go.wait(30)

    world.publish(made)
    releases = Releases(world, world.blobs, world.folders, slowly, lambda: world.now)
    thread = threading.Thread(target=releases.run, args=(stop,))
    thread.start()
    assert not releases.wait_for_first_look(0.05)
    go.set()
    assert releases.wait_for_first_look(30)
    assert live(releases) == made.release_id
    stop.set()
    thread.join(10)
