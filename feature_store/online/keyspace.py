"""The names of all Redis keys, in one place.

The part in braces is the Redis Cluster hash tag: keys that one script touches share it. `{events}` holds
the event stream and its idempotency keys, `{u:<id>}` and `{s:<id>}` what belongs to one shopper or
session.
"""

from hashlib import blake2b

__all__ = ["Keys"]


class Keys:
    """Key names under the shop's prefix; two prefixes never share a key."""

    def __init__(self, namespace: str) -> None:
        self._prefix = namespace
        self.events = f"{namespace}:{{events}}:stream"
        self._seen = f"{namespace}:{{events}}:seen:".encode()
        self.items = f"{namespace}:{{catalogue}}:items"
        self.item_changes = f"{namespace}:{{catalogue}}:changes"
        self.item_epoch = f"{namespace}:{{catalogue}}:epoch"
        self.item_trimmed = f"{namespace}:{{catalogue}}:trimmed"
        self.item_written = f"{namespace}:{{catalogue}}:written"
        self.company = f"{namespace}:{{catalogue}}:company"
        self.user_changes = f"{namespace}:{{users}}:changes"
        self.merged_into = f"{namespace}:{{identity}}:into"
        self.merged_groups = f"{namespace}:{{identity}}:groups"
        self.live = f"{namespace}:{{release}}:live"
        self.blob_names = f"{namespace}:{{blobs}}:names"
        self.job_queue = f"{namespace}:{{jobs}}:queue"
        self.jobs_running = f"{namespace}:{{jobs}}:running"

    def seen(self, event_id: str) -> bytes:
        """Remembers the content of one event id for the idempotency window."""
        return self._seen + blake2b(event_id.encode(), digest_size=16).digest()

    def user_history(self, user_id: str) -> str:
        """Sorted set of a shopper's recent events."""
        return f"{self._prefix}:{{u:{user_id}}}:h"

    def user_document(self, user_id: str) -> str:
        """Attributes and consent."""
        return f"{self._prefix}:{{u:{user_id}}}:d"

    def session_history(self, session_id: str) -> str:
        """Sorted set of a session's recent events."""
        return f"{self._prefix}:{{s:{session_id}}}:h"

    def page(self, recomm_id: str) -> str:
        """What the next page of an answer needs."""
        return f"{self._prefix}:page:{recomm_id}"

    def blob(self, name: str) -> str:
        """One value of the blob store."""
        return f"{self._prefix}:blob:{name}"

    def job(self, job_id: str) -> str:
        """Hash with the state of one job."""
        return f"{self._prefix}:{{jobs}}:job:{job_id}"
