"""The verb `bench retrieval`: what the vector indexes of a release find behind filters, and how fast."""

import json as plain_json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from recsys.pipeline import Pipeline
    from recsys.retrieval.filtered_recall import FilteredSearch

__all__ = ["retrieval"]

retrieval = typer.Typer(add_completion=False, help="Measure what vector searches find behind filters.")

_SHOPPERS: Final = 400
_QUESTIONS: Final = 100
_INDEXES: Final = {"taste": "als", "alike": "embedding"}
"""Folder by the source that asks."""


@retrieval.command("retrieval")
def run_retrieval(
    json: Annotated[Path, typer.Option(metavar="OUT", help="Write the table there.")],
    release: Annotated[list[Path], typer.Option(metavar="FOLDER", help="A sealed release; repeatable.")],
) -> None:
    """Recall@100 and CPU time of searches that 100, 50, 10, 1 and 0.1 % of the items pass, on shoppers' questions."""
    from rich.console import Console
    from rich.table import Table

    table = Table("index", "items", "passes", "lies", "planned", "recall@100", "µs", "µs usual depth")
    found = []
    for folder in release:
        for name, row in _rows(folder):
            found.append({"release": folder.name, "source": name, **asdict(row)})
            table.add_row(
                f"{name} ({row.kind})",
                f"{row.items:,}",
                f"{row.allowed:,}",
                "together" if row.together else "at random",
                row.search,
                f"{row.recall:.4f}",
                f"{row.microseconds:.0f}",
                f"{row.usual_microseconds:.0f}",
            )
    Console().print(table)
    json.write_text(plain_json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _rows(folder: Path) -> "Iterator[tuple[str, FilteredSearch]]":
    from recsys.arrays import load_array
    from recsys.pipeline import Pipeline
    from recsys.retrieval.faiss_index import FaissIndex
    from recsys.retrieval.filtered_recall import filtered_searches

    asked = _asked(folder, Pipeline.load(folder))
    for source, part in _INDEXES.items():
        index = FaissIndex.load(folder / part / "index")
        vectors = load_array(folder / part / "index", "vectors")
        for row in filtered_searches(vectors, index, asked[source], time.thread_time):
            yield source, row


def _asked(folder: Path, pipeline: "Pipeline") -> "dict[str, npt.NDArray[np.float32]]":
    """Queries float32[q, d] of made-up shoppers of a release, by the source that asks."""
    import numpy as np

    from recsys.history import History
    from recsys.query import Query
    from recsys.retrieval.alike import AlikeItems
    from recsys.types import EVENT_CODES
    from serving.bench.people import draw_people

    now = pipeline.reader.known_until
    (alike,) = (source for source in pipeline.sources if isinstance(source, AlikeItems))
    vectors: list[npt.NDArray[np.float32]] = []
    mixed: list[npt.NDArray[np.float32]] = []
    for person in draw_people(folder, _SHOPPERS, 0, now).shoppers:
        kinds = np.array([EVENT_CODES[kind] for kind in person.kinds], np.int8)
        history = History(np.array(person.items, np.int32), kinds, np.array(person.times, np.int64))
        taste = pipeline.reader.read(Query(as_of=now, history=history))
        query = alike.query(taste)
        if taste.vector is not None and query is not None:
            vectors.append(taste.vector)
            mixed.append(query)
    return {"taste": np.stack(vectors[:_QUESTIONS]), "alike": np.stack(mixed[:_QUESTIONS])}
