"""Who may sit an exam, and what a comparison says."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from recsys.arrays import save_json
from recsys.interactions import Interactions
from recsys.release import seal
from recsys.weights import DAY_MS
from training.compare import common_exam, compare, stand_in
from training.config import GateConfig, TrainingConfig
from training.errors import CannotCompareError, UnknownReleaseError
from training.exam import Exam
from training.fit import Knowledge, fit_and_seal
from training.gate import judge
from training.releases import Releases
from training.report import Steps
from training.resources import Shop
from training.train import Options, train

pytestmark = pytest.mark.xdist_group("training")


def release(
    releases: Releases,
    name: str,
    until: int,
    twin_until: int | None = None,
    hash_: str = "h",
    held_out: str | None = None,
) -> str:
    """A sealed folder that says what it knows."""

    def sealed(folder: Path, known: int) -> Path:
        save_json(folder, "model", name)
        data = {"until": known, "hash": hash_, "held_out": held_out}
        seal(folder, config={}, metrics={}, slices={}, data=data, code_version="1", created_at=known)
        return folder

    releases.folder.mkdir(parents=True, exist_ok=True)
    target = releases.keep(sealed(releases.folder / f".{name}", until))
    if twin_until is not None:
        releases.keep_twin(sealed(releases.folder / f".twin-{name}", twin_until), target.name)
    return target.name


@pytest.fixture
def releases(home: Path) -> Releases:
    return Releases(home)


@pytest.fixture
def exam_at(trained_shop: Shop) -> Any:
    return trained_shop.exam


def test_releases_that_know_the_window_are_stood_in_for_by_their_twins(
    releases: Releases, exam_at: Any
) -> None:
    exam = exam_at(None)
    name = release(releases, "a", until=exam.split.end, twin_until=exam.split.cut)
    assert common_exam((name,), releases, exam_at).split.cut == exam.split.cut
    assert stand_in(name, releases, exam) == releases.twins / name


def test_a_release_from_before_the_window_sits_the_exam_itself(releases: Releases, exam_at: Any) -> None:
    exam = exam_at(None)
    name = release(releases, "old", until=exam.split.cut - 1, twin_until=exam.split.cut - 9 * DAY_MS)
    assert stand_in(name, releases, exam) == releases.find(name)


def test_a_twin_that_knows_more_moves_the_cut(releases: Releases, exam_at: Any) -> None:
    exam = exam_at(None)
    later = exam.split.cut + 5 * DAY_MS
    usual = release(releases, "a", until=exam.split.end, twin_until=exam.split.cut)
    other = release(releases, "b", until=exam.split.end, twin_until=later)
    moved = common_exam((usual, other), releases, exam_at)
    assert moved.split.cut == later
    assert stand_in(usual, releases, moved) == releases.twins / usual


def test_without_anything_new_to_ask_the_refusal_says_why(releases: Releases, exam_at: Any) -> None:
    exam = exam_at(None)
    name = release(releases, "a", until=exam.split.end)
    with pytest.raises(CannotCompareError, match="without an evaluation; train it again"):
        common_exam((name,), releases, exam_at)
    with pytest.raises(CannotCompareError, match=f"{name}.* was fitted on events after"):
        stand_in(name, releases, exam)


def test_an_unknown_release_is_refused_with_the_known_ones(releases: Releases, exam_at: Any) -> None:
    name = release(releases, "a", until=1)
    with pytest.raises(UnknownReleaseError, match=f"'0123456789abcdef'.*{name}"):
        common_exam(("0123456789abcdef",), releases, exam_at)


def test_a_release_against_itself_differs_by_nothing(trained_shop: Shop, steps: Steps) -> None:
    (name,) = trained_shop.releases.known()
    found = compare(name, name, trained_shop.releases, trained_shop.exam, steps)
    assert found.overlap == 1.0
    change = found.difference("ndcg@20", "all")
    assert (change.mean, change.low, change.high, change.count) == (0, 0, 0, 60)
    assert all(change.p == 1.0 for change in found.slice_changes("all", GateConfig()) if change.weighed)
    assert found.examples == ()
    assert found.changed_config() == {}
    assert judge([], lambda: found, GateConfig(latency_ratio=10)).passed


def test_a_release_that_learned_more_is_set_beside_one_that_learned_less(
    trained_shop: Shop, steps: Steps
) -> None:
    (full,) = trained_shop.releases.known()
    early = train(trained_shop, Options(until=trained_shop.dataset().interactions.end - 60 * DAY_MS), steps)
    found = compare(full, early.manifest.release_id, trained_shop.releases, trained_shop.exam, steps)
    plain = orjson.loads(orjson.dumps(found.plain(GateConfig())))
    assert 0 < plain["overlap"] < 1
    figures = plain["figures"]["all"]["ndcg@20"]
    difference = figures["challenger"]["mean"] - figures["champion"]["mean"]
    assert figures["difference"]["mean"] == pytest.approx(difference)
    assert figures["difference"]["low"] <= difference <= figures["difference"]["high"]
    changes = [row["difference"]["mean"] for row in plain["slices"]["all"]]
    assert {"with attributes", "without attributes"} <= {row["slice"] for row in plain["slices"]["all"]}
    assert changes == sorted(changes)
    assert sum(plain["overlap_counts"]) == plain["exam"]["questions"]["all"]
    assert plain["releases"][full]["data"]["events"] > plain["releases"][plain["champion"]]["data"]["events"]
    assert plain["releases"][full]["cost"]["size_bytes"] > 0
    overlaps = [example["overlap"] for example in plain["examples"]]
    assert overlaps == sorted(overlaps)
    assert all(example["history"] and len(example["challenger"]) == 20 for example in plain["examples"])
    assert "顾客" not in orjson.dumps(plain["examples"]).decode()


def test_parameters_that_differ_are_named(trained_shop: Shop, steps: Steps, small_config: Any) -> None:
    (usual,) = trained_shop.releases.known()
    values = small_config.model_dump()
    values["model"]["trending"]["half_life_days"] = 3.0
    changed = Shop(trained_shop.settings, TrainingConfig.model_validate(values))
    name = train(changed, Options(), steps).manifest.release_id
    found = compare(name, usual, trained_shop.releases, trained_shop.exam, steps)
    assert found.changed_config() == {"model.trending.half_life_days": (3.0, 14.0)}


def test_made_up_times_are_compared_only_on_the_log_they_were_split_from(
    releases: Releases, exam_at: Any
) -> None:
    from dataclasses import replace

    usual: Exam = exam_at(None)
    by_order = replace(usual, split=replace(usual.split, protocol="leave_one_out"))
    log, asked = usual.data.hash, by_order.split.held_out
    same = release(releases, "a", 1, 1, log, asked)
    other = release(releases, "b", 1, 1, "another log", asked)
    older = release(releases, "c", 1, 1, log)
    others_held_out = release(releases, "d", 1, 1, log, "0123456789abcdef")
    assert stand_in(same, releases, by_order) == releases.twins / same
    for name in (other, older, others_held_out):
        with pytest.raises(CannotCompareError, match=r"the log, or who allows .* has changed.*recsys train"):
            stand_in(name, releases, by_order)


def test_of_made_up_times_a_catalogue_that_grew_changes_nothing_and_a_refusal_needs_another_twin(
    home: Path, small: Any, small_config: TrainingConfig, steps: Steps
) -> None:
    from dataclasses import replace

    from feature_store.history import item_history, user_history
    from feature_store.settings import StoreSettings
    from recsys.types import Consent, Item, User

    events = [replace(event, context={"synthetic_time": True}) for event in small.purchases(days=40)]
    small.write(home, events, small.catalogue(), small.people())

    def shop() -> Shop:
        return Shop(StoreSettings(home=home, redis_url=None), small_config)

    first = shop()
    fitted_without = first.exam()
    folder = home / "twin"
    folder.mkdir()
    fit_and_seal(first, Knowledge.before(fitted_without, first.dataset()), folder, None, steps)
    name = release(first.releases, "made", 1)
    twin = first.releases.keep_twin(folder, name)
    item_history(home).record([Item(item_id="!unsold")], small.start)
    grown = shop().exam()
    assert "!unsold" in grown.log.items
    assert stand_in(name, first.releases, grown) == twin
    assert not named(grown.split.test) & named(fitted_without.log)
    user_history(home).record([User(user_id="顾客1", consent=Consent(train=False))], small.start)
    with pytest.raises(CannotCompareError, match="who allows learning"):
        stand_in(name, first.releases, shop().exam())


def named(rows: Interactions) -> set[tuple[str, str, int, int]]:
    """Rows by ids: user, item, kind, time."""
    codes = zip(rows.user, rows.item, rows.type.tolist(), rows.time.tolist(), strict=True)
    return {(rows.users[int(user)], rows.items[int(item)], kind, time) for user, item, kind, time in codes}
