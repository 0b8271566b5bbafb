"""Logs made by construction: rows as columns, and a small bilingual shop written through the real stores."""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from feature_store.history import item_history, user_history
from feature_store.log import EventLog
from feature_store.offline import DataRange
from feature_store.records.codec import events_to_table
from feature_store.settings import StoreSettings
from recsys.interactions import Interactions
from recsys.release import Manifest
from recsys.types import EVENT_CODES, Event, EventType, Item, Offer, User
from recsys.vocabulary import Vocabulary
from training.changed import Example
from training.compare import Comparison, Side
from training.config import EvaluationConfig, TrainingConfig
from training.cost import Cost
from training.evaluate import METRICS, Scores, slices
from training.exam import PARTS, Exam, Part
from training.protocol import ask
from training.report import Steps
from training.resources import Shop, open_shop
from training.split import Split
from training.tracking import connect
from training.train import Options, train

DAY_MS = 86_400_000
START = 1_700_000_000_000
Row = tuple[str, str, EventType, int]

SHELVES = {
    "茶 > 绿茶": "绿茶",
    "Coffee > Beans": "coffee beans",
    "烘焙 > 面包": "面包",
    "Dairy > Milk": "milk",
}
SMALL = {
    "split": {"least_shoppers": 5},
    "evaluation": {"resamples": 100},
    "model": {"als": {"embedding_size": 8, "epochs": 4}, "embedding": {"embedding_size": 8}},
}


def interactions(rows: Sequence[Row], items: Sequence[str] = ()) -> Interactions:
    """Columns of (user, item, type, time) rows; `items` are known besides."""
    users = Vocabulary(dict.fromkeys(row[0] for row in rows))
    known = Vocabulary(dict.fromkeys([*items, *(row[1] for row in rows)]))
    return Interactions.sort(
        users=users,
        items=known,
        columns=(
            users.encode(row[0] for row in rows),
            known.encode(row[1] for row in rows),
            np.array([EVENT_CODES[row[2]] for row in rows], np.int8),
            np.array([row[3] for row in rows], np.int64),
            np.full(len(rows), -1, np.int32),
            np.ones(len(rows), np.float32),
        ),
    )


@pytest.fixture(scope="session")
def log() -> Callable[..., Interactions]:
    return interactions


def catalogue() -> list[Item]:
    """Twenty items on each of four shelves, titles in two languages."""
    return [
        Item(
            item_id=f"{name}-{number}",
            titles={"zh": f"{name}{number}号", "en": f"{name} no. {number}"},
            category=path,
            offers=(Offer(sku=f"sku-{name}-{number}", price=10.0 + number),),
        )
        for path, name in SHELVES.items()
        for number in range(20)
    ]


def purchases(days: int = 120, shoppers: int = 60, seed: int = 1) -> list[Event]:
    """Every shopper buys three items about every fifth day, mostly two favourites, all from two shelves."""
    dice, events = random.Random(seed), []
    names = list(SHELVES.values())
    for shopper in range(shoppers):
        own = [names[shopper % 4], names[(shopper + 1) % 4]]
        favourites = [f"{dice.choice(own)}-{dice.randrange(20)}" for _ in range(2)]
        for day in range(dice.randrange(5), days, 5):
            basket = {
                dice.choice(favourites),
                *(f"{dice.choice(own)}-{dice.randrange(20)}" for _ in range(2)),
            }
            events += [
                Event(
                    event_id=f"{shopper}/{day}/{item}",
                    type=EventType.PURCHASE,
                    timestamp=START + day * DAY_MS + shopper * 1000,
                    user_id=f"顾客{shopper}",
                    order_id=f"{shopper}/{day}",
                    item_id=item,
                )
                for item in sorted(basket)
            ]
    return events


def people(shoppers: int = 60) -> list[User]:
    """Two in three shoppers have attributes that say which shelf they like."""
    names = list(SHELVES.values())
    return [User(user_id=f"顾客{n}", attributes={"likes": names[n % 4]}) for n in range(shoppers) if n % 3]


def write_shop(
    home: Path, events: Sequence[Event], items: Sequence[Item] = (), users: Sequence[User] = ()
) -> None:
    """Put values into the stores as an import does."""
    EventLog(home / "events").append(events_to_table(events), "test")
    item_history(home).import_all(items, START)
    user_history(home).import_all(users, START)


class SmallShop:
    """The makers above, for tests that need another log."""

    start = START
    catalogue = staticmethod(catalogue)
    purchases = staticmethod(purchases)
    people = staticmethod(people)
    write = staticmethod(write_shop)


@pytest.fixture(scope="session")
def small() -> type[SmallShop]:
    return SmallShop


CUT = START + 100 * DAY_MS


