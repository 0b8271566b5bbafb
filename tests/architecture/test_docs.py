"""Docs that cannot rot: every verb, setting, route, metric and event type is named in them, and every link resolves."""

import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main
from fastapi.routing import APIRoute

from recsys.types import EventType
from serving.observability import Metrics
from serving.settings import Settings

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|click \w+ \"([^\"]+)\"")


@pytest.fixture(scope="module")
def pages(root: Path) -> dict[Path, str]:
    paths = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    return {path: path.read_text("utf-8") for path in paths}


@pytest.fixture(scope="module")
def text(pages: dict[Path, str]) -> str:
    return "\n".join(pages.values())


def verbs(root: Path) -> Iterator[tuple[str, Any]]:
    """Every command, such as `recsys data ingest`, from the entry points in pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    for name, target in project["entry-points"]["recsys.commands"].items():
        module, _, attribute = target.partition(":")
        yield from lines(f"recsys {name}", typer.main.get_command(getattr(import_module(module), attribute)))


def lines(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    """The command itself, or those below a group, each with its words."""
    below = getattr(command, "commands", {})
    if not below:
        yield words, command
    for name, inner in below.items():
        yield from lines(f"{words} {name}", inner)


def test_every_verb_is_documented(root: Path, text: str) -> None:
    found = [words for words, _ in verbs(root)]
    assert len(found) > 12
    assert [verb for verb in found if not re.search(rf"{verb}\b", text)] == []


def test_every_verb_of_the_docs_exists(root: Path, text: str) -> None:
    known = {words.split()[1] for words, _ in verbs(root)}
    named = re.findall(r"(?:^|`|&& |exec \w+ )recsys ([a-z]+)\b", text, flags=re.MULTILINE)
    assert sorted(set(named) - known) == []


def test_every_option_of_the_docs_exists(root: Path, text: str) -> None:
    shown = set()
    for words, command in verbs(root):
        known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
        for rest in re.findall(rf"\b{words}\b((?: [^\s`#|;]+)*)", text):
            options = set(re.findall(r"--[a-z-]+", rest))
            assert options <= known, f"{words}: {sorted(options - known)}"
            shown |= {f"{words} {option}" for option in options}
    assert len(shown) > 15


def test_every_setting_is_documented(root: Path) -> None:
    page = (root / "docs" / "operations.md").read_text("utf-8")
    others = {"redis_url": "REDIS_URL", "otlp_endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT"}
    names = [others.get(name, f"RECSYS_{name.upper()}") for name in Settings.model_fields]
    assert [name for name in [*names, "MLFLOW_TRACKING_URI"] if f"`{name}`" not in page] == []


def test_every_setting_of_the_docs_exists(text: str) -> None:
    known = {f"RECSYS_{name.upper()}" for name in Settings.model_fields} | {
        "RECSYS_DATASETS",
        "RECSYS_PUBLISH",
    }
    assert sorted(set(re.findall(r"RECSYS_[A-Z_]+", text)) - known) == []


def test_every_route_is_documented(root: Path) -> None:
    page = (root / "docs" / "api.md").read_text("utf-8")
    missing = [route for route in routes() if f"`{route}`" not in page]
    assert missing == []


def test_every_route_of_the_docs_exists(root: Path) -> None:
    page = (root / "docs" / "api.md").read_text("utf-8")
    named = set(re.findall(r"`((?:GET|PUT|POST|PATCH|DELETE) /[^`]+)`", page))
    assert sorted(named - set(routes())) == []


def test_every_metric_is_documented(root: Path) -> None:
    page = (root / "docs" / "operations.md").read_text("utf-8")
    exposed = re.findall(r"^# TYPE (\w+)", Metrics().render().decode(), flags=re.MULTILINE)
    own = {name for name in exposed if name.startswith("recsys_")}
    assert len(own) > 4
    assert sorted(name for name in own if f"`{name}`" not in page) == []


def test_every_event_type_is_documented(root: Path) -> None:
    page = (root / "docs" / "data.md").read_text("utf-8")
    assert [kind.value for kind in EventType if f"`{kind.value}`" not in page] == []


def test_every_link_inside_the_docs_leads_somewhere(pages: dict[Path, str]) -> None:
    broken = [
        f"{path.name}: {target}"
        for path, page in pages.items()
        for pair in LINK.findall(page)
        if (target := "".join(pair).partition("#")[0])
        and "://" not in target
        and not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_path_that_the_docs_name_exists(root: Path, pages: dict[Path, str]) -> None:
    folders = "recsys|feature_store|training|serving|tests|configs|migrations"
    named = {
        path.rstrip("./")
        for page in pages.values()
        for path in re.findall(rf"(?:^|[`\[( ])((?:{folders})/[\w./]+)(?=[`\]) ,:;<]|$)", page, re.MULTILINE)
    }
    assert len(named) > 30
    assert [
        path for path in sorted(named) if not (root / path).exists() and not (root / f"{path}.py").exists()
    ] == []


def test_every_decision_is_listed_and_has_its_four_parts(root: Path) -> None:
    folder = root / "docs" / "decisions"
    index = (folder / "README.md").read_text("utf-8")
    files = sorted(path for path in folder.glob("[0-9]*.md"))
    assert [path.name[:4] for path in files] == [f"{number:04d}" for number in range(1, len(files) + 1)]
    for path in files:
        page = path.read_text("utf-8")
        assert f"({path.name})" in index, path.name
        parts = re.findall(
            r"^\*\*(Context|Decision|Consequences)\.\*\*|^\*\*(Enforced by)\*\*", page, re.MULTILINE
        )
        assert ["".join(part) for part in parts] == ["Context", "Decision", "Consequences", "Enforced by"], (
            path
        )


def test_the_commands_of_the_docs_exist_in_the_makefile(root: Path, text: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)\b", text, flags=re.MULTILINE))
    assert {"demo", "test"} <= named
    assert sorted(named - targets) == []


def test_the_first_screen_of_the_readme_shows_the_two_commands(root: Path) -> None:
    first = (root / "README.md").read_text("utf-8").splitlines()[:40]
    assert any(line.startswith("make demo") for line in first)
    assert any(line.startswith("make test") for line in first)


def test_make_help_describes_every_target(root: Path) -> None:
    makefile = (root / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    assert phony is not None
    described = re.findall(r"^([a-z]+):.*## \S", makefile, flags=re.MULTILINE)
    assert sorted(described) == sorted(phony[1].split())


def routes() -> list[str]:
    """`METHOD /path` of every route of the service, path converters left out."""
    names = [path.stem for path in Path(import_module("serving.routes").__path__[0]).glob("*.py")]
    routers = [getattr(import_module(f"serving.routes.{name}"), "router", None) for name in names]
    return [
        f"{method} {re.sub(r':path(?=})', '', route.path)}"
        for router in routers
        if router is not None
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ]
