"""Neither fake buyers, nor a campaign, nor what was given back bends what the models say of a shop."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy.stats import spearmanr

from recsys.config import ReleaseConfig
from recsys.fitting import Material, fit_sources
from recsys.history import History
from recsys.interactions import Interactions
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.testing import Shop, ShopSize, build_shop
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary
from recsys.weights import DAY_MS

BUY, RETURN = EVENT_CODES[EventType.PURCHASE], EVENT_CODES[EventType.RETURN]
LIST = 20
FAKES = 5
"""Half a per cent of the shoppers."""
MINUTE = 60_000
Fit = Callable[[Interactions], Pipeline]


@pytest.fixture(scope="module")
def shop() -> Shop:
    return build_shop(seed=11, size=ShopSize(users=1000, items_per_group=100, sessions_per_user=5))


@pytest.fixture(scope="module")
def fit(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """All sources of a log over the shop's items."""

    def fitted(log: Interactions) -> Pipeline:
        folder = tmp_path_factory.mktemp("sources")
        fit_sources(Material(log, shop.items, {}), ReleaseConfig(), folder, seed=1)
        return Pipeline.load(folder)

    return fitted


@pytest.fixture(scope="module")
def honest(shop: Shop, fit: Fit) -> Pipeline:
    return fit(shop.interactions)


def with_rows(log: Interactions, rows: Sequence[tuple[str, int, int, int, int]]) -> Interactions:
    """The log and rows of (shopper, item code, type code, time, session), sessions counted from 0."""
    names, item, kind, time, session = zip(*rows, strict=True)
    users = Vocabulary(dict.fromkeys([*log.users.ids, *names]))
    added = (
        users.encode(names),
        np.array(item, np.int32),
        np.array(kind, np.int8),
        np.array(time, np.int64),
        np.array(session, np.int32) + int(log.session.max()) + 1,
        np.ones(len(rows), np.float32),
    )
    known = (log.user, log.item, log.type, log.time, log.session, log.quantity)
    columns = tuple(np.concatenate(pair) for pair in zip(known, added, strict=True))
    return Interactions.sort(users=users, items=log.items, columns=columns)


def pushed_items(shop: Shop) -> np.ndarray:
    """Three items that hardly anybody wants."""
    touched = np.bincount(shop.interactions.item, minlength=len(shop.items))
    touched[shop.planted.rising] = 0
    return np.flatnonzero(touched)[np.argsort(touched[touched > 0], kind="stable")[:3]]


