"""Data sets whose questions were published with them: Taobao's held-out purchases, Diginetica's session prefixes.

Both know only an order; the times are made up by the importers, and nothing is asked about them.
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from scipy import sparse

from feature_store.importers.source import find
from recsys.interactions import Interactions
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary
from training.bench.data import FOLDERS, BenchData
from training.bench.problems import Course, Problem, attributes_of, exam_of, range_of
from training.protocol import Questions
from training.split import Split

__all__ = ["diginetica_course", "held_out_purchases", "prefixes_course", "purchases_course", "taobao_course"]

Codes = npt.NDArray[np.int32]
_STEP_MS: Final = 1_000
_SESSION_MS: Final = 120_000
_PURCHASE: Final = EVENT_CODES[EventType.PURCHASE]
_VIEW: Final = EVENT_CODES[EventType.VIEW]


def taobao_course(data: BenchData, datasets: Path) -> Course:
    """The purchases of `test.csv`, one a shopper; what the shopper had bought before is left out of lists."""
    folder, _ = FOLDERS["taobao"]
    return purchases_course(data, held_out_purchases(datasets / folder))


def diginetica_course(data: BenchData, datasets: Path, most: int | None = None) -> Course:
    """The published prefixes (the first `most` of them) and the next item of each."""
    folder, _ = FOLDERS["diginetica"]
    with gzip.open(find(datasets / folder, "diginetica_test.json.gz"), "rt", encoding="utf-8") as file:
        published = json.load(file)
    return prefixes_course(data, published["prefix"][:most], published["target"][:most])


def held_out_purchases(folder: Path) -> Sequence[tuple[str, str]]:
    """(user, item) of every `buy` row of `test.csv`; its views and carts are other rows held out besides."""
    rows = pa_csv.read_csv(find(folder, "test.csv"))
    bought = rows.filter(pc.equal(rows["event"], "buy"))
    users, items = (bought[name].cast(pa.string()).to_pylist() for name in ("user", "item"))
    return list(zip(users, items, strict=True))


def purchases_course(data: BenchData, answers: Sequence[tuple[str, str]]) -> Course:
    """One question for each (user, item) of `answers` whose shopper is in the log."""
    log = _with_items(data.interactions, [item for _, item in answers])
    users = log.users.encode([user for user, _ in answers])
    items = log.items.encode([item for _, item in answers])
    starts = log.user_slices()
    here = (users >= 0) & (np.diff(starts)[users] > 0)
    order = np.argsort(users[here], kind="stable")
    users, items = users[here][order], items[here][order]
    upto = starts[users.astype(np.int64) + 1]
    everything = _times_touched(log)[users]
    bought = _times_touched(log.of_types([EventType.PURCHASE]))[users]
    asked = Questions(
        users,
        upto,
        log.time[upto - 1],
        _one_each(items, len(log.items)),
        everything,
        np.full(len(users), _PURCHASE, np.int8),
    )
    end = log.end + 1
    split = Split("leave_one_out", end, end, log, log.where(np.zeros(len(log), np.bool_)))
    problem = Problem(
        exam_of(data, split, {"new": replace(asked, seen=bought)}, "split"),
        {"new": "held-out purchases"},
        ("ndcg@10", "hr@10", "mrr@10", "ndcg@20"),
        {"new": asked},
    )
    return _course(data, split, problem)


def prefixes_course(data: BenchData, prefixes: Sequence[Sequence[int]], targets: Sequence[int]) -> Course:
    """One question for each prefix, whose shopper did nothing else; the answer is its target."""
    known = data.interactions
    texts = [str(item) for item in chain(chain.from_iterable(prefixes), targets)]
    known = _with_items(known, texts)
    log = _with_sessions(known, [[str(item) for item in prefix] for prefix in prefixes])
    cut = known.end + 1
    users = np.arange(len(known.users), len(log.users), dtype=np.int32)
    upto = log.user_slices()[users.astype(np.int64) + 1]
    asked = Questions(
        users,
        upto,
        log.time[upto - 1],
        _one_each(log.items.encode([str(item) for item in targets]), len(log.items)),
        _times_touched(log)[users],
        np.full(len(users), _VIEW, np.int8),
    )
    split = Split("temporal", cut, log.end + 1, log.before(cut), log.window(cut, log.end + 1))
    exam = exam_of(data, split, {"all": asked}, "next", log)
    metrics = ("mrr@20", "hr@20", "ndcg@20", "hr@10")
    return _course(data, split, Problem(exam, {"all": "published prefixes"}, metrics))


def _course(data: BenchData, split: Split, problem: Problem) -> Course:
    attributes, seen = attributes_of(data), range_of(split.train)
    return Course(data.name, split.train, data.items, attributes, (problem,), seen, real_times=False)


def _with_items(log: Interactions, names: Sequence[str]) -> Interactions:
    """The same rows over a vocabulary that ends with those names it did not hold."""
    strange = sorted({name for name in names if name not in log.items})
    return replace(log, items=Vocabulary((*log.items.ids, *strange))) if strange else log


def _with_sessions(log: Interactions, sessions: Sequence[Sequence[str]]) -> Interactions:
    """The log and, behind it, one new shopper with one session of views for each of `sessions`."""
    lengths = np.array([len(session) for session in sessions], np.int64)
    number = np.repeat(np.arange(len(sessions)), lengths)
    step = np.arange(len(number)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    count, users = (
        len(number),
        Vocabulary((*log.users.ids, *(f"\x00prefix-{at}" for at in range(len(sessions))))),
    )
    columns = (
        np.concatenate((log.user, (len(log.users) + number).astype(np.int32))),
        np.concatenate((log.item, log.items.encode(list(chain.from_iterable(sessions))))),
        np.concatenate((log.type, np.full(count, _VIEW, np.int8))),
        np.concatenate((log.time, log.end + 1 + number * _SESSION_MS + step * _STEP_MS)),
        np.concatenate((log.session, (int(log.session.max(initial=-1)) + 1 + number).astype(np.int32))),
        np.concatenate((log.quantity, np.ones(count, np.float32))),
    )
    return Interactions.sort(users=users, items=log.items, columns=columns)


def _times_touched(rows: Interactions) -> sparse.csr_matrix:
    return rows.user_items(np.ones(len(rows), np.float32))


def _one_each(items: Codes, count: int) -> sparse.csr_matrix:
    ones = np.ones(len(items), np.float32)
    return sparse.csr_matrix((ones, items, np.arange(len(items) + 1)), shape=(len(items), count))
