"""`recsys data simulate`: a shop with known truth, written as files that `recsys data ingest` takes."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["simulate"]


def simulate(
    out: Annotated[Path, typer.Option(help="New folder for events/, items, users and truth/.")],
    users: Annotated[int, typer.Option(min=1, help="Registered shoppers.")] = 10_000,
    items: Annotated[int, typer.Option(min=60, help="Products.")] = 2_000,
    events: Annotated[int, typer.Option(min=0, help="Events to aim at, within a few per cent.")] = 500_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
) -> None:
    """Simulate a shop: sessions, prices, seasons, a campaign day, cold items and shoppers, fake buyers."""
    # Imported late: `recsys data --help` should not load numpy and pyarrow.
    from feature_store.simulator import Simulation
    from feature_store.simulator import simulate as run

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task("simulating days", total=None)
        summary = run(
            Simulation(users=users, items=items, events=events, seed=seed),
            out,
            progress=lambda done, days, _: bars.update(task, completed=done, total=days),
        )
    typer.echo(
        f"{summary.events:,} events in {summary.sessions:,} sessions of {summary.users:,} shoppers "
        f"and {summary.items:,} items in {out}"
    )
    typer.echo(
        f"next: recsys data ingest --events {out / 'events'} --items {out / 'items.parquet'} "
        f"--users {out / 'users.parquet'}"
    )
