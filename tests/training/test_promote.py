"""Promotion, rollback and publishing on a real shop: Valkey, MLflow and trained releases."""

import random
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from feature_store.settings import StoreSettings
from recsys.release import list_releases, pull, read_manifest, verify
from recsys.types import Event, EventType, User
from recsys.weights import DAY_MS
from training.audit import history
from training.config import TrainingConfig
from training.errors import GateRefusedError, TrainingError, UnknownReleaseError
from training.gate import against_figures
from training.promote import crown_first, promote, rollback, weigh
from training.report import Steps
from training.resources import Shop, open_shop
from training.supply import publish
from training.train import Options, train

pytestmark = pytest.mark.xdist_group("training")

FORGETFUL = {
    "tags": {"shrinkage": 1.0},
    "blend": {"weights": {"taste": 1.0, "trending": 0.02}},
    "ranker": {"enabled": False},
    "retrieval": {"candidates": {"own": 1, "sessions": 1, "together": 1, "linked": 1, "alike": 1}},
}
"""Lists by taste alone: what a shopper buys again and again is not in them."""
BLIND = {"tags": {"least_shoppers": 100_000}, "ranker": {"enabled": False}}
"""No attribute is learned from: a shopper without a history gets what everybody gets."""


def with_gate(config: TrainingConfig, **gate: object) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {**config.model_dump(), "gate": {**config.gate.model_dump(), **gate}}
    )


@pytest.fixture
def growing_shop(
    home: Path, mlflow_template: Path, small_config: TrainingConfig, small: Any
) -> Iterator[Shop]:
    """The small shop with new shoppers in its last four weeks: their attributes say which shelf they like."""
    shelves, first = ("绿茶", "coffee beans", "面包", "milk"), small.start + 95 * DAY_MS
    dice = random.Random(5)
    new = [f"新客{n}" for n in range(150)]
    events = [
        Event(
            event_id=f"{name}/{number}",
            type=EventType.PURCHASE,
            timestamp=first + n * 3_600_000 + number,
            user_id=name,
            order_id=name,
            item_id=f"{shelves[n % 4]}-{dice.randrange(20)}",
        )
        for n, name in enumerate(new)
        for number in range(3)
    ]
    users = [User(user_id=name, attributes={"likes": shelves[n % 4]}) for n, name in enumerate(new)]
    small.write(
        home, [*small.purchases(shoppers=200), *events], small.catalogue(), [*small.people(200), *users]
    )
    shutil.copy(mlflow_template, home / "mlflow.db")
    with open_shop(StoreSettings(home=home, redis_url=None), small_config) as opened:
        yield opened


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


def test_the_gate_asks_real_releases(trained_shop: Shop, older: str, steps: Steps) -> None:
    """The gate refuses for what the comparison of the two shows, and for nothing else."""
    verdict = weigh(trained_shop, older, steps)
    assert verdict.comparison.champion.release_id == trained_shop.publisher.live().release_id
    assert verdict.reasons == against_figures(verdict.comparison, trained_shop.config.gate)


def test_a_real_release_that_fails_new_shoppers_is_refused_by_name_though_it_is_better_overall(
    growing_shop: Shop, steps: Steps
) -> None:
    """The champion forgets what its regulars buy; the challenger knows, but no longer reads attributes."""
    config = growing_shop.config.model_dump()
    forgetful = deepcopy(config)
    forgetful["model"] |= FORGETFUL
    blind = deepcopy(config)
    blind["model"] |= BLIND
    champion, challenger = (
        train(Shop(growing_shop.settings, TrainingConfig.model_validate(values)), Options(), steps)
        for values in (forgetful, blind)
    )
    assert (champion.live, challenger.live) == (True, False)
    name = challenger.manifest.release_id
    with pytest.raises(GateRefusedError, match=r"slice '[^']*new shoppers[^']*' \(\d+ shoppers\) falls by"):
        promote(growing_shop, name, steps)
    found = weigh(growing_shop, name, steps).comparison
    assert found.difference("ndcg@20", "all").low > 0
    (worst, *_) = found.slice_changes("all", growing_shop.config.gate)
    assert "new shoppers" in worst.names
    assert worst.relative < -0.2


def test_what_was_forced_is_on_record_here_and_in_mlflow(
    trained_shop: Shop, older: str, steps: Steps
) -> None:
    (first,) = set(trained_shop.releases.known()) - {older}
    strict = Shop(trained_shop.settings, with_gate(trained_shop.config, size_ratio=0.01))
    with pytest.raises(GateRefusedError, match=r"gate\.size_ratio = 0\.01"):
        promote(strict, older, steps)
    done = promote(strict, older, steps, force=True, by="小王")
    (reason,) = [told for told in done.verdict.reasons if "size_ratio" in told]
    assert f"forced over: {reason}" in done.overruled()
    opening, line = history(trained_shop.releases.folder)
    assert (opening.verb, opening.release, opening.forced) == ("first", first, False)
    assert (line.verb, line.release, line.previous, line.by) == ("promote", older, first, "小王")
    assert (line.at, line.forced, line.reasons) == (done.pointer.at, True, done.verdict.reasons)
    tags = trained_shop.registry().tags(older)
    assert (tags["forced"], tags["promoted_by"], tags["promoted_at"]) == ("true", "小王", str(line.at))
    assert tags["overridden"] == "; ".join(line.reasons)
    rollback(trained_shop)
    assert [(line.verb, line.release) for line in history(trained_shop.releases.folder)[2:]] == [
        ("rollback", first)
    ]
    assert trained_shop.registry().tags(older)["forced"] == "true"


def test_a_refused_release_changes_nothing(trained_shop: Shop, older: str, steps: Steps) -> None:
    (first,) = set(trained_shop.releases.known()) - {older}
    strict = Shop(trained_shop.settings, with_gate(trained_shop.config, latency_ratio=0.001))
    with pytest.raises(GateRefusedError, match="CPU time"):
        promote(strict, older, steps)
    assert trained_shop.publisher.live().release_id == first
    assert len(history(trained_shop.releases.folder)) == 1
    assert trained_shop.registry().alias("challenger") == older


def test_models_and_indexes_roll_back_together_and_rules_stay(
    trained_shop: Shop, older: str, steps: Steps
) -> None:
    (first,) = set(trained_shop.releases.known()) - {older}
    with trained_shop.database.begin() as connection:
        connection.execute(text("INSERT INTO scenarios VALUES ('tea', 1, '{}', 5)"))
    rules = definitions(trained_shop)
    assert any(rules.values())
    promote(trained_shop, older, steps, force=True)
    assert definitions(trained_shop) == rules
    rollback(trained_shop)
    assert definitions(trained_shop) == rules
    live = trained_shop.publisher.live().release_id
    whole = read_manifest(trained_shop.releases.find(first)).files
    stored = pull(live, trained_shop.publisher.blobs, trained_shop.settings.home / "pulled")
    assert verify(stored).files == whole
    assert any(path.startswith("als/index/") for path in whole)
    assert any(path.startswith("covisitation/") for path in whole)


def definitions(shop: Shop) -> dict[str, list[Any]]:
    """Every row of every table of the database of definitions: scenarios and their rules, keys, identities."""
    with shop.database.connect() as connection:
        names = inspect(connection).get_table_names()
        return {name: connection.execute(text(f'SELECT * FROM "{name}"')).all() for name in sorted(names)}


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
