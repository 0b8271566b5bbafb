"""`recsys recommend`: opens the release and what is known of shoppers, and writes the lists."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from feature_store.identity_edges import resolve
from recsys.errors import InputError
from recsys.interactions import Interactions
from recsys.pipeline import Pipeline
from recsys.query import Slot
from recsys.release import read_manifest
from training.dataset import read_interactions
from training.recommend import BatchLists, Shoppers, StoredHistories, write_lists
from training.requests import Request, read_histories, read_users
from training.resources import Shop

__all__ = ["Batch", "recommend"]


@dataclass(frozen=True)
class Batch:
    """What the command line asks for."""

    users: Path | None
    histories: Path | None
    out: Path
    k: int
    exclude_seen: bool
    release: str | None
    as_of: int | None
    """The clock (ms) of requests that bring none; None: the end of what is known."""
    slot: Slot = "any"


def recommend(shop: Shop, batch: Batch, console: Console) -> tuple[int, int]:
    """Write the lists; return how many queries and rows there were.

    Raises InputError for a wrong file, UnknownReleaseError without a release.
    """
    requests = _requests(batch)
    folder = shop.release_folder(batch.release)
    log = read_interactions(shop.offline, batch.as_of) if batch.users is not None else None
    lists = BatchLists(
        pipeline=Pipeline.load(folder),
        shoppers=_shoppers(shop),
        stored=None if log is None else StoredHistories(log),
        clock=_clock(batch, folder, log),
        history_length=shop.settings.history_length,
        k=batch.k,
        exclude_seen=batch.exclude_seen,
        slot=batch.slot,
    )
    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("write lists", total=None)
        return write_lists(lists, requests, batch.out, lambda done: bar.update(task, completed=done))


def _requests(batch: Batch) -> Iterator[Request]:
    if batch.users is not None and batch.histories is None:
        return read_users(batch.users)
    if batch.histories is not None and batch.users is None:
        return read_histories(batch.histories)
    raise InputError("say for whom: either --users FILE or --histories FILE")


def _shoppers(shop: Shop) -> Shoppers:
    users = shop.offline.users()
    return Shoppers(
        attributes={user.user_id: user.attributes for user in users if user.attributes},
        refused={user.user_id for user in users if not user.consent.personalize},
        merged=resolve(shop.edges),
    )


def _clock(batch: Batch, folder: Path, log: Interactions | None) -> int:
    """The end of what the release and the log know: of a running shop that is now, of an old log it is then."""
    if batch.as_of is not None:
        return batch.as_of
    until = read_manifest(folder).data.get("until")
    known = until if isinstance(until, int) else 0
    return known if log is None else max(known, log.end + 1)
