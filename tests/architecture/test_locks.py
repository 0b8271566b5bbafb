"""The lock files: every requirement pinned and hashed, no URL; the development lock holds the runtime one."""

import re
import tomllib
from pathlib import Path

import pytest

LOCKS = ("requirements.lock", "requirements-dev.lock")
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def entries(path: Path) -> dict[str, list[str]]:
    """{'name==version': its hashes}; a package may stand there twice, for two platforms."""
    found: dict[str, list[str]] = {}
    current = ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if not line.startswith(" "):
            current = line.split(" ")[0]
            found.setdefault(current, [])
        found[current] += re.findall(r"--hash=sha256:[0-9a-f]{64}", line)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_and_carries_a_hash(root: Path, name: str) -> None:
    locked = entries(root / name)
    assert len(locked) > 80
    assert [entry for entry in locked if not re.fullmatch(rf"{NAME}==\S+", entry)] == []
    assert [entry for entry, hashes in locked.items() if not hashes] == []


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_file_carries_a_url(root: Path, name: str) -> None:
    assert "://" not in (root / name).read_text("utf-8")


def test_the_development_lock_holds_the_runtime_lock_at_the_same_versions(root: Path) -> None:
    runtime, dev = (entries(root / name) for name in LOCKS)
    assert sorted(set(runtime) - set(dev)) == []


def test_every_direct_dependency_is_locked(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["demo"] + extras["otel"]
    locked = {entry.partition("==")[0] for entry in entries(root / "requirements.lock")}
    names = {re.match(NAME, line).group().lower().replace("_", "-") for line in wanted}  # type: ignore[union-attr]
    assert sorted(names - locked) == []


def test_the_lock_target_repeats_the_command_in_each_header(root: Path) -> None:
    makefile = (root / "Makefile").read_text("utf-8")
    for name in LOCKS:
        header = (root / name).read_text("utf-8").splitlines()[1].lstrip("# ")
        stem, _, extras = header.partition(" --extra ")
        assert stem in makefile
        assert f"--extra {extras}" in makefile