def fake_purchases(shop: Shop, pushed: np.ndarray, per_day: int = 10) -> list[tuple[str, int, int, int, int]]:
    """Each fake buys the pushed items beside the shop's best ones, ten orders a day for a month."""
    best = np.argsort(-shop.planted.popularity)[:30]
    generator = np.random.default_rng(0)
    rows, session = [], 0
    for fake in range(FAKES):
        for order in range(30 * per_day):
            time = shop.end - 30 * DAY_MS + order * (DAY_MS // per_day) + fake * MINUTE
            beside = generator.choice(best, 2, replace=False)
            bought = (*beside.tolist(), *pushed.tolist())
            rows.extend((f"fake{fake}", int(item), int(BUY), time, session) for item in bought)
            session += 1
    return rows


@pytest.fixture(scope="module")
def cheated(shop: Shop, fit: Fit) -> Pipeline:
    return fit(with_rows(shop.interactions, fake_purchases(shop, pushed_items(shop))))


@pytest.mark.parametrize("name", ["sessions", "together", "linked", "taste"])
def test_fake_buyers_bring_their_items_near_nothing_that_real_shoppers_look_at(
    name: str, shop: Shop, honest: Pipeline, cheated: Pipeline
) -> None:
    """Items of two in a hundred events may show one more of them: who really bought them counts too."""
    pushed = pushed_items(shop)
    real = np.setdiff1d(np.unique(shop.interactions.item), pushed)
    lists = [
        {
            int(item): proposals(pipeline, name, Query(as_of=shop.end, related=np.array([item], np.int32)))
            for item in real
        }
        for pipeline in (honest, cheated)
    ]
    before, after = ([item for item in real if np.isin(pushed, found[int(item)]).any()] for found in lists)
    bent = np.setdiff1d(after, before)
    assert looked_at(shop, bent) < 0.02, bent


def looked_at(shop: Shop, items: np.ndarray) -> float:
    """Share of all events that are about some items."""
    return float(np.isin(shop.interactions.item, items).mean())


def proposals(pipeline: Pipeline, name: str, query: Query) -> np.ndarray:
    source = next(source for source in pipeline.sources if source.name == name)
    everything = np.ones(len(pipeline.catalogue), bool)
    return source.read(pipeline.reader.read(query)).top(LIST, everything)


def test_fake_buyers_do_not_make_a_trend(shop: Shop, cheated: Pipeline) -> None:
    order = cheated.trending.order
    assert not np.isin(pushed_items(shop), order[:LIST]).any()


def test_no_list_of_a_real_shopper_shows_what_fakes_push(shop: Shop, cheated: Pipeline) -> None:
    pushed, log = pushed_items(shop), shop.interactions
    bought = np.unique(log.user[np.isin(log.item, pushed)])
    asked = [user for user in range(0, 1000, 10) if user not in bought]
    shown = []
    for user in asked:
        rows = next(log.per_user([user]))
        history = History(log.item[rows], log.type[rows], log.time[rows])
        shown.append(cheated.recommend(Query(as_of=shop.end, history=history, num=LIST)).items)
    assert np.isin(np.concatenate(shown), pushed).mean() < 0.001


def with_campaign(shop: Shop, days_ago: int = 10) -> Interactions:
    """Twenty times a day's purchases on one day: every shopper may come, and two baskets in three hold deals."""
    log, generator = shop.interactions, np.random.default_rng(1)
    usual = (log.type == BUY).sum() / 60
    popular = np.flatnonzero(shop.planted.popularity)
    deals = generator.choice(popular, 30, replace=False)
    weights = shop.planted.popularity[popular] / shop.planted.popularity.sum()
    rows = []
    for session in range(round(20 * usual / 3)):
        user = log.users[int(generator.integers(1000))]
        time = shop.end - days_ago * DAY_MS + int(generator.integers(DAY_MS))
        basket = generator.choice(deals, 3) if session % 3 else generator.choice(popular, 3, p=weights)
        rows += [(user, int(item), int(BUY), time, session) for item in set(basket.tolist())]
    return with_rows(log, rows)


@pytest.fixture(scope="module")
def after_campaign(shop: Shop, fit: Fit) -> Pipeline:
    return fit(with_campaign(shop))


def test_a_campaign_day_does_not_wreck_what_is_popular_afterwards(
    honest: Pipeline, after_campaign: Pipeline
) -> None:
    usual, now = honest.trending, after_campaign.trending
    assert spearmanr(usual.scores, now.scores).statistic > 0.95
    assert np.isin(usual.order[:LIST], now.order[:LIST]).mean() >= 0.8
    popularity = [pipeline.table.stats.table[:, 0] for pipeline in (honest, after_campaign)]
    assert spearmanr(*popularity).statistic > 0.9  # thirty items did win two hundred shoppers each


def test_a_campaign_day_leaves_purchase_cycles_and_rates_as_they_were(
    honest: Pipeline, after_campaign: Pipeline
) -> None:
    usual, now = honest.table.repeats, after_campaign.table.repeats
    known = usual.cycle_days > 0
    change = np.abs(np.log(now.cycle_days[known] / usual.cycle_days[known]))
    assert known.any()
    assert np.quantile(change, 0.9) < np.log(1.15)
    assert np.abs(now.rate - usual.rate).max() < 0.05


@pytest.mark.parametrize("name", ["together", "sessions", "linked"])
def test_a_campaign_day_leaves_what_goes_together_as_it_was(
    name: str, shop: Shop, honest: Pipeline, after_campaign: Pipeline
) -> None:
    seen = np.bincount(shop.interactions.item, minlength=len(shop.items))
    kept = []
    for item in np.flatnonzero(seen >= 50).tolist():
        query = Query(as_of=shop.end, related=np.array([item], np.int32))
        usual, now = (proposals(pipeline, name, query)[:10] for pipeline in (honest, after_campaign))
        kept.append(np.isin(usual, now).mean())
    assert np.mean(kept) > 0.8


def test_a_purchase_that_came_back_is_no_reason_to_recommend_it(shop: Shop, fit: Fit) -> None:
    """A crowd buys one item with a popular one and sends it back: to all models it is as if nobody had."""
    log = shop.interactions
    returned, beside = (int(code) for code in (pushed_items(shop)[0], np.argmax(shop.planted.popularity)))
    rows = []
    for number in range(200):
        user, time = log.users[number], shop.end - 5 * DAY_MS + number * MINUTE
        rows += [(user, item, int(BUY), time, number) for item in (returned, beside)]
    kept = with_rows(log, rows)
    back = [
        (user, item, int(RETURN), time + 2 * DAY_MS, -1)
        for user, item, _, time, _ in rows
        if item == returned
    ]
    standing, undone = fit(kept), fit(with_rows(kept, back))
    places = [int(np.flatnonzero(pipeline.trending.order == returned)[0]) for pipeline in (standing, undone)]
    assert places[0] < LIST < places[1]
    query = Query(as_of=shop.end, related=np.array([beside], np.int32))
    for name in ("together", "sessions", "linked", "taste"):
        assert returned in proposals(standing, name, query), name
        assert returned not in proposals(undone, name, query), name
    assert standing.table.stats.table[returned, 0] > 0
