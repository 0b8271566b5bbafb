"""Engines are opened by setting; what is missing is named with the next step."""

import subprocess
import sys
from pathlib import Path

import pytest

from feature_store.engines import open_engine
from feature_store.engines.spark import SparkEngine, missing_parts
from feature_store.errors import SetupError
from feature_store.settings import StoreSettings


def test_duckdb_is_the_default_and_keeps_to_its_memory(tmp_path: Path) -> None:
    settings = StoreSettings(home=tmp_path, engine_memory="300MB", engine_threads=1)
    with open_engine(settings) as engine:
        assert engine.name == "duckdb"
        rows = engine._connection.raw_sql(  # type: ignore[attr-defined]
            "SELECT current_setting('memory_limit'), current_setting('threads')"
        ).fetchone()
    assert rows[0].endswith("MiB")
    assert 280 < float(rows[0].split(" ")[0]) < 300
    assert rows[1] == 1


def test_spark_without_java_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    assert "openjdk-17-jre-headless" in str(missing_parts())
    with pytest.raises(SetupError, match="SPARK_REMOTE"):
        SparkEngine()


def test_spark_without_pyspark_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(SetupError, match=r"recsys-shop\[spark\]"):
        SparkEngine()


def test_the_views_are_defined_without_importing_spark() -> None:
    code = "import sys, feature_store.views.standard; sys.exit('pyspark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
