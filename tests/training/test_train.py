"""A training run from the log to a live release."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from feature_store.history import user_history
from feature_store.settings import StoreSettings
from recsys.errors import InputError
from recsys.release import read_manifest, verify
from recsys.types import Consent, User
from recsys.weights import DAY_MS
from training.config import TrainingConfig
from training.errors import TooLittleDataError
from training.report import Steps
from training.resources import Shop, open_shop
from training.train import Options, train

pytestmark = pytest.mark.xdist_group("training")


def test_a_release_is_whole_measured_and_says_what_it_knows(trained_shop: Shop) -> None:
    (release_id,) = trained_shop.releases.known()
    manifest = verify(trained_shop.releases.find(release_id))
    assert manifest.release_id == release_id
    assert set(manifest.metrics["systems"]) == {
        "release",
        "recent popularity",
        "own, then neighbours",
        "own items by frequency",
        "ALS defaults",
        "ALS defaults, seen excluded",
    }
    assert manifest.metrics["exam"]["questions"]["all"] == 60
    assert manifest.data["events"] == len(trained_shop.dataset().interactions)
    assert manifest.config["model"]["als"]["embedding_size"] == 8
    assert "# Model card" in manifest.data["model_card"]
    assert manifest.slices["with attributes"]["shoppers"] == 40


def test_lists_learned_from_the_log_beat_popularity_on_it(trained_shop: Shop) -> None:
    systems = read_manifest(trained_shop.release_folder(None)).metrics["systems"]
    assert (
        systems["release"]["all"]["ndcg@20"]["low"] > systems["recent popularity"]["all"]["ndcg@20"]["high"]
    )
    assert (
        systems["release"]["new"]["ndcg@20"]["low"] > systems["recent popularity"]["new"]["ndcg@20"]["mean"]
    )


def test_the_twin_knows_nothing_of_the_test_window_and_the_release_everything(trained_shop: Shop) -> None:
    (release_id,) = trained_shop.releases.known()
    cut = read_manifest(trained_shop.releases.find(release_id)).metrics["exam"]["cut"]
    end = trained_shop.dataset().interactions.end + 1
    assert trained_shop.releases.knowledge(trained_shop.releases.twins / release_id)["until"] == cut
    assert trained_shop.releases.knowledge(trained_shop.releases.find(release_id))["until"] == end
    assert end - cut == pytest.approx(28 * DAY_MS, abs=1)


def test_no_release_file_names_a_shopper(trained_shop: Shop) -> None:
    for folder in (trained_shop.releases.folder, trained_shop.releases.twins):
        for path in folder.rglob("*"):
            assert not path.is_file() or "顾客".encode() not in path.read_bytes(), path


def test_the_first_release_goes_live_and_champion_by_itself(trained_shop: Shop) -> None:
    (release_id,) = trained_shop.releases.known()
    assert trained_shop.releases.pointer().release_id == release_id
    assert trained_shop.publisher.live().release_id == release_id
    assert trained_shop.registry().alias("champion") == release_id


def test_a_later_release_waits_as_challenger(trained_shop: Shop, steps: Steps) -> None:
    (first,) = trained_shop.releases.known()
    until = trained_shop.dataset().interactions.end - 10 * DAY_MS
    trained = train(trained_shop, Options(until=until), steps)
    second = trained.manifest.release_id
    assert not trained.live
    assert trained_shop.publisher.live().release_id == first
    registry = trained_shop.registry()
    assert (registry.alias("champion"), registry.alias("challenger")) == (first, second)
    assert read_manifest(trained_shop.releases.find(second)).data["last"] < until
    assert {step.name for step in steps.times} >= {"read the log", "release: seal", "write the run to MLflow"}


def test_the_same_log_and_seed_give_the_same_release(trained_shop: Shop, steps: Steps) -> None:
    (first,) = trained_shop.releases.known()
    again = train(trained_shop, Options(), steps)
    assert again.manifest.release_id == first
    assert trained_shop.releases.known() == [first]
    assert again.live


def test_a_failed_data_check_keeps_the_first_release_from_going_live(
    shop: Shop, steps: Steps, small: Any
) -> None:
    future = replace(small.purchases()[0], event_id="far", timestamp=small.start + 20_000 * DAY_MS)
    small.write(shop.settings.home, [future])
    trained = train(shop, Options(until=small.start + 121 * DAY_MS, evaluation=False), steps)
    assert shop.failed_checks() == [f"future_times: 1 of {len(small.purchases()) + 1:,}"]
    assert not trained.live
    assert shop.publisher.live() is None
    assert any("data checks FAIL" in notice for notice in trained.notices)


def test_without_an_evaluation_a_release_says_so(shop: Shop, steps: Steps) -> None:
    trained = train(shop, Options(evaluation=False), steps)
    assert trained.evaluation is None
    assert trained.manifest.metrics == {}
    assert "not at all" in str(trained.manifest.data["model_card"])
    assert trained.live


def test_too_short_a_log_is_refused_with_what_is_missing(
    home: Path, small_config: TrainingConfig, steps: Steps, small: Any
) -> None:
    small.write(home, small.purchases(shoppers=3), small.catalogue())
    with (
        open_shop(StoreSettings(home=home, redis_url=None), small_config) as shop,
        pytest.raises(TooLittleDataError, match=r"3 shoppers .* at least 5.*--no-evaluation"),
    ):
        train(shop, Options(), steps)
    assert shop.releases.known() == []


def test_an_empty_home_is_refused_with_the_next_command(
    home: Path, small_config: TrainingConfig, steps: Steps
) -> None:
    with open_shop(StoreSettings(home=home, redis_url=None), small_config) as shop:
        for evaluation in (True, False):
            with pytest.raises((TooLittleDataError, InputError), match="recsys data ingest"):
                train(shop, Options(evaluation=evaluation), steps)


def test_a_log_of_made_up_times_is_split_by_order_and_says_so(
    home: Path, mlflow_template: Path, small_config: TrainingConfig, steps: Steps, small: Any
) -> None:
    events = [replace(event, context={"synthetic_time": True}) for event in small.purchases(days=40)]
    small.write(home, events, small.catalogue())
    with open_shop(StoreSettings(home=home, redis_url=None), small_config) as shop:
        trained = train(shop, Options(), steps)
    assert trained.evaluation.exam.split.protocol == "leave_one_out"
    assert any("times are made up" in notice for notice in trained.notices)


def test_who_refused_training_is_not_learned_from(shop: Shop, small: Any) -> None:
    refused = {f"顾客{number}" for number in range(0, 60, 4)}
    users = [User(user_id=name, consent=Consent(train=False), updated_at=2) for name in sorted(refused)]
    user_history(shop.settings.home).record(users, 2)
    learned = shop.dataset().interactions
    assert len(learned) == sum(event.user_id not in refused for event in small.purchases())
    assert not refused & set(learned.users.ids)
