"""Who is who at a given time: merges of shoppers, resolved transitively. Pure values, no database.

Edges are never applied to stored events; they are resolved when events are read, so undoing a merge is one
more fact about an edge (`undone_at`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Edge", "IdentityEdge", "resolve"]


class Edge(Protocol):
    """What resolution needs to know of a merge; a database row has these attributes."""

    @property
    def from_id(self) -> str:
        """The id that was merged."""

    @property
    def into_id(self) -> str:
        """The id it stands for since."""

    @property
    def at(self) -> int:
        """When, ms since the epoch."""

    @property
    def undone_at(self) -> int | None:
        """When the merge was taken back, None while it holds."""


@dataclass(frozen=True, slots=True)
class IdentityEdge:
    """`from_id` (a session, a channel's id) is the shopper `into_id`, from `at` until `undone_at`."""

    from_id: str
    into_id: str
    at: int
    undone_at: int | None = None


def resolve(edges: Iterable[Edge], as_of: int | None = None) -> Mapping[str, str]:
    """Merged id → final id as of a time (None: now). Of several edges from one id the latest counts.

    A cycle ends at the id where it would close, so that every member of it resolves to one and the same id.
    """
    held = [edge for edge in edges if _holds(edge, as_of)]
    into = {edge.from_id: edge.into_id for edge in sorted(held, key=lambda edge: edge.at)}
    return {start: end for start in into if (end := _end(start, into)) != start}


def _holds(edge: Edge, as_of: int | None) -> bool:
    if as_of is None:
        return edge.undone_at is None
    return edge.at <= as_of and (edge.undone_at is None or edge.undone_at > as_of)


def _end(start: str, into: Mapping[str, str]) -> str:
    path = [start]
    while (following := into.get(path[-1])) is not None:
        if following in path:
            return min(path[path.index(following) :])
        path.append(following)
    return path[-1]
