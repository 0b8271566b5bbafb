"""The process behind `recsys serve`: the application on uvicorn, logs as JSON, a clean end on SIGTERM.

Requests in flight get `_GRACE_S` to finish after the listening socket is closed.
"""

from typing import Final

import uvicorn
from fastapi import FastAPI

from serving.app import create_app
from serving.observability import configure_logging
from serving.runtime.bounded_heads import BoundedHeads
from serving.runtime.supervisor import refuse_taken_port
from serving.settings import Settings

__all__ = ["run", "server_config"]

_GRACE_S: Final = 10


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn runs the application."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        # Logging is ours, and the application itself writes one line per request.
        log_config=None,
        access_log=False,
        server_header=False,
        http=BoundedHeads,
        timeout_graceful_shutdown=_GRACE_S,
    )


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ConfigError: the address or the port cannot be used, or browser keys meet open CORS.
        SetupError: a store is there and unsafe to use.
    """
    configure_logging(settings.log_level)
    refuse_taken_port(settings.host, settings.port)
    uvicorn.Server(server_config(create_app(settings), settings)).run()
