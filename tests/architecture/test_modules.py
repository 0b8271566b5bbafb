"""House rules on source files: each opens with its purpose, stays small, and exports a sorted `__all__`."""

import ast
import re
from pathlib import Path

import pytest

PACKAGES = ("recsys", "feature_store", "training", "serving")
LIMIT = 400
MACHINE = re.compile(r"(^|[^A-Za-z0-9_.-])/(" + "|".join(("wo" + "rk", "fa" + "rm")) + r")/")


@pytest.fixture(scope="module")
def modules(root: Path, tracked: list[Path]) -> list[Path]:
    found = [p for p in tracked if p.suffix == ".py" and p.relative_to(root).parts[0] in PACKAGES]
    assert {p.relative_to(root).parts[0] for p in found} == set(PACKAGES)
    return found


def test_every_module_opens_with_a_docstring(modules: list[Path]) -> None:
    assert [str(p) for p in modules if not ast.get_docstring(ast.parse(p.read_text("utf-8")))] == []


def test_no_module_passes_four_hundred_lines(modules: list[Path]) -> None:
    lengths = {str(p): p.read_text("utf-8").count("\n") for p in modules}
    assert {name: n for name, n in lengths.items() if n > LIMIT} == {}


def test_every_export_list_is_sorted_and_true(modules: list[Path]) -> None:
    for path in modules:
        tree = ast.parse(path.read_text("utf-8"))
        names = [name for node in tree.body if (name := _exports(node)) is not None]
        for exported in names:
            assert exported == sorted(exported, key=_export_order), path
            assert len(exported) == len(set(exported)), path


def test_nothing_is_left_open_in_the_code(modules: list[Path]) -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b|NotImplementedError")
    assert [str(p) for p in modules if marks.search(p.read_text("utf-8"))] == []


def test_no_project_file_names_a_path_of_this_machine(root: Path, tracked: list[Path]) -> None:
    texts = [p for p in tracked if p.suffix not in {".png", ".npy", ".parquet", ".gif"}]
    assert [str(p.relative_to(root)) for p in texts if MACHINE.search(p.read_text("utf-8"))] == []


def _exports(node: ast.stmt) -> list[str] | None:
    if isinstance(node, ast.Assign) and [getattr(t, "id", "") for t in node.targets] == ["__all__"]:
        value: list[str] = ast.literal_eval(node.value)
        return value
    return None


def _export_order(name: str) -> tuple[int, str]:
    """Ruff's order: CONSTANTS, then Classes, then functions."""
    kind = 0 if name.isupper() else 1 if name[:1].isupper() else 2
    return kind, name
