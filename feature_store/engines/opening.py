"""Which engine a shop runs on; only the chosen one is imported."""

from feature_store.engines.engine import Engine, EngineName
from feature_store.settings import StoreSettings

__all__ = ["open_engine"]


def open_engine(settings: StoreSettings, name: EngineName | None = None) -> Engine:
    """The engine that is asked for (None: the setting's). Raises SetupError when its parts are missing."""
    if (name or settings.engine) == "spark":
        from feature_store.engines.spark import SparkEngine

        return SparkEngine(settings.spark_master, settings.engine_memory)
    from feature_store.engines.duck import DuckEngine

    return DuckEngine(settings.engine_memory, settings.engine_threads, settings.home / "scratch")
