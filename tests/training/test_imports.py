"""What the verbs import: heavy libraries only where they are needed."""

import subprocess
import sys

import pytest

HEAVY = ("mlflow", "matplotlib", "sklearn", "lightgbm", "pandas")


def imported(statement: str, names: tuple[str, ...]) -> str:
    code = f"{statement}; import sys; print(*sorted(set({names!r}) & set(sys.modules)))"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize("module", ["batch", "compare", "jobs", "promote", "supply", "train"])
def test_no_module_of_ours_imports_mlflow_before_it_is_used(module: str) -> None:
    assert imported(f"import training.{module}", ("mlflow", "matplotlib")) == ""


def test_the_verbs_alone_import_nothing_heavy() -> None:
    assert (
        imported("import training.cli", (*HEAVY, "numpy", "pyarrow", "redis", "sqlalchemy", "rich.table"))
        == ""
    )
