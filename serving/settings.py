"""What a serving process reads from its environment; unsafe values are refused before anything starts.

Addresses and secrets live in the environment, product choices in `configs/` and the database, never both for
one value. Every setting is `RECSYS_<NAME>`; those of the stores (home, Redis, …) come from `StoreSettings`.
"""

from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from feature_store.settings import StoreSettings
from recsys.errors import ConfigError

__all__ = ["SHORTEST_SECRET", "Settings", "refuse_open_browser_keys"]

SHORTEST_SECRET: Final = 32  # characters


class Settings(StoreSettings):
    """The environment of the API, the event worker and the supervisor."""

    host: str = "127.0.0.1"
    """Address the API listens on; `0.0.0.0` for all (every route but health and docs asks for a key)."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port the API listens on; 0 takes a free one."""
    deadline_ms: float = Field(default=50.0, gt=0, le=10_000)
    """Milliseconds after which a request answers with the stages finished so far."""
    queue_length: int = Field(default=64, ge=1, le=10_000)
    """Lists that may wait in one process; more are surplus."""
    queue_wait_ms: float = Field(default=40.0, gt=0, le=10_000)
    """Milliseconds a list may be expected to wait; what would wait longer is surplus."""
    surplus_lists: float = Field(default=0.2, ge=0, le=1000)
    """Prepared trending lists given out to surplus per list that is made; the rest gets 503, which costs far less."""
    feature_log_per_s: float = Field(default=20.0, ge=0, le=10_000)
    """Lists a second, at most and per process, whose `served` event keeps what the ranker saw of each item (2-3 KB)."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose pages may call the API from a browser, separated by commas."""
    shopper_secret: SecretStr | None = None
    """Signs shopper tokens; at least 32 characters. Unset: generated once into the home's `secrets.json`."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe log line that is written."""

    otlp_endpoint: str | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "otlp_endpoint", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
        ),
    )
    """A collector of OpenTelemetry traces (`OTEL_EXPORTER_OTLP_ENDPOINT`); unset makes none."""
    trace_share: float = Field(default=0.01, ge=0, le=1)
    """Share of requests that are traced, where `OTEL_TRACES_SAMPLER` says nothing else."""

    @field_validator("host")
    @classmethod
    def _host_is_named(cls, host: str) -> str:
        if not host.strip() or "/" in host:
            raise ValueError(
                f"{host!r} is not a host; give a name or an address without scheme, such as 0.0.0.0"
            )
        return host.strip()

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if "*" in origins and len(origins) > 1:
            raise ValueError(
                "'*' allows every origin, so the others beside it mean nothing; remove one or the other"
            )
        for origin in origins:
            if origin != "*" and not _is_origin(origin):
                raise ValueError(
                    f"{origin!r} is not an origin; write scheme and host only, as in https://shop.example"
                )
        return origins

    @field_validator("shopper_secret")
    @classmethod
    def _secret_is_long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < SHORTEST_SECRET:
            length = len(secret.get_secret_value())
            raise ValueError(
                f"{length} characters are too few to sign with, at least {SHORTEST_SECRET} are needed; "
                "make one with: openssl rand -hex 32"
            )
        return secret


def refuse_open_browser_keys(settings: Settings, any_browser_key: bool) -> None:
    """Refuse `RECSYS_CORS_ORIGINS=*` once a browser key exists: any web page could then spend that key.

    Raises:
        ConfigError: both are present.
    """
    if any_browser_key and "*" in settings.cors_origins:
        raise ConfigError(
            "RECSYS_CORS_ORIGINS '*' lets every web page use your browser keys; "
            "name your shop's origins (RECSYS_CORS_ORIGINS=https://shop.example) "
            "or revoke the keys: recsys keys list"
        )


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port_is_readable = parts.port is None or parts.port > 0
    except ValueError:
        return False
    bare = not (parts.path or parts.query or parts.fragment or parts.username)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and bare and port_is_readable
