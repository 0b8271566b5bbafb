"""Whom newborns are met with, in Redis: a short stream that every serving process reads from its start."""

from collections.abc import Sequence
from typing import Final

import orjson

from feature_store.online.contract import Company
from feature_store.online.redis_link import Commands, RedisPart, run

__all__ = ["RedisCompany"]

_MOST: Final = 20_000
"""Notes that are kept, about."""


class RedisCompany(RedisPart):
    """CompanyStore on Redis."""

    def note_company(self, notes: Sequence[Company]) -> None:
        """See CompanyStore."""
        if not notes:
            return

        def work(client: Commands) -> None:
            batch = client.pipeline(transaction=False)
            for note in notes:
                row = orjson.dumps([note.item_id, *note.others])
                batch.execute_command("XADD", self._keys.company, "MAXLEN", "~", _MOST, "*", "c", row)
            run(batch)

        self._link.write(work)

    def company_since(self, after: str, count: int = 1000) -> tuple[str, list[Company]]:
        """See CompanyStore."""
        found = self._link.bulk(
            lambda client: client.execute_command(
                "XREAD", "COUNT", count, "STREAMS", self._keys.company, after
            )
        )
        rows = [(key.decode(), orjson.loads(fields[b"c"])) for _, rows in found or () for key, fields in rows]
        notes = [Company(item_id, tuple(others)) for _, (item_id, *others) in rows]
        return (rows[-1][0] if rows else after), notes
