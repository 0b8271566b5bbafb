"""Promotion, rollback and publishing on a real shop: Valkey, MLflow and trained releases."""

from typing import Any

import pytest

from feature_store.settings import StoreSettings
from recsys.release import list_releases
from training.config import TrainingConfig
from training.errors import GateRefusedError, TrainingError, UnknownReleaseError
from training.promote import crown_first, promote, rollback, weigh
from training.report import Steps
from training.resources import Shop
from training.split import DAY_MS
from training.supply import publish
from training.train import Options, train

pytestmark = pytest.mark.xdist_group("training")


@pytest.fixture
def older(trained_shop: Shop, steps: Steps) -> str:
    """A release that learned two months less than the live one."""
    until = trained_shop.dataset().interactions.end - 60 * DAY_MS
    return train(trained_shop, Options(until=until), steps).manifest.release_id


def test_promotion_moves_pointer_and_alias_and_rollback_takes_them_back(
    trained_shop: Shop, older: str, steps: Steps
) -> None:
    (first,) = set(trained_shop.releases.known()) - {older}
    done = promote(trained_shop, older, steps, force=True)
    assert (done.pointer.release_id, done.pointer.previous) == (older, first)
    assert trained_shop.online.live_release() == done.pointer == trained_shop.releases.pointer()
    assert trained_shop.registry().alias("champion") == older
    assert list_releases(trained_shop.publisher.blobs) == sorted([first, older])
    assert rollback(trained_shop).pointer.release_id == first
    assert trained_shop.registry().alias("champion") == first


def test_the_gate_passes_exactly_what_is_not_worse_beyond_chance(
    trained_shop: Shop, older: str, steps: Steps
) -> None:
    verdict = weigh(trained_shop, older, steps)
    falls = [verdict.comparison.difference("ndcg@20", part).high < 0 for part in ("all", "new")]
    assert len(verdict.reasons) == sum(falls)
    assert verdict.passed == (not any(falls))
    assert verdict.comparison.champion == trained_shop.publisher.live().release_id


def test_a_release_that_never_saw_an_exam_is_refused_but_can_be_forced(
    trained_shop: Shop, steps: Steps
) -> None:
    until = trained_shop.dataset().interactions.end - 1
    unmeasured = train(trained_shop, Options(until=until, evaluation=False), steps).manifest.release_id
    with pytest.raises(GateRefusedError, match=r"cannot be compared.*--force"):
        promote(trained_shop, unmeasured, steps)
    assert promote(trained_shop, unmeasured, steps, force=True).pointer.release_id == unmeasured


def test_an_unknown_release_is_refused(trained_shop: Shop, steps: Steps) -> None:
    with pytest.raises(UnknownReleaseError):
        promote(trained_shop, "0123456789abcdef", steps)


def test_the_live_release_may_be_promoted_again(trained_shop: Shop, steps: Steps) -> None:
    (name,) = trained_shop.releases.known()
    assert promote(trained_shop, name, steps).pointer.release_id == name


def test_with_one_release_there_is_nothing_to_roll_back_to(trained_shop: Shop) -> None:
    with pytest.raises(TrainingError, match="no earlier live release"):
        rollback(trained_shop)


def test_mlflow_being_away_is_told_and_changes_nothing(
    trained_shop: Shop, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = trained_shop.releases.known()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    done = promote(trained_shop, name, steps)
    assert done.pointer.release_id == name
    assert "MLflow" in done.notices[0]


def test_publish_fills_the_online_store(trained_shop: Shop, steps: Steps, small: Any) -> None:
    (name,) = trained_shop.releases.known()
    done = publish(trained_shop, None, steps)
    assert (done.release_id, done.live) == (name, name)
    state = trained_shop.online.shopper("顾客1")
    assert state.attributes == {"likes": "coffee beans"}
    bought = sorted(e.timestamp for e in small.purchases() if e.user_id == "顾客1")
    assert [time for _, _, time in state.history] == bought
    assert trained_shop.online.get_item("绿茶-3").titles["zh"] == "绿茶3号"
    assert "and live" in done.sentence()


def test_publishing_another_release_does_not_make_it_live(
    trained_shop: Shop, older: str, steps: Steps
) -> None:
    done = publish(trained_shop, older, steps)
    assert done.live != older
    assert older in list_releases(trained_shop.publisher.blobs)
    assert f"recsys promote {older}" in done.sentence()


def test_there_is_nothing_to_publish_before_training(shop: Shop, steps: Steps) -> None:
    with pytest.raises(UnknownReleaseError, match="recsys train"):
        publish(shop, None, steps)


def test_without_the_online_store_the_first_release_is_noted_on_this_machine(
    trained_shop: Shop, small_config: TrainingConfig
) -> None:
    (name,) = trained_shop.releases.known()
    (trained_shop.releases.folder / "live.json").unlink()
    away = StoreSettings(home=trained_shop.settings.home, redis_url="redis://127.0.0.1:9")
    live, notices = crown_first(Shop(away, small_config), name, [])
    assert live
    assert trained_shop.releases.pointer().release_id == name
    assert "recsys publish" in notices[0]
