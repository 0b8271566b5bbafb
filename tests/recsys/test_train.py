"""A fitted folder is complete, repeatable, and knows no shopper."""

from pathlib import Path

import numpy as np
import pytest

from recsys.arrays import save_json
from recsys.config import ReleaseConfig
from recsys.errors import InputError, ReleaseIncompatible
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.release import seal, verify
from recsys.testing import ShopSize, build_shop, files_naming, files_shaped
from recsys.train import fit_release

SHOP = build_shop(seed=9, size=ShopSize(users=173, groups=3))
ATTRIBUTES = {user.user_id: user.attributes for user in SHOP.users}


def fit(folder: Path, seed: int = 1) -> Path:
    fit_release(SHOP.interactions, SHOP.items, ATTRIBUTES, ReleaseConfig(), folder, seed=seed)
    return folder


def release_id(folder: Path) -> str:
    facts = {"config": {}, "metrics": {}, "slices": {}, "data": {}}
    return seal(folder, **facts, code_version="test", created_at=0).release_id


def test_one_seed_gives_one_release_and_another_seed_another(tmp_path: Path) -> None:
    first, again, other = (
        release_id(fit(tmp_path / name, seed)) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == again != other
    assert verify(tmp_path / "a").release_id == first


def test_no_file_names_a_shopper_or_has_a_row_for_each(tmp_path: Path) -> None:
    fit(tmp_path)
    assert not files_naming(tmp_path, [user.user_id for user in SHOP.users])
    assert not files_shaped(tmp_path, len(SHOP.users))


def test_an_item_that_only_events_know_is_learned_but_never_shown(tmp_path: Path) -> None:
    missing = SHOP.items[0].item_id
    fit_release(SHOP.interactions, SHOP.items[1:], ATTRIBUTES, ReleaseConfig(), tmp_path, seed=1)
    pipeline = Pipeline.load(tmp_path)
    answer = pipeline.recommend(Query(as_of=SHOP.end, num=200))
    assert missing not in pipeline.vocabulary.decode(answer.items)


def test_a_release_of_other_parameters_is_refused_by_name(tmp_path: Path) -> None:
    fit(tmp_path)
    save_json(tmp_path, "config", {"als": {"factors": 64}})
    with pytest.raises(ReleaseIncompatible, match=r"als\.factors"):
        Pipeline.load(tmp_path)


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
