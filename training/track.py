"""What one training run tells MLflow: parameters, figures, plots, the release, and its place in the registry."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recsys.ranking.learning import Lesson
from recsys.release import Manifest
from training.config import flatten
from training.figures import Evaluation
from training.plots import draw_contributions, draw_importance, draw_slices, draw_systems
from training.registry import Registry
from training.report import Steps, peak_memory_bytes
from training.resources import Shop
from training.tracking import RunRecord, connect, record_run

__all__ = ["Told", "track"]


@dataclass(frozen=True)
class Told:
    """What a run found out, as MLflow is told it."""

    manifest: Manifest
    evaluation: Evaluation | None = None
    lesson: Lesson | None = None
    """What the ranker learned, if there is one."""


def track(shop: Shop, told: Told, started_at: int, steps: Steps) -> Registry:
    """Write the run, register the release as a version; the registry comes back for the alias.

    Raises TrackingAwayError.
    """
    manifest, evaluation = told.manifest, told.evaluation
    home, names = shop.settings.home, shop.config.tracking
    client = connect(home)
    figures = {} if evaluation is None else evaluation.flat()
    with tempfile.TemporaryDirectory() as folder:
        run = RunRecord(
            name=manifest.release_id,
            params={**flatten(manifest.config), **flatten(_short(manifest.data), "data")},
            metrics={
                **figures,
                **_learned(told.lesson),
                "seconds": steps.seconds,
                "peak_memory_mib": peak_memory_bytes() / 2**20,
            },
            tags={"release_id": manifest.release_id, "code_version": manifest.code_version},
            started_at=started_at,
            folders={
                "release": shop.releases.find(manifest.release_id),
                "report": _report(told, steps, folder),
            },
        )
        run_id = record_run(client, home, names.experiment, run)
    registry = Registry(client, home, names.registered_model)
    registry.register(run_id, manifest.release_id, str(manifest.data["model_card"]))
    return registry


def _short(data: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in data.items() if name != "model_card"}


def _learned(lesson: Lesson | None) -> dict[str, float]:
    """Figures of the ranker's lesson, measured on shoppers held out of it."""
    if lesson is None:
        return {}
    figures = {"questions": lesson.questions, "ndcg@20": lesson.ndcg, "ndcg@20.rule": lesson.ndcg_rule}
    return {f"ranker.{name}": float(value) for name, value in figures.items()}


def _report(told: Told, steps: Steps, folder: str) -> Path:
    """A folder with the model card, the time and memory of each step, and the plots."""
    report, evaluation = Path(folder), told.evaluation
    (report / "model_card.md").write_text(str(told.manifest.data["model_card"]), "utf-8")
    (report / "steps.json").write_text(json.dumps(steps.plain(), indent=1), "utf-8")
    if told.lesson is not None:
        draw_importance(told.lesson, report)
        draw_contributions(told.lesson, report)
    if evaluation is not None:
        metric = evaluation.headline()
        draw_systems(evaluation.scores, metric, report)
        draw_slices(evaluation.by_slice(metric), metric, report)
    return report
