"""The folder of real data sets: needed in CI, optional elsewhere."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def datasets() -> Path:
    folder = os.environ.get("RECSYS_DATASETS")
    if folder:
        return Path(folder).absolute()
    if os.environ.get("CI") == "true":
        pytest.fail("RECSYS_DATASETS is not set: CI runs the tests on real data")
    pytest.skip("RECSYS_DATASETS is not set: it names the folder of the real data sets")
