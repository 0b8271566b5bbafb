"""Runs the load generator as a process of its own: wrk for saturation where it is installed, else the bundled one.

wrk cannot keep a rate, so what is measured at a rate is always measured by the bundled one.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from serving.bench.load import Figures
from serving.bench.processes import BenchError, Server

__all__ = ["Running", "closed", "paced", "saturate", "saturating_tool", "start"]

_GRACE_S: Final = 90.0
_BUNDLED: Final = "bundled"
_SCRIPT: Final = """
local requests, place, threads = {}, 0, {}
degraded = 0
function setup(thread)
  threads[#threads + 1] = thread
end
function init(args)
  local file = assert(io.open(args[1], "rb"))
  local raw, at = file:read("*a"), 1
  file:close()
  while at < #raw do
    local a, b, c, d = raw:byte(at, at + 3)
    local size = ((a * 256 + b) * 256 + c) * 256 + d
    requests[#requests + 1] = raw:sub(at + 4, at + 3 + size)
    at = at + 4 + size
  end
end
function request()
  place = place % #requests + 1
  return requests[place]
end
function response(status, headers, body)
  if status == 200 and body:find('"degraded":["', 1, true) then
    degraded = degraded + 1
  end
end
function done(summary, latency)
  local e, less = summary.errors, 0
  for _, thread in ipairs(threads) do
    less = less + thread:get("degraded")
  end
  io.write(string.format(
    '\\nfigures {"seconds": %f, "requests": %d, "status": %d, "connect": %d, "read": %d, "write": %d, '
      .. '"timeout": %d, "degraded": %d}\\n',
    summary.duration / 1e6, summary.requests, e.status, e.connect, e.read, e.write, e.timeout, less))
end
"""


def saturating_tool() -> str:
    """What `saturate` uses here."""
    return "wrk" if shutil.which("wrk") else _BUNDLED


def saturate(server: Server, requests: Path, seconds: float, connections: int) -> Figures:
    """As many requests as `connections` connections get answered.

    Raises:
        BenchError: the generator failed.
    """
    if saturating_tool() == "wrk":
        return _wrk(server, requests, seconds, connections)
    return _bundled(server, requests, seconds, ("--connections", str(connections)))


def paced(server: Server, requests: Path, seconds: float, rate: float) -> Figures:
    """`rate` requests a second at random moments, whatever the answers do.

    Raises:
        BenchError: the generator failed.
    """
    return _bundled(server, requests, seconds, ("--rate", str(rate)))


def closed(server: Server, requests: Path, seconds: float, connections: int) -> Figures:
    """As `saturate`, always by the bundled generator.

    Raises:
        BenchError: the generator failed.
    """
    return _bundled(server, requests, seconds, ("--connections", str(connections)))


@dataclass(frozen=True)
class Running:
    """A bundled generator at work."""

    process: "subprocess.Popen[str]"
    seconds: float

    def figures(self) -> Figures:
        """Wait for its end.

        Raises:
            BenchError: the generator failed.
        """
        try:
            out, err = self.process.communicate(timeout=self.seconds + _GRACE_S)
        except subprocess.TimeoutExpired:
            self.stop()
            raise BenchError("the load generator did not end in time") from None
        if self.process.returncode != 0:
            raise BenchError(f"the load generator ended with code {self.process.returncode}: {err[-500:]}")
        return Figures(**json.loads(out))

    def stop(self) -> None:
        """End it, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def start(server: Server, requests: Path, seconds: float, more: Sequence[str]) -> Running:
    """Start the bundled generator and go on; `more` are options of `serving.bench.load`."""
    process = subprocess.Popen(
        _command(server, requests, seconds, more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Running(process, seconds)


def _command(server: Server, requests: Path, seconds: float, more: Sequence[str]) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "serving.bench.load", str(requests)),
        *("--port", str(server.port), "--seconds", str(seconds), *more),
    )


def _bundled(server: Server, requests: Path, seconds: float, more: tuple[str, ...]) -> Figures:
    return Figures(**json.loads(_said(_command(server, requests, seconds, more), seconds)))


def _wrk(server: Server, requests: Path, seconds: float, connections: int) -> Figures:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT)
        script.flush()
        host, port = server.address
        options = ("-t1", f"-c{connections}", f"-d{max(round(seconds), 1)}s", "-s", script.name)
        said = _said(("wrk", *options, f"http://{host}:{port}/", "--", str(requests)), seconds)
    counts = json.loads(said.rpartition("figures ")[2])
    elapsed, all_answers, less = (counts.pop(name) for name in ("seconds", "requests", "degraded"))
    answered = all_answers - counts["status"] - less
    figures = Figures(seconds=elapsed, requests=answered, per_s=answered / elapsed, degraded=less)
    return replace(figures, errors={name: count for name, count in counts.items() if count})


def _said(command: tuple[str, ...], seconds: float) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + _GRACE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"the load generator {command[0]!r} did not end in time") from None
    if done.returncode != 0:
        raise BenchError(
            f"the load generator ended with code {done.returncode}: {done.stderr.strip()[-500:]}"
        )
    return done.stdout
