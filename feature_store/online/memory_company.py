"""Whom newborns are met with, in memory: what RedisCompany must do."""

from collections.abc import Sequence

from feature_store.online.contract import Company
from feature_store.online.memory_stream import Clock, MemoryPart, MemoryStream

__all__ = ["MemoryCompany"]


class MemoryCompany(MemoryPart):
    """CompanyStore in memory."""

    def __init__(self, clock: Clock, history_length: int) -> None:
        super().__init__(clock, history_length)
        self._company: MemoryStream[Company] = MemoryStream(clock)

    def note_company(self, notes: Sequence[Company]) -> None:
        """See CompanyStore."""
        with self._changed:
            for note in notes:
                self._company.append(note)

    def company_since(self, after: str, count: int = 1000) -> tuple[str, list[Company]]:
        """See CompanyStore."""
        with self._changed:
            found = self._company.after(after, count)
        return (found[-1][0] if found else after), [note for _, note in found]
