"""Sealed releases of any number of items that look trained, in seconds: for benches of speed, never of quality.

Everything that is cheap to fit is fitted on a made-up log by the code that fits real releases; only vectors, neighbour
lists and trees are drawn (`recsys.testing.learned`). Deterministic for one number of items and one seed.
"""

import gc
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from recsys.config import ReleaseConfig
from recsys.errors import InputError
from recsys.fitting import SILENT, Make, Material, Step, fit_sources, save_alike_index, save_taste_index
from recsys.history import History
from recsys.interactions import Interactions
from recsys.models.als import Als
from recsys.models.covisitation import Covisitation
from recsys.models.embedding import ItemEmbedding
from recsys.models.linked import Linked
from recsys.models.tags import TagVectors
from recsys.models.text import TextModel, describe
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.release import Manifest, seal
from recsys.testing.assortment import END, Assortment
from recsys.testing.browsing import browse
from recsys.testing.learned import make_factors, make_neighbours, make_ranker, make_unit_vectors
from recsys.types import Item
from recsys.vocabulary import Vocabulary

__all__ = ["FEWEST_ITEMS", "build_release"]

FEWEST_ITEMS: Final = 100
_TEXTS: Final = 3_000
"""Items the text model reads."""
_SHOPPERS: Final = 2_000
"""Shoppers with attributes."""
_QUESTIONS: Final = 40
"""Shoppers whose candidates say where trees split."""
_AGES: Final = ("18+", "28+", "38+", "48+", "58+")
_LEVELS: Final = ("普通", "黄金", "钻石")


def build_release(
    items: int,
    into: Path,
    *,
    seed: int = 0,
    own: str = "",
    config: ReleaseConfig | None = None,
    step: Step = SILENT,
) -> tuple[Path, Manifest]:
    """Write and seal a release of `items` items; returns its folder `into/<release_id>` and its manifest.

    Releases with a different `own` share every other item and have the others for themselves, by id.
    Raises InputError for fewer than a hundred items.
    """
    if items < FEWEST_ITEMS:
        raise InputError(f"a synthetic release of {items} items is too small; ask for {FEWEST_ITEMS} or more")
    config, draft = config or ReleaseConfig(), into / ".draft"
    with _uncollected():
        _write(items, draft, seed, own, config, step)
    with step("seal"):
        manifest = seal(
            draft,
            config={"model": config.model_dump(mode="json"), "tracking": {"registered_model": "synthetic"}},
            metrics={},
            slices={},
            data={"until": END, "synthetic": items},
            code_version="synthetic",
            created_at=END,
        )
    folder = into / manifest.release_id
    shutil.rmtree(folder, ignore_errors=True)
    return draft.rename(folder), manifest


@contextmanager
def _uncollected() -> Iterator[None]:
    """Millions of items are made and none is garbage: looking for some again and again doubles the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _write(items: int, folder: Path, seed: int, own: str, config: ReleaseConfig, step: Step) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    generator = np.random.default_rng(seed)
    with step("items and events"):
        shop = Assortment.make(items, generator)
        goods = tuple(shop.items(generator, own))
        log = browse(shop, Vocabulary(item.item_id for item in goods), generator)
    drawn = _Drawn(shop, goods, log, config, seed, step)
    fit_sources(Material(log, goods, {}, shelf=drawn.shelf), config, folder, seed=seed, step=step)
    with step("ranker"):
        make_ranker(_candidates(folder, log), config.ranker, generator).save(folder / "ranker")


class _Drawn:
    """Draws the parts of a release that would take long to fit, where `fit_sources` asks for them."""

    def __init__(
        self,
        shop: Assortment,
        goods: tuple[Item, ...],
        log: Interactions,
        config: ReleaseConfig,
        seed: int,
        step: Step,
    ) -> None:
        self._shop = shop
        self._goods = goods
        self._config = config
        self._seed = seed
        self._step = step
        self._log = log
        self._events = np.bincount(log.item, minlength=len(shop))

    def shelf(self, folder: Path, names: tuple[str, ...], about: str, make: Make) -> None:  # noqa: ARG002
        """See `recsys.fitting.Shelf`; what is not drawn is fitted."""
        drawers = {
            "als": self._taste,
            "linked": self._linked,
            "covisitation": self._together,
            "embedding": self._alike,
        }
        draw = drawers.get(names[0])
        if draw is None:
            make()
            return
        with self._step(f"{', '.join(names)} (drawn)"):
            draw(folder)

    def _generator(self, part: int) -> np.random.Generator:
        """One of its own for each part: their order makes no difference."""
        return np.random.default_rng((self._seed, part))

    def _taste(self, folder: Path) -> None:
        generator, config = self._generator(1), self._config.als
        factors = make_factors(self._shop, self._events, config.embedding_size, generator)
        settled = config.model_copy(update={"alpha": config.alpha or 5.0})
        als = Als(settled, factors, factors.T @ factors)
        als.save(folder / "als")
        save_taste_index(als, self._log, self._config, folder, self._seed)
        liked = factors[self._shop.draw_any(_SHOPPERS, generator)]
        ages, levels = generator.integers(0, len(_AGES), _SHOPPERS), generator.integers(0, 3, _SHOPPERS)
        attributes = [
            {"age_band": _AGES[age], "会员等级": _LEVELS[level]}
            for age, level in zip(ages.tolist(), levels.tolist(), strict=True)
        ]
        TagVectors.fit(attributes, liked, self._config.tags).save(folder / "tags")

    def _linked(self, folder: Path) -> None:
        most, generator = self._config.linked.neighbours, self._generator(2)
        make_neighbours(Linked, self._shop, self._events, most, generator).save(folder / "linked")

    def _together(self, folder: Path) -> None:
        most, generator = self._config.covisitation.neighbours, self._generator(3)
        make_neighbours(Covisitation, self._shop, self._events, most, generator).save(folder / "covisitation")

    def _alike(self, folder: Path) -> None:
        generator, size = self._generator(4), self._config.embedding.embedding_size
        vectors = make_unit_vectors(self._shop, size, generator)
        read = np.sort(generator.permutation(len(self._goods))[:_TEXTS])
        texts = [describe(self._goods[code]) for code in read.tolist()]
        text = TextModel.fit(texts, self._seed)
        projection = np.linalg.lstsq(text.encode(texts), vectors[read], rcond=None)[0].astype(np.float32)
        ItemEmbedding(vectors, text, projection).save(folder / "embedding")
        save_alike_index(vectors, self._log, self._config, folder, self._seed)


def _candidates(folder: Path, log: Interactions) -> list[np.typing.NDArray[np.float32]]:
    """Features of the candidates of some shoppers, float32[features, candidates] each."""
    pipeline = Pipeline.load(folder)
    shoppers = np.linspace(0, len(log.users) - 1, _QUESTIONS).astype(int).tolist()
    histories = [History(log.item[rows], log.type[rows], log.time[rows]) for rows in log.per_user(shoppers)]
    return [pipeline.candidates(Query(as_of=END, history=history))[1] for history in histories]
