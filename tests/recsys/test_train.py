"""A fitted folder is complete, repeatable, and knows no shopper."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recsys.arrays import save_json
from recsys.config import ReleaseConfig
from recsys.errors import InputError, ReleaseIncompatible
from recsys.fading import DEFAULT
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.release import seal, verify
from recsys.testing import ShopSize, build_shop, files_naming, files_shaped
from recsys.train import fit_release

SHOP = build_shop(seed=9, size=ShopSize(users=173, groups=3))
ATTRIBUTES = {user.user_id: user.attributes for user in SHOP.users}
CONFIG = ReleaseConfig.model_validate({"ranker": {"trees": 10, "queries": 400, "queries_per_shopper": 4}})
RULE_ONLY = ReleaseConfig.model_validate({"ranker": {"enabled": False}})


def fit(folder: Path, seed: int = 1) -> Path:
    fit_release(SHOP.interactions, SHOP.items, ATTRIBUTES, CONFIG, folder, seed=seed)
    return folder


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder with everything in it; tests read it or copy it."""
    return fit(tmp_path_factory.mktemp("fitted"))


def release_id(folder: Path) -> str:
    facts = {"config": {}, "metrics": {}, "slices": {}, "data": {}}
    return seal(folder, **facts, code_version="test", created_at=0).release_id


def test_one_seed_gives_one_release_and_another_seed_another(fitted: Path, tmp_path: Path) -> None:
    again, other = fit(tmp_path / "again"), fit(tmp_path / "other", seed=2)
    contents = [
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (fitted, again, other)
    ]
    assert "ranker/leaves.npy" in contents[0]
    assert contents[0] == contents[1] != contents[2]
    first = shutil.copytree(fitted, tmp_path / "first")
    ids = [release_id(folder) for folder in (first, again, other)]
    assert ids[0] == ids[1] != ids[2]
    assert verify(first).release_id == ids[0]


def test_a_log_that_teaches_a_ranker_says_what_it_chose_and_learned(tmp_path: Path) -> None:
    found = fit_release(SHOP.interactions, SHOP.items, ATTRIBUTES, CONFIG, tmp_path, seed=1)
    assert found.lesson is not None
    assert found.lesson.ndcg > found.lesson.ndcg_rule
    about, fading, order = found.choices
    assert "173 shoppers" in about
    assert "own items fade" in fading
    assert f"learned from {found.lesson.questions:,} questions" in order
    assert Pipeline.load(tmp_path).ranker is not None


def test_a_ranker_that_is_switched_off_is_not_learned_and_not_in_the_folder(tmp_path: Path) -> None:
    found = fit_release(SHOP.interactions, SHOP.items, ATTRIBUTES, RULE_ONLY, tmp_path, seed=1)
    assert (found.lesson, found.choices[-1]) == (None, "order: own items first, as configured")
    assert not (tmp_path / "ranker").exists()
    assert not (tmp_path / ".before").exists()
    assert Pipeline.load(tmp_path).ranker is None


def test_where_times_mean_nothing_a_ranker_is_learned_from_rows_held_out(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"ranker": CONFIG.ranker.model_copy(update={"least_queries": 50})})
    rows = SHOP.interactions
    still = replace(rows, time=np.zeros_like(rows.time))
    found = fit_release(still, SHOP.items, ATTRIBUTES, config, tmp_path, seed=1, real_times=False)
    assert "NDCG@20" in found.choices[-1]  # it was taught, whether or not it won
    assert found.choices[1] == f"own items fade by {DEFAULT}, the default: times are made up"
    assert Pipeline.load(tmp_path).config.retrieval.own_fading == DEFAULT
    assert not (tmp_path / ".before").exists()


def test_no_file_names_a_shopper_or_has_a_row_for_each(fitted: Path) -> None:
    assert not files_naming(fitted, [user.user_id for user in SHOP.users])
    assert not files_shaped(fitted, len(SHOP.users))


def test_an_item_that_only_events_know_is_learned_but_never_shown(tmp_path: Path) -> None:
    missing = SHOP.items[0].item_id
    fit_release(SHOP.interactions, SHOP.items[1:], ATTRIBUTES, RULE_ONLY, tmp_path, seed=1)
    pipeline = Pipeline.load(tmp_path)
    answer = pipeline.recommend(Query(as_of=SHOP.end, num=200))
    assert missing not in pipeline.vocabulary.decode(answer.items)


def test_a_release_of_other_parameters_is_refused_by_name(fitted: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(fitted, tmp_path / "other")
    save_json(folder, "config", {"als": {"factors": 64}})
    with pytest.raises(ReleaseIncompatible, match=r"als\.factors"):
        Pipeline.load(folder)


def test_nothing_to_learn_from_is_said_with_the_next_step(tmp_path: Path) -> None:
    nothing = SHOP.interactions.where(np.zeros(len(SHOP.interactions), bool))
    with pytest.raises(InputError, match="recsys data ingest --events"):
        fit_release(nothing, SHOP.items, {}, ReleaseConfig(), tmp_path, seed=1)
    with pytest.raises(InputError, match="recsys data ingest --items"):
        fit_release(SHOP.interactions, [], {}, ReleaseConfig(), tmp_path, seed=1)


def test_a_shop_of_one_shopper_and_one_item_has_a_release(tmp_path: Path) -> None:
    one = SHOP.interactions.where(np.arange(len(SHOP.interactions)) == 0)
    fit_release(one, SHOP.items, {}, ReleaseConfig(), tmp_path, seed=1)
    assert len(Pipeline.load(tmp_path).recommend(Query(as_of=SHOP.end)).items) == 20
