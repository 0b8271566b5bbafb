"""The jobs worker: carries out promotions and rollbacks that the console asks for through the online store.

Invariants: a job is claimed at least once and its verbs may run twice without harm; a claim is kept while the job
runs; a job that fails says why and the worker goes on; an online store that is away is waited for.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from feature_store.online.contract import Job, JobState, JobStore
from recsys.errors import InputError, RecsysError, UnavailableError
from training.promote import promote, rollback
from training.resources import Shop

__all__ = ["Say", "Verb", "Worker", "serve", "text_argument"]

Verb = Callable[[Job], str]
"""Runs a job and says what came of it."""
Say = Callable[[str], None]

_CLAIM_S: Final = 60.0
_EXTEND_EVERY_S: Final = 20.0
_POLL_S: Final = 1.0
_LONGEST_WAIT_S: Final = 30.0


class Worker:
    """Claims jobs one at a time until told to stop."""

    def __init__(self, store: JobStore, verbs: Mapping[str, Verb], say: Say) -> None:
        self._store = store
        self._verbs = verbs
        self._say = say

    def run(self, stop: threading.Event) -> None:
        """Work until `stop`; the job at hand is finished first."""
        wait = _POLL_S
        while not stop.is_set():
            try:
                if self.work_once():
                    continue
                wait = _POLL_S
            except UnavailableError as error:
                wait = min(2 * wait, _LONGEST_WAIT_S)
                self._say(f"the online store is away, trying again in {wait:.0f} s: {error}")
            stop.wait(wait)

    def work_once(self) -> bool:
        """Do the oldest free job; False when there is none."""
        job = self._store.claim_job(_CLAIM_S)
        if job is None:
            return False
        started = time.perf_counter()
        with self._kept(job):
            state, detail = self._outcome(job)
        self._store.finish_job(job, state, detail)
        self._say(
            f"{job.verb} for {job.by}: {state.value} in {time.perf_counter() - started:.1f} s, {detail}"
        )
        return True

    def _outcome(self, job: Job) -> tuple[JobState, str]:
        verb = self._verbs.get(job.verb)
        if verb is None:
            return JobState.FAILED, f"unknown verb {job.verb!r}; known are {', '.join(sorted(self._verbs))}"
        try:
            return JobState.DONE, verb(job)
        except UnavailableError:
            raise
        except RecsysError as error:
            return JobState.FAILED, str(error)
        except Exception as error:
            # Whatever a job does, the worker lives on; its answer names the surprise.
            return JobState.FAILED, f"it broke: {error!r}"

    @contextmanager
    def _kept(self, job: Job) -> Iterator[None]:
        """Extend the claim from a thread while the job runs."""
        done = threading.Event()

        def extend() -> None:
            while not done.wait(_EXTEND_EVERY_S):
                try:
                    self._store.extend_job(job, _CLAIM_S)
                except UnavailableError:
                    continue

        thread = threading.Thread(target=extend, name="extend-job", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def serve(shop: Shop, *, once: bool, say: Say) -> None:
    """Do jobs until SIGTERM or Ctrl-C; with `once`, only those that wait."""
    worker = Worker(shop.online, _verbs(shop), say)
    if once:
        while worker.work_once():
            pass
        return
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    say("waiting for jobs")
    worker.run(stop)


def _verbs(shop: Shop) -> dict[str, Verb]:
    """Each job opens the shop anew: the log and the releases have changed since the last one."""

    def run_promote(job: Job) -> str:
        release_id = text_argument(job.arguments, "release_id")
        anew, force = Shop(shop.settings, shop.config), job.arguments.get("force") is True
        done = promote(anew, release_id, lambda *_: None, force=force, by=job.by)
        return "; ".join((f"release {release_id} is live", *done.overruled(), *done.notices))

    def run_rollback(job: Job) -> str:
        release_id = text_argument(job.arguments, "release_id")
        anew = Shop(shop.settings, shop.config)
        live = anew.publisher.live()
        # A job may run twice, and going back twice would bring the bad release back.
        if live is None or live.release_id != release_id:
            return f"release {release_id} is not live any more; nothing to roll back"
        done = rollback(anew, by=job.by)
        return "; ".join((f"release {done.pointer.release_id} is live again", *done.notices))

    return {"promote": run_promote, "rollback": run_rollback}


def text_argument(arguments: Mapping[str, object], name: str) -> str:
    """A text argument of a job; raises InputError when it is missing."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise InputError(f"the job has no {name!r}; it has: {', '.join(sorted(arguments)) or 'nothing'}")
    return value
