"""What one training run tells MLflow: parameters, figures, plots, the release, and its place in the registry."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from recsys.release import Manifest
from training.figures import Evaluation
from training.plots import draw_slices, draw_systems
from training.registry import Registry
from training.report import Steps, peak_memory_bytes
from training.resources import Shop
from training.tracking import RunRecord, connect, record_run

__all__ = ["flatten", "track"]


def track(
    shop: Shop, manifest: Manifest, evaluation: Evaluation | None, started_at: int, steps: Steps
) -> Registry:
    """Write the run, register the release as a version; the registry comes back for the alias.

    Raises TrackingAwayError.
    """
    home, names = shop.settings.home, shop.config.tracking
    client = connect(home)
    figures = {} if evaluation is None else evaluation.flat()
    with tempfile.TemporaryDirectory() as folder:
        run = RunRecord(
            name=manifest.release_id,
            params={**flatten(manifest.config), **flatten(_short(manifest.data), "data")},
            metrics={**figures, "seconds": steps.seconds, "peak_memory_mib": peak_memory_bytes() / 2**20},
            tags={"release_id": manifest.release_id, "code_version": manifest.code_version},
            started_at=started_at,
            folders={
                "release": shop.releases.find(manifest.release_id),
                "report": _report(manifest, evaluation, folder),
            },
        )
        run_id = record_run(client, home, names.experiment, run)
    registry = Registry(client, home, names.registered_model)
    registry.register(run_id, manifest.release_id, str(manifest.data["model_card"]))
    return registry


def flatten(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested tables as dotted names: `{"a": {"b": 1}}` → `{"a.b": 1}`."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        dotted = f"{prefix}.{name}" if prefix else name
        if isinstance(value, Mapping):
            flat |= flatten(value, dotted)
        else:
            flat[dotted] = value
    return flat


def _short(data: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in data.items() if name != "model_card"}


def _report(manifest: Manifest, evaluation: Evaluation | None, folder: str) -> Path:
    """A folder with the model card and the plots."""
    report = Path(folder)
    (report / "model_card.md").write_text(str(manifest.data["model_card"]), "utf-8")
    if evaluation is not None:
        metric = evaluation.headline()
        draw_systems(evaluation.scores, metric, report)
        draw_slices(evaluation.by_slice(metric), metric, report)
    return report
