"""Features logged at serving are the features of training: one definition, one value."""

import numpy as np
import pytest

from recsys.config import ReleaseConfig
from recsys.history import EMPTY_HISTORY, History
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.ranking.feature_log import pack, unpack
from recsys.ranking.features import FEATURES
from recsys.testing import Shop, ShopSize, build_shop
from recsys.train import fit_release

SMALL = ShopSize(users=120, groups=4, items_per_group=25)


@pytest.fixture(scope="module")
def shop() -> Shop:
    return build_shop(9, SMALL)


@pytest.fixture(scope="module", params=["learned", "rule"])
def pipeline(
    shop: Shop, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Pipeline:
    folder = tmp_path_factory.mktemp("release")
    attributes = {user.user_id: user.attributes for user in shop.users}
    config = ReleaseConfig.model_validate({"ranker": {"enabled": request.param == "learned", "trees": 20}})
    fit_release(shop.interactions, shop.items, attributes, config, folder, seed=1)
    loaded = Pipeline.load(folder)
    assert (loaded.ranker is not None) == (request.param == "learned")
    return loaded


def history_of(shop: Shop, user: int) -> History:
    rows = next(shop.interactions.per_user([user]))
    return History(shop.interactions.item[rows], shop.interactions.type[rows], shop.interactions.time[rows])


def test_every_logged_feature_equals_the_one_of_training(pipeline: Pipeline, shop: Shop) -> None:
    for user in range(0, 120, 8):
        query = Query(as_of=shop.end, history=history_of(shop, user), attributes=shop.users[user].attributes)
        codes, matrix, _ = pipeline.candidates(query)
        logged = pipeline.recommend(Query(**{**vars(query), "log_features": True})).logged
        assert logged is not None
        assert logged.matrix.shape == (len(FEATURES), 30)
        trained = matrix[:, np.searchsorted(codes, logged.codes)]
        np.testing.assert_array_equal(logged.matrix, trained)
        np.testing.assert_allclose(unpack(pack(logged.matrix), 30), trained, rtol=2**-11, atol=6e-8)


def test_rows_follow_the_list_and_then_what_is_behind_it(pipeline: Pipeline, shop: Shop) -> None:
    query = Query(as_of=shop.end, history=history_of(shop, 3), num=7, log_features=True, diversity=0.3)
    answer = pipeline.recommend(query)
    assert answer.logged is not None
    expected = np.concatenate((answer.items, answer.not_shown))[:14]
    assert answer.logged.codes.tolist() == expected.tolist()


def test_logging_changes_no_list(pipeline: Pipeline, shop: Shop) -> None:
    query = Query(as_of=shop.end, history=history_of(shop, 5), slot="home")
    plain, logged = (
        pipeline.recommend(query),
        pipeline.recommend(Query(**{**vars(query), "log_features": True})),
    )
    assert plain.items.tolist() == logged.items.tolist()
    assert plain.logged is None


def test_without_a_past_or_for_a_related_list_there_is_nothing_to_log(pipeline: Pipeline, shop: Shop) -> None:
    nobody = Query(as_of=shop.end, history=EMPTY_HISTORY, log_features=True)
    related = Query(as_of=shop.end, related=np.array([3], np.int32), log_features=True)
    assert [pipeline.recommend(query).logged for query in (nobody, related)] == [None, None]
