"""Pages, the release pointer and jobs in memory: what the Redis parts of the same names must do."""

import uuid
from collections.abc import Mapping
from dataclasses import replace

from feature_store.online.contract import MAX_JOB_ATTEMPTS, Job, JobState, JobStatus, Pointer
from feature_store.online.memory_stream import Clock, MemoryPart

__all__ = ["MemoryJobs", "MemoryPages"]


class MemoryPages(MemoryPart):
    """PageStore and ReleasePointer in memory."""

    def __init__(self, clock: Clock, history_length: int) -> None:
        super().__init__(clock, history_length)
        self._pages: dict[str, tuple[bytes, int]] = {}
        self._live: Pointer | None = None

    def remember_page(self, recomm_id: str, payload: bytes, ttl_s: int = 1800) -> None:
        """See PageStore."""
        self._pages[recomm_id] = (payload, self._clock() + ttl_s * 1000)

    def recall_page(self, recomm_id: str) -> bytes | None:
        """See PageStore."""
        payload, until = self._pages.get(recomm_id, (None, 0))
        return payload if until > self._clock() else None

    def live_release(self) -> Pointer | None:
        """See ReleasePointer."""
        return self._live

    def set_live_release(self, release_id: str, at: int) -> Pointer:
        """See ReleasePointer."""
        with self._changed:
            before = self._live.release_id if self._live else None
            if self._live is None or before != release_id:
                self._live = Pointer(release_id, before, at)
            return self._live


class MemoryJobs(MemoryPart):
    """JobStore in memory."""

    def __init__(self, clock: Clock, history_length: int) -> None:
        super().__init__(clock, history_length)
        self._jobs: dict[str, JobStatus] = {}
        self._queue: list[str] = []
        self._claims: dict[str, int] = {}

    def push_job(self, verb: str, arguments: Mapping[str, object], by: str) -> str:
        """See JobStore."""
        job_id, now = uuid.uuid4().hex, self._clock()
        with self._changed:
            self._jobs[job_id] = JobStatus(job_id, verb, dict(arguments), by, JobState.QUEUED, 0, now, now)
            self._queue.append(job_id)
        return job_id

    def claim_job(self, visibility_s: float = 60.0) -> Job | None:
        """See JobStore."""
        with self._changed:
            self._free_lapsed_claims()
            if not self._queue:
                return None
            job_id = self._queue.pop(0)
            job = self._jobs[job_id]
            self._claims[job_id] = self._clock() + int(visibility_s * 1000)
            self._change(job_id, state=JobState.RUNNING, attempt=job.attempt + 1)
            return Job(job_id, job.verb, job.arguments, job.by, job.attempt + 1)

    def _free_lapsed_claims(self) -> None:
        for job_id in [job_id for job_id, until in self._claims.items() if until <= self._clock()]:
            del self._claims[job_id]
            if self._jobs[job_id].attempt >= MAX_JOB_ATTEMPTS:
                self._change(job_id, state=JobState.FAILED, detail="its worker died each time")
            else:
                self._change(job_id, state=JobState.QUEUED)
                self._queue.insert(0, job_id)

    def _change(self, job_id: str, **fields: object) -> None:
        self._jobs[job_id] = replace(self._jobs[job_id], updated_at=self._clock(), **fields)  # type: ignore[arg-type]

    def extend_job(self, job: Job, visibility_s: float = 60.0) -> bool:
        """See JobStore."""
        with self._changed:
            if not self._holds(job):
                return False
            self._claims[job.job_id] = self._clock() + int(visibility_s * 1000)
            return True

    def finish_job(self, job: Job, state: JobState, detail: str = "") -> bool:
        """See JobStore."""
        with self._changed:
            if not self._holds(job):
                return False
            del self._claims[job.job_id]
            self._change(job.job_id, state=state, detail=detail)
            return True

    def _holds(self, job: Job) -> bool:
        held = self._jobs.get(job.job_id)
        return held is not None and held.state is JobState.RUNNING and held.attempt == job.attempt

    def job_status(self, job_id: str) -> JobStatus | None:
        """See JobStore."""
        return self._jobs.get(job_id)
