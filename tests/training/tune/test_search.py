"""A search on a real shop: what it keeps, and what it never sees."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_store.history import item_history
from feature_store.settings import StoreSettings
from recsys.interactions import Interactions
from recsys.testing import ShopSize, build_shop
from recsys.types import Event, Item
from training.config import TrainingConfig
from training.report import Steps
from training.resources import Shop
from training.split import temporal_split
from training.tracking import connect
from training.tune.search import Options, Tuned, tune
from training.tune.shown import show_tuned
from training.tune.space import GROUPS
from training.tune.window import validation_window

pytestmark = pytest.mark.xdist_group("training")

MADE = build_shop(5, ShopSize(users=60, groups=2, items_per_group=15, cold_per_group=1))
EVENTS = list(MADE.events())
SMALL = TrainingConfig.model_validate(
    {
        "split": {"least_shoppers": 5},
        "tuning": {"queries": 60},
        "model": {
            "als": {"embedding_size": 8, "epochs": 3},
            "embedding": {"embedding_size": 8},
            "ranker": {"queries": 100, "least_queries": 20, "windows": 1, "trees": 5, "leaves": 4},
        },
    }
)


def shop_of(home: Path, events: Sequence[Event], small: Any, template: Path) -> Shop:
    small.write(home, events, MADE.items, MADE.users)
    shutil.copy(template, home / "mlflow.db")
    return Shop(StoreSettings(home=home, redis_url=None), SMALL)


@pytest.fixture(scope="module")
def searched(mlflow_template: Path, small: Any) -> Iterator[tuple[Shop, Tuned]]:
    """A shop with a study of three trials."""
    from rich.console import Console

    home = Path(tempfile.mkdtemp(prefix="rs-"))
    shop = shop_of(home, EVENTS, small, mlflow_template)
    yield shop, tune(shop, Options(trials=3, out=home / "out" / "tuned.toml"), Steps(Console(quiet=True)))
    shutil.rmtree(home)


def test_the_configuration_as_given_is_measured_first(searched: tuple[Shop, Tuned]) -> None:
    _, tuned = searched
    assert [(done.number, done.group) for done in tuned.made] == [(0, ""), (1, "sessions"), (2, "als")]
    assert tuned.before == 0
    assert tuned.notices == ()
    assert tuned.given == tuned.made[0]
    assert tuned.best.value == max(done.value for done in tuned.made if done.value is not None)


def test_a_figure_is_the_mean_of_frozen_and_live_questions_on_all_and_on_new_items(
    searched: tuple[Shop, Tuned],
) -> None:
    parts = searched[1].given.parts
    assert set(parts) == {"frozen", "frozen.new", "next", "next.new", "value"}
    assert parts["value"] == pytest.approx(np.mean([parts[name] for name in parts if name != "value"]))
    assert parts["next"] > 0.1


def test_the_file_reads_back_as_the_best_configuration(searched: tuple[Shop, Tuned]) -> None:
    shop, tuned = searched
    path = shop.settings.home / "out" / "tuned.toml"
    assert TrainingConfig.read(path) == tuned.config
    assert f"trial {tuned.best.number}: {tuned.best.value:.4f}" in path.read_text("utf-8")


def test_mlflow_holds_a_run_with_one_nested_run_per_trial(searched: tuple[Shop, Tuned]) -> None:
    shop, tuned = searched
    client = connect(shop.settings.home)
    runs = client.search_runs([client.get_experiment_by_name("recsys").experiment_id])
    (parent,) = [run for run in runs if run.data.tags.get("kind") == "tuning"]
    nested = {
        run.info.run_name: run
        for run in runs
        if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    }
    assert set(nested) == {"trial 0", "trial 1 sessions", "trial 2 als"}
    assert parent.data.metrics["value"] == pytest.approx(tuned.best.value)
    assert [item.path for item in client.list_artifacts(parent.info.run_id, "report")] == [
        "report/tuned.toml"
    ]
    second = nested["trial 2 als"]
    assert second.data.params["model.als.alpha"] == str(tuned.made[2].overrides["model.als.alpha"])
    assert second.data.metrics["seconds"] == pytest.approx(tuned.made[2].seconds)
    assert second.info.end_time - second.info.start_time == round(tuned.made[2].seconds * 1000)


def test_the_same_command_goes_on_and_shows_what_there_is(
    searched: tuple[Shop, Tuned], capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    shop, first = searched
    steps, out = Steps(Console(stderr=True)), shop.settings.home / "more.toml"
    again = tune(shop, Options(trials=1, out=out), steps)
    assert (again.study, again.before) == (first.study, 3)
    assert [done.number for done in again.made] == [3]
    assert f"study {first.study} has 3 trials" in capsys.readouterr().err
    show_tuned(Console(width=100), again, shop.config, out)
    shown = capsys.readouterr().out
    assert "1 trials more, 4 of this call's and earlier ones" in shown
    assert f"{again.best.value:.4f}" in shown


def test_no_time_makes_no_trial_and_leaves_what_there_is(searched: tuple[Shop, Tuned], steps: Steps) -> None:
    shop, _ = searched
    out = shop.settings.home / "late.toml"
    late = tune(shop, Options(trials=5, timeout=0.0, out=out), steps)
    assert late.made == ()
    assert TrainingConfig.read(out) == late.config


def test_nothing_is_written_before_the_configuration_as_given_has_its_figure(
    searched: tuple[Shop, Tuned], steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another process has it and is not done."""
    from rich.console import Console

    shop, _ = searched
    out, folder = shop.settings.home / "early.toml", shop.settings.home / "tuning" / "early"
    folder.mkdir(parents=True)
    with (folder / "as-given.lock").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        early = tune(shop, Options(trials=1, out=out, study="early"), steps)
    assert (early.given, early.made[0].group in GROUPS) == (None, True)
    assert early.best == early.made[0]
    assert not out.exists()
    assert any("is not written" in notice and "--study early" in notice for notice in early.notices)
    show_tuned(Console(width=100), early, shop.config, out)
    assert "recsys train --config" not in capsys.readouterr().out
    late = tune(shop, Options(trials=1, out=out, study="early"), steps)
    assert late.given == late.made[0]
    assert TrainingConfig.read(out) == late.config


