"""Settings that every process of a shop shares: the home folder, the stores' addresses, the time zone.

Addresses and secrets come from the environment (`RECSYS_*`, `REDIS_URL`), product choices from files under
`configs/`; a value lives in one of the two, never in both. Wrong values are refused when the object is built.
An empty variable counts as unset.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from recsys.errors import ConfigError

__all__ = ["StoreSettings"]

_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
_DATABASE_SCHEMES = ("sqlite:", "postgresql:", "postgresql+psycopg:")


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f"unknown time zone {name!r}; use an IANA name such as 'Asia/Shanghai' or 'UTC'"
        ) from error
    return name


def _redis_address(url: str | None) -> str | None:
    if url is not None and not url.startswith(_REDIS_SCHEMES):
        raise ValueError(f"must start with one of {', '.join(_REDIS_SCHEMES)}")
    return url


def _database_address(url: str) -> str:
    if not url.startswith(_DATABASE_SCHEMES):
        raise ValueError("must be sqlite:///<file> or postgresql://<user>@<host>/<database>")
    if url.startswith("postgresql:"):
        return url.replace("postgresql:", "postgresql+psycopg:", 1)
    return url


def _default_database(known: dict[str, Any]) -> str:
    return f"sqlite:///{known['home'] / 'recsys.db'}"


class StoreSettings(BaseSettings):
    """Where a shop keeps its data. Frozen; serving's settings extend it."""

    model_config = SettingsConfigDict(
        env_prefix="RECSYS_",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        validate_default=True,
    )

    home: Annotated[Path, AfterValidator(_absolute)] = Path(".recsys")
    """Folder of everything the product writes (`RECSYS_HOME`); made absolute when read."""

    timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    """The shop's time zone: days, hours and schedules follow it (`RECSYS_TIMEZONE`)."""

    redis_url: Annotated[str | None, AfterValidator(_redis_address)] = Field(
        default=None, validation_alias=AliasChoices("redis_url", "REDIS_URL"), repr=False
    )
    """An existing Redis 7.0 or Valkey (`REDIS_URL`); unset starts an embedded Valkey in the home folder."""

    database_url: Annotated[str, AfterValidator(_database_address)] = Field(
        default_factory=_default_database, repr=False
    )
    """SQLite file or PostgreSQL (`RECSYS_DATABASE_URL`); default `recsys.db` in the home folder."""

    namespace: str = Field(default="recsys", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    """Prefix of every Redis key (`RECSYS_NAMESPACE`), so that several shops may share one server."""

    history_length: int = Field(default=500, ge=1, le=10_000)
    """Newest events kept online per shopper (`RECSYS_HISTORY_LENGTH`)."""

    engine: Literal["duckdb", "spark"] = "duckdb"
    """Where offline features are computed (`RECSYS_ENGINE`): in this process, or on Apache Spark."""

    engine_memory: str = Field(default="2GB", pattern=r"^[1-9][0-9]*(MB|GB)$")
    """Memory of the engine (`RECSYS_ENGINE_MEMORY`); DuckDB spills to disk beyond it."""

    engine_threads: int = Field(default=2, ge=0, le=1024)
    """Threads of DuckDB (`RECSYS_ENGINE_THREADS`); 0 takes every core."""

    spark_master: str = "local[2]"
    """Where Spark runs (`RECSYS_SPARK_MASTER`); `SPARK_REMOTE`, which Spark itself reads, wins over it."""

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the environment; `overrides` win. Raises ConfigError naming the variable that is wrong."""
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise ConfigError("; ".join(map(_complaint, error.errors(include_url=False)))) from None

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone as an object."""
        return ZoneInfo(self.timezone)

    @property
    def events_folder(self) -> Path:
        """`events/day=YYYY-MM-DD/*.parquet`, by UTC day of the event."""
        return self.home / "events"

    @property
    def items_folder(self) -> Path:
        """Every version of every item."""
        return self.home / "items"

    @property
    def users_folder(self) -> Path:
        """Every version of every user."""
        return self.home / "users"

    @property
    def features_folder(self) -> Path:
        """One folder per feature view: a table per cut and its manifest."""
        return self.home / "features"

    @property
    def rejects_folder(self) -> Path:
        """Rows refused by imports, with line and reason."""
        return self.home / "rejects"

    @property
    def releases_folder(self) -> Path:
        """One folder per release, and `live.json`."""
        return self.home / "releases"

    @property
    def valkey_folder(self) -> Path:
        """Data, log and socket of the embedded Valkey."""
        return self.home / "valkey"

    @property
    def secrets_file(self) -> Path:
        """Secrets generated for embedded use, mode 600."""
        return self.home / "secrets.json"


def _complaint(error: Any) -> str:
    name = ".".join(map(str, error["loc"])) or "settings"
    variable = name.upper() if name.lower() == "redis_url" else f"RECSYS_{name.upper()}"
    value = "" if name.lower().endswith("_url") or "secret" in name else f" {error['input']!r}"
    return f"{variable}{value}: {error['msg'].removeprefix('Value error, ')}"
