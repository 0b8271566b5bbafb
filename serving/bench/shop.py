"""A shop under load: the product over a synthetic release, its server, the requests of its traffic."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serving.bench.generator import closed
from serving.bench.load import Figures, write_requests
from serving.bench.processes import Cores, Server
from serving.bench.product import Product, prepared
from serving.bench.workers import ready_everywhere

__all__ = ["EVERYWHERE", "Shop", "Step", "open_shop"]

Step = Callable[[str], AbstractContextManager[object]]

EVERYWHERE: Final = Cores(None, None)
"""Servers and load share all cores: where several workers are to have more than one."""
_REQUESTS: Final = 20_000
_CONNECTIONS: Final = 8
"""For each worker: enough to keep it busy."""
_WARM_UP_S: Final = 2.0


@dataclass(frozen=True)
class Shop:
    """What a bench works with."""

    product: Product
    server: Server
    workers: tuple[int, ...]
    """Process ids."""
    requests: Path
    folder: Path
    """For files of the bench."""

    @property
    def spread(self) -> int:
        """Connections that a load keeps open."""
        return _CONNECTIONS * len(self.workers)

    def saturation(self, seconds: float) -> Figures:
        """What the server answers in a closed loop, once it is warm.

        Raises:
            BenchError: the generator failed.
        """
        closed(self.server, self.requests, min(_WARM_UP_S, seconds), self.spread)
        return closed(self.server, self.requests, seconds, self.spread)


@contextmanager
def open_shop(
    releases: Sequence[Path], workers: int, cores: Cores, step: Step, *, patient: bool = False
) -> Iterator[Shop]:
    """A shop on the first release that may go over to the others, ready on every worker; gone afterwards.

    `patient`: it rather makes callers wait than refuse them.

    Raises:
        BenchError: it does not get ready.
    """
    first, *others = releases
    with ExitStack() as stack:
        with step("store, shoppers and requests"):
            product = stack.enter_context(prepared(first, others=others))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rb")))
            write_requests(folder / "requests", product.traffic.ours(_REQUESTS))
        with step("start the server"):
            server = stack.enter_context(product.server(cores, workers, patient=patient))
            pids = ready_everywhere(server, workers, product.traffic.key)
        stack.enter_context(product.drained())
        yield Shop(product, server, pids, folder / "requests", folder)