def test_a_tracking_server_that_is_away_leaves_the_result(
    searched: tuple[Shop, Tuned], steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _ = searched
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = tune(shop, Options(trials=1, out=shop.settings.home / "away.toml"), steps)
    assert len(away.made) == 1
    assert any("MLFLOW_TRACKING_URI" in notice for notice in away.notices)
    assert (shop.settings.home / "away.toml").exists()


def test_what_a_trial_knows_and_is_asked_ends_where_the_test_window_begins(
    searched: tuple[Shop, Tuned],
) -> None:
    shop, _ = searched
    cut = temporal_split(shop.dataset().interactions, SMALL.split).cut
    assert shop.exam().split.cut == cut
    assert shop.dataset().interactions.end >= cut
    window = validation_window(shop)
    assert {exam.protocol for exam in window.exams} == {"frozen", "next"}
    for exam in window.exams:
        assert window.material.interactions.end < exam.split.cut < cut
        assert max(exam.split.test.end, exam.history_log.end, exam.split.end - 1) < cut
        assert all(asked.as_of.max() < cut for asked in exam.questions.values())
    assert window.material.items == shop.offline.items(window.exams[0].split.cut)


def test_what_happens_in_the_test_window_changes_no_figure(
    searched: tuple[Shop, Tuned], mlflow_template: Path, small: Any, steps: Steps, home: Path
) -> None:
    """The window's events say the opposite at the same times: whatever reads them must notice."""
    shop, tuned = searched
    cut = temporal_split(shop.dataset().interactions, SMALL.split).cut
    other = {item.item_id: MADE.items[-1 - place].item_id for place, item in enumerate(MADE.items)}
    events = [
        event if event.timestamp < cut else replace(event, item_id=other[event.item_id]) for event in EVENTS
    ]
    assert events != EVENTS
    changed = shop_of(home, events, small, mlflow_template)
    again = tune(changed, Options(trials=2, out=home / "tuned.toml"), steps)
    assert again.study == tuned.study
    assert [done.parts for done in again.made] == [done.parts for done in tuned.made[:2]]
    assert [done.overrides for done in again.made] == [done.overrides for done in tuned.made[:2]]


def test_a_log_of_made_up_times_holds_two_rows_of_each_shopper_out(
    home: Path, mlflow_template: Path, small: Any, steps: Steps
) -> None:
    events = [replace(event, context={"synthetic_time": True}) for event in EVENTS]
    shop = shop_of(home, events, small, mlflow_template)
    test = shop.exam().split.test
    window = validation_window(shop)
    (exam,) = window.exams
    assert exam.protocol == "split"
    assert len(shop.dataset().interactions) == len(exam.log) + len(exam.split.test) + len(test)
    tuned = tune(shop, Options(trials=1, out=home / "tuned.toml"), steps)
    assert set(tuned.given.parts) == {"split", "split.new", "value"}


def test_a_trial_on_made_up_times_learns_from_no_answer_of_the_exam_whatever_is_in_the_catalogue(
    home: Path, mlflow_template: Path, small: Any
) -> None:
    """An item that nobody touched sorts before the others: the codes of the catalogue are not those of the log."""
    events = [replace(event, context={"synthetic_time": True}) for event in EVENTS]
    shop = shop_of(home, events, small, mlflow_template)
    item_history(home).record([Item(item_id="!unsold")], min(event.timestamp for event in EVENTS))
    exam, window = shop.exam(), validation_window(shop)
    assert exam.log.items[0] == "!unsold"
    answers = named(exam.split.test)
    assert len(answers) >= 50
    assert not answers & named(window.material.interactions)
    for asked in window.exams:
        assert not answers & (named(asked.split.test) | named(asked.history_log))


def named(rows: Interactions) -> set[tuple[str, str, int, int]]:
    """Rows by ids: user, item, kind, time."""
    codes = zip(rows.user, rows.item, rows.type.tolist(), rows.time.tolist(), strict=True)
    return {(rows.users[int(user)], rows.items[int(item)], kind, time) for user, item, kind, time in codes}