def exam_of_old_and_new(old: int, new: int) -> Exam:
    """Each shopper buys one item after the cut; old ones bought six before, new ones saw one two days before."""
    past = [
        (f"old{n}", f"item{day}", EventType.PURCHASE, CUT - day * DAY_MS)
        for n in range(old)
        for day in range(10, 70, 10)
    ]
    fresh = [(f"new{n}", "item10", EventType.VIEW, CUT - 2 * DAY_MS) for n in range(new)]
    names = [f"old{n}" for n in range(old)] + [f"new{n}" for n in range(new)]
    rows = interactions(
        [*past, *fresh, *((name, "item99", EventType.PURCHASE, CUT + DAY_MS) for name in names)]
    )
    split = Split("temporal", CUT, rows.end + 1, rows.before(CUT), rows.window(CUT, rows.end + 1))
    config = EvaluationConfig(resamples=200)
    asked = ask(split, np.ones(len(names), bool), config, 0)
    return Exam(split, {"all": asked, "new": asked.new()}, {}, DataRange(0, 1, 1, "h"), config, 0, 100)


class Crafted:
    """Comparisons whose figures are known: by construction, through the types that real ones have."""

    def __init__(self, old: int = 400, new: int = 200) -> None:
        self.exam = exam_of_old_and_new(old, new)
        self.is_new = slices(self.exam)["new shoppers"]
        dice = np.random.default_rng(7)
        self.base = dice.uniform(0.0, 0.4, old + new)
        self.noise = dice.normal(0.0, 0.02, old + new)
        self.noise -= np.where(self.is_new, self.noise[self.is_new].mean(), self.noise[~self.is_new].mean())

    def comparison(
        self,
        old: float = 0.0,
        new: float = 0.0,
        *,
        only_new_items: float | None = None,
        coverage: tuple[float, float] = (0.4, 0.4),
        costs: tuple[Cost, Cost] = (Cost(1 << 20, 1.0), Cost(1 << 20, 1.0)),
        examples: tuple[Example, ...] = (),
    ) -> Comparison:
        """Figures of old and of new shoppers change by these shares, give or take a little noise."""
        changed = self.base * np.where(self.is_new, 1 + new, 1 + old) + self.noise
        on_new = changed if only_new_items is None else self.base * (1 + only_new_items) + self.noise
        rows = {part: slices(self.exam, part) for part in PARTS}
        sides = (
            self._side("challenger", {"all": changed, "new": on_new}, coverage[0], costs[0]),
            self._side("champion", {"all": self.base, "new": self.base}, coverage[1], costs[1]),
        )
        return Comparison(*sides, self.exam, rows, np.linspace(0, 1, len(self.base)), examples)

    def _side(self, name: str, values: dict[Part, np.ndarray], coverage: float, cost: Cost) -> Side:
        ks = self.exam.config.k
        scores = {
            part: Scores(
                name,
                part,
                {f"{metric}@{k}": found for k in ks for metric in METRICS},
                {f"coverage@{k}": coverage for k in ks},
                self.exam.config.resamples,
                0,
                self.exam.questions[part].users,
            )
            for part, found in values.items()
        }
        made = Manifest(
            format_version=1,
            release_id=name,
            created_at=START,
            config={"model": {"als": {"alpha": 1.0}, "of": name}},
            metrics={},
            slices={},
            data={"first": START, "last": CUT, "until": CUT, "events": 3_000, "hash": "h"},
            code_version="1",
            rules_schema=1,
            vocabulary="",
            files={},
        )
        return Side(name, scores, cost, made, made)


@pytest.fixture(scope="session")
def crafted() -> Crafted:
    return Crafted()


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home folder whose path is short enough for a Unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="rs-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables made: that takes seconds, copying it does not."""
    folder = tmp_path_factory.mktemp("mlflow")
    connect(folder)
    return folder / "mlflow.db"


@pytest.fixture
def small_config() -> TrainingConfig:
    return TrainingConfig.model_validate(SMALL)


@pytest.fixture
def steps() -> Steps:
    return Steps(Console(quiet=True))


@pytest.fixture
def shop(home: Path, mlflow_template: Path, small_config: TrainingConfig) -> Iterator[Shop]:
    """A shop with the small log, nothing trained yet."""
    write_shop(home, purchases(), catalogue(), people())
    shutil.copy(mlflow_template, home / "mlflow.db")
    with open_shop(StoreSettings(home=home, redis_url=None), small_config) as opened:
        yield opened


@pytest.fixture(scope="session")
def trained_home(mlflow_template: Path) -> Iterator[Path]:
    """A home folder with one release, live; tests read it or copy it, and never write into it."""
    folder = Path(tempfile.mkdtemp(prefix="rs-"))
    write_shop(folder, purchases(), catalogue(), people())
    shutil.copy(mlflow_template, folder / "mlflow.db")
    with open_shop(
        StoreSettings(home=folder, redis_url=None), TrainingConfig.model_validate(SMALL)
    ) as opened:
        train(opened, Options(), Steps(Console(quiet=True)))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def trained_shop(trained_home: Path, home: Path, small_config: TrainingConfig) -> Iterator[Shop]:
    """A copy of the shop with one live release."""
    shutil.copytree(trained_home, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("valkey.sock"))
    with open_shop(StoreSettings(home=home, redis_url=None), small_config) as opened:
        yield opened
