"""Pictures of an evaluation."""

from pathlib import Path

import numpy as np

from recsys.metrics import Interval
from training.evaluate import Scores
from training.plots import draw_slices, draw_systems

PNG = b"\x89PNG"


def scores(system: str, part: str, values: list[float]) -> Scores:
    return Scores(system, part, {"ndcg@20": np.array(values)}, {}, 100, 0)  # type: ignore[arg-type]


def test_systems_are_drawn_for_both_parts(tmp_path: Path) -> None:
    drawn = [scores(name, part, [0.1, 0.5]) for name in ("release", "popularity") for part in ("all", "new")]
    path = draw_systems(drawn, "ndcg@20", tmp_path / "plots")
    assert path.read_bytes().startswith(PNG)


def test_nobody_asked_is_left_out_not_drawn_as_zero(tmp_path: Path) -> None:
    nobody = [scores("release", "all", [0.2]), scores("release", "new", [])]
    assert draw_systems(nobody, "ndcg@20", tmp_path).read_bytes().startswith(PNG)


def test_slices_are_drawn(tmp_path: Path) -> None:
    found = {"1-4 events": Interval(0.2, 0.1, 0.3, 7), "no history": Interval(0.1, 0.0, 0.2, 3)}
    assert draw_slices(found, "ndcg@20", tmp_path).read_bytes().startswith(PNG)
