"""Asks the log what it teaches: how fast interest fades, which questions it holds, what order they ask for.

Invariant: sources that answer a question were fitted on rows before the label window (or without the rows held out);
they are thrown away afterwards.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from recsys.config import ReleaseConfig
from recsys.examples import collect
from recsys.fading import DEFAULT, FADINGS, choose_fading
from recsys.fitting import Material, Step, fit_sources, wants_anything
from recsys.interactions import Interactions
from recsys.labels import (
    HISTORY_LENGTH,
    Question,
    held_out_questions,
    hold_out,
    label_start,
    opening_questions,
    questions,
)
from recsys.pipeline import Pipeline
from recsys.profile import Profile
from recsys.ranking.learning import Example, Lesson, learn
from recsys.weights import Fading

__all__ = ["Earlier", "Teacher"]

_LEAST_LOG: Final = 0.3
"""Share of the log's rows that must lie before a label window: less is another shop."""


@dataclass(frozen=True)
class Earlier:
    """A folder of sources that know nothing at or after `cut` (ms)."""

    folder: Path
    cut: int


@dataclass(frozen=True)
class Teacher:
    """One log and the configuration it is read with."""

    material: Material
    config: ReleaseConfig
    seed: int
    step: Step

    @property
    def log(self) -> Interactions:
        """The rows."""
        return self.material.interactions

    def choose(self) -> tuple[ReleaseConfig, tuple[str, ...]]:
        """The configuration with what it leaves open chosen from the log, and why."""
        with self.step("look at the log"):
            profile = Profile.of(self.log).sentence()
            if self.config.retrieval.own_fading is not None:
                return self.config, (profile,)
            fading, said = self._fading()
        retrieval = self.config.retrieval.model_copy(update={"own_fading": fading})
        return self.config.model_copy(update={"retrieval": retrieval}), (profile, said)

    def _fading(self) -> tuple[Fading, str]:
        """How fast own items fade, and the sentence that says why."""
        if not self.material.real_times:  # ages that mean nothing can choose nothing
            return DEFAULT, f"own items fade by {DEFAULT}, the default: times are made up"
        start = label_start(self.log, self.config.ranker.label_days)
        fading, figures = choose_fading(self.log, start, self.config.behaviour, self.seed)
        why = ", ".join(f"{law}: {figure:.3f}" for law, figure in zip(FADINGS, figures, strict=True))
        said = f"own items fade by {fading} (sum of 1 / rank of the own items wanted from then on by {why})"
        return fading, said

    def teach(
        self, config: ReleaseConfig, folder: Path, earlier: Earlier | None, impressions: Sequence[Example]
    ) -> tuple[Lesson | None, str]:
        """The ranker's lesson, or None; and a sentence that says which stage of a shop's life this is."""
        if not config.ranker.enabled:
            return None, "order: own items first, as configured"
        examples = [*impressions]
        for found in self._windows(config, folder, earlier):
            examples += found
            if len(examples) >= config.ranker.queries / 2:
                break
        if len(examples) < config.ranker.least_queries:
            return None, (
                f"order: own items first; {len(examples)} answered questions teach no ranker, "
                f"{config.ranker.least_queries} would"
            )
        if len({example.user for example in examples}) < 2:
            return None, "order: own items first; one shopper's questions leave nobody to measure a ranker on"
        with self.step("ranker (LambdaRank)"):
            lesson = learn(examples, config.ranker, self.seed)
        return self._judged(lesson, len(impressions))

    def _judged(self, lesson: Lesson, impressions: int) -> tuple[Lesson | None, str]:
        figures = f"NDCG@20 {lesson.ndcg:.4f} against {lesson.ndcg_rule:.4f} of the own-first rule"
        if lesson.ndcg < lesson.ndcg_rule:
            return None, f"order: own items first; a ranker was worse on shoppers held out ({figures})"
        kind = "next events" if self.material.real_times else "events held out"
        kind = f"impressions and {kind}" if impressions else kind
        return (
            lesson,
            f"order: learned from {lesson.questions:,} questions of {kind} ({figures}, shoppers held out)",
        )

    def _windows(
        self, config: ReleaseConfig, folder: Path, earlier: Earlier | None
    ) -> Iterator[list[Example]]:
        """Examples of one label window after the other, the latest first."""
        if not self.material.real_times:
            yield self._held_out(config, folder)
            return
        log, reuse = self.log, earlier
        for _ in range(config.ranker.windows):
            start = label_start(log, config.ranker.label_days) if reuse is None else reuse.cut
            known = log.before(start)
            if len(known) < _LEAST_LOG * len(self.log) or not wants_anything(known, config):
                return
            with self._sources(config, known, folder, reuse) as pipeline:
                rows = log.over(pipeline.vocabulary)
                yield self._examples(config, pipeline, self._questions(rows, start, config))
            log, reuse = known, None

    def _held_out(self, config: ReleaseConfig, folder: Path) -> list[Example]:
        held = hold_out(self.log, config.ranker.queries, self.seed)
        known = self.log.where(~held)
        if not wants_anything(known, config):
            return []
        with self._sources(config, known, folder, None) as pipeline:
            return self._examples(config, pipeline, held_out_questions(self.log, held, HISTORY_LENGTH))

    def _questions(self, rows: Interactions, start: int, config: ReleaseConfig) -> Iterator[Question]:
        ranker = config.ranker
        openings = round(ranker.queries * ranker.openings)
        how = (ranker.queries_per_shopper, HISTORY_LENGTH, self.seed)
        yield from questions(rows, start, ranker.queries - openings, *how)
        yield from opening_questions(rows, start, openings, *how)

    def _examples(
        self, config: ReleaseConfig, pipeline: Pipeline, asked: Iterable[Question]
    ) -> list[Example]:
        return collect(pipeline, asked, self.log.users, self.material.attributes, config.ranker, self.seed)

    @contextmanager
    def _sources(
        self, config: ReleaseConfig, rows: Interactions, folder: Path, reuse: Earlier | None
    ) -> Iterator[Pipeline]:
        """A pipeline that knows `rows` only; reused sources keep the fading that was chosen for this log."""
        if reuse is None:
            material = replace(self.material, interactions=rows)
            fit_sources(
                material,
                config,
                folder,
                seed=self.seed,
                step=lambda name: self.step(f"for the ranker's questions: {name}"),
            )
        pipeline = Pipeline.load(folder if reuse is None else reuse.folder)
        reader = replace(pipeline.reader, config=config)
        try:
            with self.step("questions for the ranker"):
                yield replace(pipeline, reader=reader, config=config)
        finally:
            if reuse is None:
                shutil.rmtree(folder)
