"""The online store in memory: the specification of OnlineStore, for tests and for reading. One process, no
file."""

from feature_store.online.memory_catalogue import MemoryCatalogue
from feature_store.online.memory_company import MemoryCompany
from feature_store.online.memory_jobs import MemoryJobs, MemoryPages
from feature_store.online.memory_shoppers import MemoryShoppers
from feature_store.online.memory_stream import Clock, system_clock

__all__ = ["MemoryOnlineStore"]


class MemoryOnlineStore(MemoryShoppers, MemoryCatalogue, MemoryCompany, MemoryPages, MemoryJobs):
    """OnlineStore without a server; `clock` gives ms since the epoch. Safe to share between threads."""

    def __init__(self, history_length: int = 500, clock: Clock = system_clock) -> None:
        super().__init__(clock, history_length)
