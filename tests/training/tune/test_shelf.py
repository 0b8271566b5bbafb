"""The shelf of fitted parts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from recsys.fitting import Material, fit_sources
from recsys.testing import ShopSize, build_shop
from training.config import TrainingConfig
from training.tune.shelf import PartShelf
from training.tune.space import applied


def part(folder: Path, text: str) -> Callable[[], None]:
    def make() -> None:
        (folder / "als").mkdir(parents=True)
        (folder / "als" / "made.txt").write_text(text)

    return make


def test_a_part_is_made_once_for_all_it_depends_on(tmp_path: Path) -> None:
    shelf = PartShelf(tmp_path / "shelf")
    for folder, about, text in [("a", "x", "first"), ("b", "x", "second"), ("c", "y", "third")]:
        shelf(tmp_path / folder, ("als",), about, part(tmp_path / folder, text))
    made = [(tmp_path / folder / "als" / "made.txt").read_text() for folder in "abc"]
    assert made == ["first", "first", "third"]
    assert shelf.hits == 1


def test_the_shelf_stays_small_and_what_was_tidied_away_is_made_anew(tmp_path: Path) -> None:
    shelf = PartShelf(tmp_path / "shelf")
    for number in range(40):
        folder = tmp_path / str(number)
        shelf(folder, ("als",), str(number), part(folder, "made"))
    assert 0 < len(list((tmp_path / "shelf" / "als").iterdir())) < 20
    shelf(tmp_path / "again", ("als",), "0", part(tmp_path / "again", "made again"))
    assert (tmp_path / "again" / "als" / "made.txt").read_text() == "made again"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "key",
    [
        "model.behaviour.fading.days",
        "model.als.epochs",
        "model.sessions.sessions_per_item",
        "model.linked.neighbours",
        "model.covisitation.shrinkage",
        "model.embedding.content_strength",
        "model.trending.half_life_days",
        "model.tags.shrinkage",
    ],
)
def test_sources_from_the_shelf_equal_those_fitted_anew(tmp_path: Path, key: str) -> None:
    """Whatever a trial changes: no part may come from the shelf that depends on it."""
    shop = build_shop(1, ShopSize(users=40, groups=2, items_per_group=12))
    attributes = {user.user_id: user.attributes for user in shop.users}
    shelf = PartShelf(tmp_path / "shelf")
    shelved = Material(shop.interactions, shop.items, attributes, shelf=shelf)
    config = applied(TrainingConfig(), {"model.als.embedding_size": 8})
    fit_sources(shelved, config.model, tmp_path / "first", seed=1)
    changed = applied(config, {key: 5}).model
    fit_sources(shelved, changed, tmp_path / "shelved", seed=1)
    assert (shelf.hits == 0) == (key == "model.behaviour.fading.days")
    fit_sources(Material(shop.interactions, shop.items, attributes), changed, tmp_path / "anew", seed=1)
    assert files(tmp_path / "shelved") == files(tmp_path / "anew")
