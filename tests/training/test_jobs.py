"""The jobs worker over the store that specifies the real one."""

import threading

import pytest

from feature_store.online.contract import Job, JobState
from feature_store.online.memory import MemoryOnlineStore
from recsys.errors import InputError, UnavailableError
from training.errors import GateRefusedError
from training.jobs import Worker, text_argument


@pytest.fixture
def store() -> MemoryOnlineStore:
    return MemoryOnlineStore()


def promote(job: Job) -> str:
    return f"release {text_argument(job.arguments, 'release_id')} is live"


def refuse(_: Job) -> str:
    raise GateRefusedError("it is worse")


def explode(_: Job) -> str:
    raise ZeroDivisionError("surprise")


def worker(store: MemoryOnlineStore, said: list[str] | None = None) -> Worker:
    verbs = {"promote": promote, "refuse": refuse, "explode": explode}
    return Worker(store, verbs, (said if said is not None else []).append)


@pytest.mark.parametrize(
    ("verb", "arguments", "state", "detail"),
    [
        ("promote", {"release_id": "abc"}, JobState.DONE, "release abc is live"),
        ("promote", {}, JobState.FAILED, "no 'release_id'"),
        ("refuse", {}, JobState.FAILED, "it is worse"),
        ("explode", {}, JobState.FAILED, "ZeroDivisionError('surprise')"),
        ("dance", {}, JobState.FAILED, "unknown verb 'dance'; known are explode, promote, refuse"),
    ],
)
def test_every_job_ends_with_a_state_and_a_reason(
    store: MemoryOnlineStore, verb: str, arguments: dict[str, object], state: JobState, detail: str
) -> None:
    job_id = store.push_job(verb, arguments, by="小王")
    said: list[str] = []
    assert worker(store, said).work_once()
    status = store.job_status(job_id)
    assert status.state is state
    assert detail in status.detail
    assert "小王" in said[0]


def test_without_a_job_nothing_happens(store: MemoryOnlineStore) -> None:
    assert not worker(store).work_once()


def test_jobs_are_done_in_order_until_told_to_stop(store: MemoryOnlineStore) -> None:
    done, stop = [], threading.Event()

    def note(job: Job) -> str:
        done.append(job.arguments["n"])
        if len(done) == 3:
            stop.set()
        return "noted"

    for number in range(4):
        store.push_job("note", {"n": number}, by="me")
    Worker(store, {"note": note}, lambda _: None).run(stop)
    assert done == [0, 1, 2]


def test_a_store_that_is_away_is_waited_for(store: MemoryOnlineStore) -> None:
    stop, said = threading.Event(), []

    class Flickering:
        """Away at the first look."""

        looks = 0

        def claim_job(self, visibility_s: float = 60.0) -> Job | None:
            self.looks += 1
            if self.looks == 1:
                raise UnavailableError("gone for a moment")
            stop.set()
            return None

    class Impatient(threading.Event):
        """Waits no time at all."""

        def wait(self, timeout: float | None = None) -> bool:
            return super().wait(0)

    stop = Impatient()
    Worker(Flickering(), {}, said.append).run(stop)
    assert "gone for a moment" in said[0]


def test_a_text_argument_must_be_text() -> None:
    assert text_argument({"a": "x"}, "a") == "x"
    for arguments in ({}, {"a": ""}, {"a": 3}):
        with pytest.raises(InputError, match="has no 'a'"):
            text_argument(arguments, "a")
