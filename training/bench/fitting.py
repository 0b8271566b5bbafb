"""The release of a bench: fitted with the default configuration and sealed, as `recsys train` does it.

Invariant: nothing in it knows the data set's name; its id names what was measured.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from recsys.release import Manifest, seal
from recsys.train import fit_release
from training.bench.cost import Cost, measured, resident_bytes
from training.bench.problems import Course
from training.bench.results import ReleaseFacts
from training.card import code_version, model_card
from training.config import TrainingConfig
from training.report import Steps

__all__ = ["fit", "fitting_folder", "keep"]


def fit(course: Course, folder: Path, steps: Steps) -> ReleaseFacts:
    """Fit and seal a release into `folder`; what every step cost."""
    costs: list[Cost] = []

    @contextmanager
    def step(name: str) -> Iterator[None]:
        with steps.step(f"{course.name}: {name}"), measured(name) as cost:
            yield
        costs.append(cost)

    config, before, started = TrainingConfig(), resident_bytes(), time.perf_counter()
    fitted = fit_release(
        course.train,
        course.items,
        course.attributes,
        config.model,
        folder,
        seed=config.seed,
        step=step,
        real_times=course.real_times,
    )
    peak = max((cost.peak_bytes for cost in costs), default=before)
    whole = Cost("release", time.perf_counter() - started, max(0, peak - before), peak)
    manifest = _sealed(course, folder, config, fitted.choices)
    return ReleaseFacts(manifest.release_id, fitted.choices, whole, costs)


@contextmanager
def fitting_folder(out: Path | None) -> Iterator[Path]:
    """An empty folder to fit into, gone afterwards; below `out` if that is given."""
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fitting-", dir=out) as name:
        folder = Path(name) / "release"
        folder.mkdir()
        yield folder


def keep(folder: Path, place: Path) -> None:
    """Copy a sealed release to `place`, unless it is there: the id names the content."""
    if not place.exists():
        shutil.copytree(folder, place)


def _sealed(course: Course, folder: Path, config: TrainingConfig, choices: tuple[str, ...]) -> Manifest:
    return seal(
        folder,
        config=config.model_dump(mode="json"),
        metrics={},
        slices={},
        data={
            **asdict(course.data),
            "until": course.until,
            "synthetic_time": not course.real_times,
            "choices": list(choices),
            "model_card": model_card(course.data, len(course.items), len(course.train.users), None),
        },
        code_version=code_version(),
        created_at=round(time.time() * 1000),
        vocabulary=course.train.items.digest,
    )
