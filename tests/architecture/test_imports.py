"""What a process loads: import-linter reads the code, these tests look at a running interpreter."""

import subprocess
import sys
from pathlib import Path

import pytest

# 5 s and 200 MB for MLflow, 4.5 s for LightGBM: no serving process pays for what only training needs.
TRAINING_ONLY = ("mlflow", "training", "lightgbm", "implicit", "sklearn", "matplotlib")


def loaded(root: Path, *modules: str) -> set[str]:
    """Top-level names in sys.modules of a fresh interpreter that imported `modules`."""
    code = f"import {', '.join(modules)}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module", ["serving.runtime.server", "serving.runtime.event_worker", "serving.runtime.up", "serving.cli"]
)
def test_a_serving_process_loads_nothing_that_only_training_needs(root: Path, module: str) -> None:
    assert sorted(loaded(root, module) & set(TRAINING_ONLY)) == []


def test_the_root_command_loads_no_verb(root: Path) -> None:
    assert (
        sorted(loaded(root, "recsys.cli") & {"serving", "feature_store", "training", "numpy", "pyarrow"})
        == []
    )


def test_the_library_loads_no_web_store_or_tracking(root: Path) -> None:
    names = loaded(root, "recsys.pipeline", "recsys.train", "recsys.release", "recsys.expressions")
    assert sorted(names & {"fastapi", "redis", "mlflow", "sqlalchemy", "ibis", "uvicorn", "requests"}) == []
