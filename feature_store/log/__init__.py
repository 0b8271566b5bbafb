"""The event log: an append-only folder of Parquet parts by UTC event day; every event id exactly once."""

from feature_store.log.event_log import AppendResult, EventLog

__all__ = ["AppendResult", "EventLog"]
