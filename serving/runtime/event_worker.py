"""The process behind `recsys worker`: moves what the API acknowledged into the log until it is told to stop.

Invariants: one worker per home folder; SIGTERM and SIGINT end it after what is waiting has been written.
"""

import signal
import threading

from feature_store.online.redis_store import RedisOnlineStore
from feature_store.server.connection import connect, disconnect
from feature_store.worker import Destinations, Worker, only_worker
from serving.observability import configure_logging
from serving.settings import Settings

__all__ = ["run"]


def run(settings: Settings, *, once: bool = False) -> None:
    """Work until a signal comes, or with `once` until nothing is waiting.

    Raises:
        BusyError: another worker writes into this home folder.
        UnavailableError: the online store does not answer at the start.
    """
    configure_logging(settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if once:
        stop.set()
    with only_worker(settings.home):
        store = RedisOnlineStore.of(connect(settings, check=once), settings)
        try:
            Worker(store, Destinations.of(settings.home)).run(stop)
        finally:
            store.close()
            disconnect(settings)
