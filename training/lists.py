"""Lists of a release for the questions of an exam, through the pipeline that serving runs.

Invariants: a history is cut to what serving would see of it; items the release does not know are left out of
it, and what it lists that the log does not know has a code of its own: nobody's truth, but counted.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from recsys.history import History
from recsys.pipeline import Pipeline
from recsys.query import Query
from training.evaluate import Codes, Lists, Scores, measure
from training.exam import Exam, Part
from training.protocol import Questions

__all__ = ["Candidate", "Progress"]

Progress = Callable[[str, int, int], None]
"""(description, done, total)"""


class Candidate:
    """A release that sits an exam; item codes of the two are translated both ways."""

    def __init__(self, folder: Path, exam: Exam) -> None:
        self.pipeline = Pipeline.load(folder)
        self.exam = exam
        self._limit = exam.history_length
        self._starts = exam.history_log.user_slices()
        self._to_release = self.pipeline.vocabulary.encode(exam.log.items.ids)
        self._to_exam = exam.log.items.encode(self.pipeline.vocabulary.ids)
        strangers = self._to_exam < 0
        self._to_exam[strangers] = len(exam.log.items) + np.arange(strangers.sum(), dtype=np.int32)
        self._strangers = self.pipeline.vocabulary.decode(np.flatnonzero(strangers))

    def eligible(self) -> npt.NDArray[np.bool_]:
        """What could be shown at the cut: bool over the exam's codes and the release's further items."""
        mask = np.zeros(max(len(self.exam.log.items), 1 + int(self._to_exam.max(initial=-1))), np.bool_)
        mask[self._to_exam[self.pipeline.catalogue.eligible(self.exam.split.cut)]] = True
        return mask

    def answer(self, progress: Progress) -> Lists:
        """Lists for every part; for `new` the shopper's seen items are excluded."""
        # One search is over in a millisecond; waking other threads for it costs more than it saves.
        with threadpool_limits(1):
            return {part: self._answer_part(part, progress) for part in self.exam.parts}

    def scores(self, system: str, lists: Lists) -> list[Scores]:
        """Figures of its lists."""
        return measure(system, lists, self.exam, self.eligible())

    def item_ids(self, codes: Codes) -> list[str]:
        """Ids of the items of a list, padding left out."""
        known, count = self.exam.log.items, len(self.exam.log.items)
        listed = codes[codes >= 0].tolist()
        return [known[code] if code < count else self._strangers[code - count] for code in listed]

    def _answer_part(self, part: Part, progress: Progress) -> Codes:
        questions, k = self.exam.questions[part], self.exam.longest
        lists = np.full((len(questions), k), -1, np.int32)
        text = f"ask {len(questions)} questions, {part} items"
        for row in range(len(questions)):
            if row and _alike(questions, row):
                lists[row] = lists[row - 1]
            else:
                items = self.pipeline.recommend(self.query(part, row)).items
                lists[row, : len(items)] = self._to_exam[items]
            progress(text, row, len(questions))
        return lists

    def query(self, part: Part, row: int) -> Query:
        """What the pipeline is asked for one question."""
        questions = self.exam.questions[part]
        user = int(questions.users[row])
        return Query(
            as_of=int(questions.as_of[row]),
            num=self.exam.longest,
            history=self._history(user, int(questions.upto[row])),
            attributes=self.exam.attributes.get(self.exam.log.users[user], {}),
            exclude=self._seen(part, row),
        )

    def _history(self, user: int, end: int) -> History:
        log = self.exam.history_log
        rows = slice(max(int(self._starts[user]), end - self._limit), end)
        items = self._to_release[log.item[rows]]
        known = items >= 0
        return History(items[known], log.type[rows][known], log.time[rows][known])

    def _seen(self, part: Part, row: int) -> Codes:
        """What the shopper ever touched, for `new`: longer than the history that is read."""
        if part != "new":
            return np.empty(0, np.int32)
        seen = self.exam.questions[part].seen
        codes = self._to_release[seen.indices[seen.indptr[row] : seen.indptr[row + 1]]]
        return codes[codes >= 0]


def _alike(questions: Questions, row: int) -> bool:
    """Whether a question is the one before it again: the items of one basket are asked about one by one."""
    return bool(
        questions.users[row] == questions.users[row - 1] and questions.upto[row] == questions.upto[row - 1]
    )
