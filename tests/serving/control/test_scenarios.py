"""Scenario halls: seeded once, validated, and served from a snapshot."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, text

from recsys.config_files import config_path
from recsys.errors import ConfigError, UnavailableError
from recsys.expressions import keeps
from serving.control.audit import AuditTrail
from serving.control.scenarios import Scenario, ScenarioRepository, Shelf, Strategy, read_scenarios
from serving.errors import NotFound

SEED = config_path("scenarios.toml")


def hall(slug: str = "tea-time", **changes: Any) -> Scenario:
    document = {
        "slug": slug,
        "title": {"en": "Tea time", "zh": "下午茶"},
        "copy": {"en": "Sit down.", "zh": "坐下来。"},
        "shelves": [{"name": {"zh": "好茶"}, "filter": 'category under "食品 > 茶"'}],
    }
    return Scenario.model_validate({**document, **changes})


def test_the_shipped_halls_speak_english_and_chinese_everywhere() -> None:
    halls = read_scenarios(SEED)
    assert [hall.slug for hall in halls] == ["weekend-kitchen", "tonights-dinner"]
    for each in halls:
        for words in (each.title, each.body, *(shelf.name for shelf in each.shelves)):
            assert set(words) == {"en", "zh"}


def test_every_shipped_hall_has_a_last_shelf_for_any_shop() -> None:
    for each in read_scenarios(SEED):
        last = each.shelves[-1]
        for category in ("服装 > 女装", "Fuel pumps", None):
            assert last.expression is None or keeps(last.expression, {"category": category}, {})
        assert last.strategy in (Strategy.FOR_YOU, Strategy.TRENDING)
        assert last.min_items == 1


def test_the_shipped_filters_keep_what_their_names_promise() -> None:
    kitchen, dinner = read_scenarios(SEED)
    baking, roast, *_ = kitchen.shelves
    greens = next(shelf for shelf in dinner.shelves if "Greens" in shelf.name["en"])
    for shelf, category, kept in [
        (baking, "GROCERY > BAKING MIXES > LAYER CAKE MIX", True),
        (baking, "GROCERY > SOFT DRINKS", False),
        (roast, "MEAT > BEEF > LEAN", True),
        (roast, "MEAT-PCKGD > BACON", False),
        (greens, "PRODUCE > SALAD MIX", True),
        (greens, "PRODUCE > TROPICAL FRUIT > BANANAS", False),
    ]:
        assert shelf.expression is not None
        assert keeps(shelf.expression, {"category": category}, {}) is kept, (shelf.name, category)


def test_the_seed_is_loaded_once_and_never_again(engine: Engine, clock: Callable[[], int]) -> None:
    scenarios = ScenarioRepository(engine, clock)
    assert scenarios.seed(SEED)
    assert [each.slug for each in scenarios.every()] == ["weekend-kitchen", "tonights-dinner"]
    changed = scenarios.named("weekend-kitchen").model_copy(update={"title": {"zh": "改过的"}})
    scenarios.put(changed, actor="marketer")
    assert not scenarios.seed(SEED)
    assert not ScenarioRepository(engine, clock).seed(SEED)
    assert scenarios.named("weekend-kitchen").title == {"zh": "改过的"}
    assert [each.slug for each in scenarios.every()] == ["weekend-kitchen", "tonights-dinner"]


def test_the_database_gives_back_what_the_seed_says(engine: Engine, clock: Callable[[], int]) -> None:
    scenarios = ScenarioRepository(engine, clock)
    scenarios.seed(SEED)
    assert scenarios.every() == read_scenarios(SEED)


def test_every_change_is_in_the_audit_trail(engine: Engine, clock: Callable[[], int]) -> None:
    scenarios = ScenarioRepository(engine, clock)
    scenarios.seed(SEED)
    scenarios.put(hall(), actor="key-1")
    put, seed = AuditTrail(engine).latest()
    assert (put.actor, put.action, put.subject) == ("key-1", "scenario.put", "tea-time")
    assert (seed.actor, seed.detail) == ("seed", {"slugs": ["weekend-kitchen", "tonights-dinner"]})


def test_a_new_hall_comes_last_and_a_changed_one_keeps_its_place(
    engine: Engine, clock: Callable[[], int]
) -> None:
    scenarios = ScenarioRepository(engine, clock)
    for slug in ("b", "a", "c", "a"):
        scenarios.put(hall(slug), actor="me")
    assert [each.slug for each in scenarios.every()] == ["b", "a", "c"]


def test_an_unknown_hall_is_named_with_those_there_are(engine: Engine, clock: Callable[[], int]) -> None:
    scenarios = ScenarioRepository(engine, clock)
    with pytest.raises(NotFound, match="'nope'; there are: none"):
        scenarios.named("nope")
    scenarios.put(hall(), actor="me")
    with pytest.raises(NotFound, match="there are: tea-time"):
        scenarios.named("nope")


def test_halls_go_on_while_the_database_is_away(engine: Engine, clock: Callable[[], int]) -> None:
    scenarios = ScenarioRepository(engine, clock, ttl_s=0.0)
    scenarios.put(hall(), actor="me")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE scenarios"))
    deadline = time.monotonic() + 5
    while not scenarios.stale:
        assert scenarios.named("tea-time").title["zh"] == "下午茶"
        assert time.monotonic() < deadline
    assert scenarios.named("tea-time").title["zh"] == "下午茶"
    with pytest.raises(UnavailableError, match="scenarios"):
        ScenarioRepository(engine, clock).every()


def test_an_audience_is_for_those_who_match_and_not_for_the_unknown() -> None:
    for_gold = hall(audience='user.member_level = "金卡"')
    assert for_gold.is_for({"member_level": "金卡"})
    assert not for_gold.is_for({"member_level": "银卡"})
    assert not for_gold.is_for({})
    assert hall().is_for({})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"slug": "Tea Time"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"title": {}}, "title"),
        ({"title": {"en": ""}}, "title"),
        ({"shelves": []}, "shelves"),
        ({"audience": "user.age >"}, "audience"),
        ({"shelfs": []}, "shelfs"),
        ({"shelves": [{"name": {"en": "x"}, "strategy": "magic"}]}, "for_you"),
        ({"shelves": [{"name": {"en": "x"}, "size": 0}]}, "size"),
        ({"shelves": [{"name": {"en": "x"}, "filter": "price <"}]}, "position"),
    ],
)
def test_a_hall_that_is_wrong_is_refused_where_it_is_wrong(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        hall(**changes)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[[scenarios]", "seed.toml"),
        ("other = 1", "scenarios"),
        (
            "[[scenarios]]\nslug = 'a'\ntitle = {en = 'A'}\ncopy = {en = 'A'}\nshelves = 3",
            r"scenarios\.0\.shelves",
        ),
        (
            "[[scenarios]]\nslug='a'\ntitle={en='A'}\ncopy={en='A'}\nshelves=[{name={en='S'}}]\n" * 2,
            "'a' is used twice",
        ),
    ],
)
def test_a_wrong_seed_names_the_file_and_the_place_and_loads_nothing(
    tmp_path: Path, engine: Engine, clock: Callable[[], int], content: str, reason: str
) -> None:
    seed = tmp_path / "seed.toml"
    seed.write_text(content, encoding="utf-8")
    scenarios = ScenarioRepository(engine, clock)
    with pytest.raises(ConfigError, match=reason):
        scenarios.seed(seed)
    assert scenarios.every() == ()
    assert scenarios.seed(SEED)


def test_a_hall_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        hall().slug = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        Shelf(name={"en": "x"}).size = 3  # type: ignore[misc]
