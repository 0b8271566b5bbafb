"""`recsys serve --workers N`: one listening socket, N processes that share what was imported before they were forked.

Invariants: nothing that has threads or connections exists before a fork; every worker loads the release by itself,
from the one verified folder of this machine, memory-mapped, so its pages exist once; a dead worker comes back and goes
on with what its predecessor counted; SIGTERM ends all of them after what they have begun.
"""

import gc
import socket
from functools import partial
from typing import Final

import structlog
import uvicorn

from serving.app import create_app
from serving.observability import Metrics, configure_logging
from serving.resources import compose
from serving.runtime.processes import Forked
from serving.runtime.server import server_config
from serving.runtime.supervisor import Supervisor, refuse_taken_port
from serving.settings import Settings
from serving.shared_numbers import Board
from serving.stores import open_stores

__all__ = ["run_workers"]

_BACKLOG: Final = 2048


def run_workers(settings: Settings, count: int) -> None:
    """Serve with `count` processes until SIGINT or SIGTERM.

    Raises:
        ConfigError: the address or the port cannot be used.
    """
    configure_logging(settings.log_level)
    refuse_taken_port(settings.host, settings.port)
    log = structlog.get_logger(__name__)

    def say(line: str) -> None:
        log.warning("workers", said=line)

    with _listening(settings) as shared:
        # What the collector never looks at is never written to, so it stays shared after the fork.
        gc.collect()
        gc.freeze()
        board = Board(count)
        workers = [
            Forked(f"api-{number}", partial(_serve, settings, shared, board, number))
            for number in range(1, count + 1)
        ]
        Supervisor(workers, None, say).run()


def _serve(settings: Settings, shared: socket.socket, board: Board, number: int) -> None:
    resources = compose(settings, open_stores(settings), metrics=Metrics(board, number))
    uvicorn.Server(server_config(create_app(resources=resources), settings)).run(sockets=[shared])


def _listening(settings: Settings) -> socket.socket:
    family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
    shared = socket.socket(family, socket.SOCK_STREAM)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.bind((settings.host, settings.port))
    shared.listen(_BACKLOG)
    shared.setblocking(False)
    return shared
