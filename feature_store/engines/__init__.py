"""Engines that run Ibis expressions over a shop's Parquet files: DuckDB in this process, or Apache Spark."""

from feature_store.engines.engine import Engine, EngineName
from feature_store.engines.opening import open_engine
from feature_store.engines.tables import Tables

__all__ = ["Engine", "EngineName", "Tables", "open_engine"]
