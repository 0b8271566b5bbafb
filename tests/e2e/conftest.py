"""The product as its users run it: real commands, real processes, a home folder of its own, nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from feature_store.online.blobs import RedisBlobStore
from feature_store.online.redis_store import RedisOnlineStore
from feature_store.server.connection import client_for
from feature_store.server.valkey import EmbeddedValkey
from feature_store.settings import StoreSettings
from recsys.config import ReleaseConfig
from recsys.release import push, seal
from recsys.testing import Shop, ShopSize, build_shop
from recsys.train import fit_release

ROOT = Path(__file__).resolve().parents[2]
RECSYS = (sys.executable, "-c", "from recsys.cli import main; main()")


@dataclass
class Product:
    """The installed product on one home folder; `environment` holds what a test adds."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    callers: list["Storefront"] = field(default_factory=list)

    def run(self, *arguments: str) -> str:
        """Run a command to its end; its stdout."""
        done = subprocess.run(
            [*RECSYS, *arguments],
            env=self._environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"recsys {' '.join(arguments)}: {done.stdout[-3000:]}{done.stderr}"
        return done.stdout.strip()

    def start(self, verb: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a command that stays; its output goes to `<verb>.log`."""
        with (self.home / f"{verb}.log").open("ab") as log:
            process = subprocess.Popen(
                [*RECSYS, verb, *arguments], env=self._environment(), cwd=ROOT, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def said(self) -> str:
        """The last words of every started command."""
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self.home.glob("*.log"))

    def storefront(self, port: int, role: str = "storefront") -> "Storefront":
        """Somebody who calls the API with a new key of a role."""
        self.callers.append(Storefront(port, self.run("keys", "create", "--role", role)))
        return self.callers[-1]

    def wait_for(self, condition: Callable[[], object], what: str, seconds: float = 90.0) -> None:
        """Return when `condition` holds; fail the test with `what` when it does not in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"waited {seconds:g} s in vain for: {what}; the logs end with\n{self.said()}")
            time.sleep(0.02)

    @staticmethod
    def children(pid: int) -> list[int]:
        """Processes whose parent is `pid`."""
        return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    @staticmethod
    def alive(pid: int) -> bool:
        """Whether a process runs; a zombie does not."""
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def running(self) -> list[int]:
        """Every process that was told of this home folder, or works in it."""
        return [int(process.name) for process in Path("/proc").iterdir() if self._is_ours(process)]

    def _is_ours(self, process: Path) -> bool:
        try:
            told = f"RECSYS_HOME={self.home}\0".encode() in (process / "environ").read_bytes()
            return process.name.isdigit() and (told or (process / "cwd").readlink().is_relative_to(self.home))
        except OSError:
            return False

    def kill(self, pid: int) -> None:
        """SIGKILL, and return when the process is gone."""
        os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: not self.alive(pid), f"the end of process {pid}", 10)

    def stop(self) -> None:
        """End what is still running."""
        for caller in self.callers:
            caller.close()
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RECSYS_")}
        inherited.pop("REDIS_URL", None)
        return {**inherited, "RECSYS_HOME": str(self.home), "PYTHONUNBUFFERED": "1", **self.environment}


class Storefront:
    """A shop's calls to the API at `port`; a call that finds nobody has status 0."""

    def __init__(self, port: int, key: str) -> None:
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=20,
            trust_env=False,
        )

    def get(self, path: str) -> "Answer":
        return self._call("GET", path)

    def post(self, path: str, body: Mapping[str, object]) -> "Answer":
        return self._call("POST", path, body)

    def put(self, path: str, body: Mapping[str, object]) -> "Answer":
        return self._call("PUT", path, body)

    def close(self) -> None:
        self._client.close()

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> "Answer":
        try:
            found = self._client.request(method, path, json=body)
        except httpx.TransportError:
            return Answer(0, None, {})
        content = json.loads(found.content) if "json" in found.headers.get("content-type", "") else None
        return Answer(found.status_code, content, found.headers)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]


@pytest.fixture
def make_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Product]]:
    """Makes products with an empty home; short paths, because a Unix socket's holds about 100 bytes."""
    made: list[Product] = []

    def make(**environment: str) -> Product:
        made.append(Product(tmp_path_factory.mktemp("h"), environment))
        return made[-1]

    yield make
    for product in made:
        product.stop()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A server of the test's own, which the product knows by REDIS_URL and therefore does not restart."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("v"))
    server.ensure()
    yield server
    server.leave()
    server.wait_until_stopped()


@pytest.fixture(scope="session")
def shop() -> Shop:
    return build_shop(7, ShopSize(users=60, groups=4, items_per_group=20, sessions_per_user=6.0))


@pytest.fixture
def publish(shop: Shop) -> Callable[..., str]:
    """Fits a small release into a folder, makes it live, and tells its id."""
    attributes = {user.user_id: user.attributes for user in shop.users}

    def make_live(settings: StoreSettings, folder: Path, seed: int = 0) -> str:
        fit_release(shop.interactions, shop.items, attributes, ReleaseConfig(), folder, seed=seed)
        now = time.time_ns() // 1_000_000
        manifest = seal(
            folder,
            config={},
            metrics={},
            slices={},
            data={"until": shop.end},
            code_version="test",
            created_at=now,
        )
        client = client_for(settings)
        push(folder, RedisBlobStore(client, settings.namespace))
        store = RedisOnlineStore.of(client, settings)
        store.set_live_release(manifest.release_id, now)
        store.close()
        client.close()
        return manifest.release_id

    return make_live
