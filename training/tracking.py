"""Writes a training run to MLflow: parameters, figures, tags, plots and the release as artefacts.

Only this module and `registry` import mlflow, and only inside functions: it costs 5 s and 200 MB, which no
verb that merely writes lists should pay. Invariants: one call writes one finished run; no telemetry is sent;
a server that is away raises TrackingAwayError and loses nothing that is on disk.
"""

import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from training.errors import TrackingAwayError

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["RunRecord", "connect", "reaching", "record_nested", "record_run", "tracking_uri", "ui_command"]

# A job executor would start ten processes beside every server; telemetry would call home.
_ENVIRONMENT: Final = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
# A dead server must be said in seconds, not after MLflow's own minutes of retries.
_PATIENCE: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
_LONGEST_PARAM: Final = 6_000
_PARENT: Final = "mlflow.parentRunId"


@dataclass(frozen=True)
class RunRecord:
    """What one run leaves behind; names are MLflow's except that `@` in a metric becomes `_at_`."""

    name: str
    params: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    started_at: int
    """When the run began, ms since epoch."""
    folders: Mapping[str, Path] = field(default_factory=dict)
    """Artefact path → folder whose files are copied there."""
    ended_at: int | None = None
    """When it ended, ms since epoch; None: when it was written."""


def tracking_uri(home: Path) -> str:
    """`MLFLOW_TRACKING_URI`, or the SQLite file in the home folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home / 'mlflow.db'}"


def ui_command(home: Path) -> str:
    """What shows the runs in a browser: a server's own page, else a command."""
    uri = tracking_uri(home)
    return (
        f"open {_without_password(uri)}" if uri.startswith("http") else f"mlflow ui --backend-store-uri {uri}"
    )


@contextmanager
def reaching(uri: str) -> Iterator[None]:
    """Run MLflow calls: its own deprecation warnings are hidden, its failures become TrackingAwayError."""
    for name, value in (_ENVIRONMENT | _PATIENCE).items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        # mlflow 3.17 maps its tables in a way SQLAlchemy 2.1 deprecates; nothing of ours to mend.
        warnings.filterwarnings("ignore", module=r"(mlflow|sqlalchemy)\b")
        warnings.filterwarnings("ignore", message="The ``noload`` loader strategy")
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (MlflowException, SQLAlchemyError, OSError) as error:
            reason = str(error).splitlines()[0].replace(uri, _without_password(uri))
            raise TrackingAwayError(
                f"MLflow at {_without_password(uri)!r} does not answer: {reason}. "
                "Check MLFLOW_TRACKING_URI; releases themselves are in the home folder"
            ) from error


def connect(home: Path) -> "MlflowClient":
    """A client of the tracking store and the registry; makes the database on first use (some seconds)."""
    uri = tracking_uri(home)
    with reaching(uri):
        import logging

        from mlflow import MlflowClient

        # Its table-by-table migration log would break the progress lines.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        home.mkdir(parents=True, exist_ok=True)
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


def record_run(client: "MlflowClient", home: Path, experiment: str, run: RunRecord) -> str:
    """Write a finished run and return its id."""
    with reaching(tracking_uri(home)):
        from mlflow.entities import Metric, Param, RunTag

        at = round(time.time() * 1000)
        created = client.create_run(
            _experiment(client, home, experiment), start_time=run.started_at, run_name=run.name
        )
        run_id: str = created.info.run_id
        client.log_batch(
            run_id,
            metrics=[Metric(_metric_name(name), value, at, 0) for name, value in run.metrics.items()],
            params=[Param(name, str(value)[:_LONGEST_PARAM]) for name, value in run.params.items()],
            tags=[RunTag(name, value) for name, value in run.tags.items()],
        )
        for path, folder in run.folders.items():
            client.log_artifacts(run_id, str(folder), path)
        client.set_terminated(run_id, end_time=run.ended_at)
        return run_id


def record_nested(
    client: "MlflowClient", home: Path, experiment: str, parent: RunRecord, children: Sequence[RunRecord]
) -> str:
    """Write a finished run and those nested below it; returns the id of the outer one."""
    parent_id = record_run(client, home, experiment, parent)
    for child in children:
        record_run(client, home, experiment, replace(child, tags={**child.tags, _PARENT: parent_id}))
    return parent_id


def _experiment(client: "MlflowClient", home: Path, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    # A server keeps artefacts where it was told to; the SQLite file keeps them beside itself.
    local = tracking_uri(home).startswith("sqlite:")
    return client.create_experiment(name, (home / "mlartifacts").absolute().as_uri() if local else None)


def _metric_name(name: str) -> str:
    return name.replace("@", "_at_")


def _without_password(uri: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(uri)
    return uri.replace(f":{parts.password}@", ":***@") if parts.password else uri
