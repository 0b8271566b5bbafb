"""What a release costs, on a real one."""

import pytest

from recsys.pipeline import Pipeline
from recsys.query import Answer, Query
from training.cost import cpu_ms, measure_costs
from training.lists import Candidate
from training.resources import Shop

pytestmark = pytest.mark.xdist_group("training")


def test_size_is_that_of_the_payload_and_time_is_spent(trained_shop: Shop) -> None:
    (name,) = trained_shop.releases.known()
    folder = trained_shop.releases.find(name)
    one, other = measure_costs([folder, folder], trained_shop.exam())
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"]
    assert one.size_bytes == other.size_bytes == sum(path.stat().st_size for path in files)
    assert one.cpu_ms > 0
    assert other.cpu_ms > 0


def test_the_ratio_is_that_of_the_work_whoever_is_asked_first(trained_shop: Shop) -> None:
    (name,) = trained_shop.releases.known()
    exam, work = trained_shop.exam(), [0.0]
    usual, thrice = (Candidate(trained_shop.releases.find(name), exam) for _ in range(2))
    for candidate, times in ((usual, 1), (thrice, 3)):
        candidate.pipeline = Working(candidate.pipeline, times, work)
    one, other = cpu_ms([usual, thrice], clock=lambda: work[0])
    assert (one, other) == (1000.0, 3000.0)


class Working:
    """A pipeline whose every list takes a known number of ticks."""

    def __init__(self, pipeline: Pipeline, ticks: int, work: list[float]) -> None:
        self.pipeline, self.ticks, self.work = pipeline, ticks, work

    def recommend(self, query: Query) -> Answer:
        self.work[0] += self.ticks
        return self.pipeline.recommend(query)
