"""A small job queue in Redis: a list of ids, a hash per job, and the claims ordered by when they lapse.

A job is claimed at least once. Every claim counts up `attempt`; whoever lost a claim cannot answer for the
job. The clock is the server's, so that claimants need not agree on theirs.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

import orjson

from feature_store.online.contract import MAX_JOB_ATTEMPTS, Job, JobState, JobStatus
from feature_store.online.redis_link import Commands, RedisPart

__all__ = ["RedisJobs"]

_KEPT_S: Final = 7 * 86_400
_FIELDS: Final = ("verb", "arguments", "by", "state", "attempt", "created_at", "updated_at", "detail")

_NOW: Final = """
local time = redis.call('TIME')
local now = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
"""

# KEYS: queue, job. ARGV: id, verb, arguments, by, seconds to keep.
_PUSH: Final = (
    _NOW
    + """
redis.call('HSET', KEYS[2], 'verb', ARGV[2], 'arguments', ARGV[3], 'by', ARGV[4], 'state', 'queued',
  'attempt', 0, 'created_at', now, 'updated_at', now, 'detail', '')
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('RPUSH', KEYS[1], ARGV[1])
"""
)

# KEYS: queue, running. ARGV: prefix of job keys (same hash tag), ms of the claim, most attempts.
_CLAIM: Final = (
    _NOW
    + """
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)) do
  redis.call('ZREM', KEYS[2], id)
  local job = ARGV[1] .. id
  if tonumber(redis.call('HGET', job, 'attempt') or ARGV[3]) >= tonumber(ARGV[3]) then
    if redis.call('EXISTS', job) == 1 then
      redis.call('HSET', job, 'state', 'failed', 'updated_at', now, 'detail', 'its worker died each time')
    end
  else
    redis.call('HSET', job, 'state', 'queued', 'updated_at', now)
    redis.call('LPUSH', KEYS[1], id)
  end
end
local id = redis.call('LPOP', KEYS[1])
while id and redis.call('EXISTS', ARGV[1] .. id) == 0 do id = redis.call('LPOP', KEYS[1]) end
if not id then return false end
local job = ARGV[1] .. id
local attempt = redis.call('HINCRBY', job, 'attempt', 1)
redis.call('HSET', job, 'state', 'running', 'updated_at', now)
redis.call('ZADD', KEYS[2], tonumber(now) + tonumber(ARGV[2]), id)
local fields = redis.call('HMGET', job, 'verb', 'arguments', 'by')
return {id, fields[1], fields[2], fields[3], attempt}
"""
)

# KEYS: running, job. ARGV: id, attempt, then ms to extend, or state and detail to finish.
_ANSWER: Final = (
    _NOW
    + """
local held = redis.call('HMGET', KEYS[2], 'attempt', 'state')
if held[1] ~= ARGV[2] or held[2] ~= 'running' then return 0 end
if #ARGV == 3 then
  redis.call('ZADD', KEYS[1], tonumber(now) + tonumber(ARGV[3]), ARGV[1])
else
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HSET', KEYS[2], 'state', ARGV[3], 'detail', ARGV[4], 'updated_at', now)
end
return 1
"""
)


class RedisJobs(RedisPart):
    """JobStore on Redis."""

    def push_job(self, verb: str, arguments: Mapping[str, object], by: str) -> str:
        """See JobStore."""
        job_id = uuid.uuid4().hex
        fields = (job_id, verb, orjson.dumps(dict(arguments)), by, _KEPT_S)
        self._eval(_PUSH, (self._keys.job_queue, self._keys.job(job_id)), *fields)
        return job_id

    def claim_job(self, visibility_s: float = 60.0) -> Job | None:
        """See JobStore."""
        keys = (self._keys.job_queue, self._keys.jobs_running)
        found = self._eval(_CLAIM, keys, self._keys.job(""), int(visibility_s * 1000), MAX_JOB_ATTEMPTS)
        if not found:
            return None
        job_id, verb, arguments, by, attempt = found
        return Job(job_id.decode(), verb.decode(), orjson.loads(arguments), by.decode(), attempt)

    def extend_job(self, job: Job, visibility_s: float = 60.0) -> bool:
        """See JobStore."""
        return self._answer(job, int(visibility_s * 1000))

    def finish_job(self, job: Job, state: JobState, detail: str = "") -> bool:
        """See JobStore."""
        return self._answer(job, state.value, detail)

    def _answer(self, job: Job, *said: object) -> bool:
        keys = (self._keys.jobs_running, self._keys.job(job.job_id))
        return bool(self._eval(_ANSWER, keys, job.job_id, job.attempt, *said))

    def job_status(self, job_id: str) -> JobStatus | None:
        """See JobStore."""

        def work(client: Commands) -> Any:
            return client.execute_command("HMGET", self._keys.job(job_id), *_FIELDS)

        verb, arguments, by, state, attempt, created_at, updated_at, detail = self._link.write(work)
        if verb is None:
            return None
        return JobStatus(
            job_id,
            verb.decode(),
            orjson.loads(arguments),
            by.decode(),
            JobState(state.decode()),
            int(attempt),
            int(created_at),
            int(updated_at),
            detail.decode(),
        )

    def _eval(self, script: str, keys: tuple[str, ...], *arguments: object) -> Any:
        return self._link.write(
            lambda client: client.execute_command("EVAL", script, len(keys), *keys, *arguments)
        )
