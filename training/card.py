"""What a reader of a release should know without opening it: the code it came from, and its model card."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from feature_store.offline import DataRange
from training.figures import Evaluation, asked_of, format_interval
from training.split import day

__all__ = ["code_version", "model_card"]

_DISTRIBUTION: Final = "recsys-shop"


def code_version(checkout: Path = Path(__file__).parents[1]) -> str:
    """The package's version, and `git describe` of the checkout where the code runs from one."""
    try:
        package = version(_DISTRIBUTION)
    except PackageNotFoundError:
        package = "uninstalled"
    described = _describe(checkout)
    return f"{package} ({described})" if described else package


def model_card(data: DataRange, items: int, shoppers: int, evaluation: Evaluation | None) -> str:
    """Markdown: what it is for, what it learned from, how good it is, what it must not be used for."""
    first, last = (day(time) if time is not None else "–" for time in (data.first, data.last))
    learned = (
        f"**Learned from**: {data.events:,} events of {shoppers:,} shoppers and sessions, {first} to {last} "
        f"(hash {data.hash}); {items:,} items. Shoppers who refused training are not in it."
    )
    limits = (
        "**Limits**: it repeats what shoppers did, so what was never shown or stocked is under-represented; "
        "new items are placed by their text and category alone until somebody touches them."
    )
    purpose = "**For**: lists of items for shoppers and related items, on this shop's own storefront."
    holds = "**Holds**: items only; a shopper is read from recent events and attributes when a list is made."
    return "\n\n".join(["# Model card", purpose, learned, holds, *_figures(evaluation), limits])


def _figures(evaluation: Evaluation | None) -> list[str]:
    if evaluation is None:
        return ["**Measured**: not at all; it was trained without an evaluation."]
    exam, metric = evaluation.exam, evaluation.headline()
    asked = asked_of(exam.questions["all"])
    when = (
        "one event of each held out"
        if exam.split.protocol == "leave_one_out"
        else f"from {day(exam.split.cut)} on"
    )
    rows = [
        f"| {system} | {format_interval(evaluation.of(system, 'all').interval(metric))} "
        f"| {format_interval(evaluation.of(system, 'new').interval(metric))} |"
        for system in evaluation.systems()
    ]
    table = [f"| {metric} | all items | new items |", "|---|---|---|", *rows]
    return [f"**Measured** on {asked}, {when}:", "\n".join(table)]


def _describe(checkout: Path) -> str:
    """`git describe`, or nothing where there is no checkout or no git."""
    if not (checkout / ".git").exists():
        return ""
    try:
        told = subprocess.run(
            ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--tags"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip()
