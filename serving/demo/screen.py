"""What the story looks like in a terminal: plain tables, both languages, one colour for what is new."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from serving.demo.shoppers import Basket, Household

__all__ = ["Screen", "moves"]

_WIDE: Final = 46
_SHOWN_ITEMS: Final = 7


def moves(before: Sequence[str], after: Sequence[str]) -> dict[str, str]:
    """Return for each id of `after` how it got there: "new", "up 3", "down 1", or "" for the same place."""
    places = {item_id: place for place, item_id in enumerate(before)}
    told = {}
    for place, item_id in enumerate(after):
        step = places.get(item_id, place) - place
        if item_id not in places:
            told[item_id] = "new"
        elif step:
            told[item_id] = f"up {step}" if step > 0 else f"down {-step}"
        else:
            told[item_id] = ""
    return told


class Screen:
    """Writes the story to a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def step(self, number: int, title: str) -> None:
        """Open a chapter."""
        self._console.print()
        self._console.rule(f"[bold]{number}. {escape(title)}", align="left")

    def line(self, text: str) -> None:
        """One plain line."""
        self._console.print(escape(text), soft_wrap=True)

    def took(self, seconds: float) -> None:
        """How long a chapter took."""
        self._console.print(f"[dim]done in {seconds:.1f} s")

    def failed(self, step: str, reason: str) -> None:
        """The last line of a story that went wrong."""
        self._console.print(f"[bold red]step {step!r} failed:[/] {escape(reason)}", soft_wrap=True)

    def household(self, home: Household) -> None:
        """Who it is about, and what it bought last."""
        traits = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in home.attributes.items())
        self.line(
            f"Household {home.user_id}: {home.baskets} baskets; {traits or 'nothing told about itself'}"
        )
        table = Table("last baskets", "bought", box=None, pad_edge=False)
        for basket in home.last:
            table.add_row(_day(basket.at), escape(_contents(basket)))
        self._console.print(table)

    def items(self, items: Iterable[Mapping[str, Any]], marks: Mapping[str, str] | None = None) -> None:
        """A list as a shopper would see it, with `marks` beside the items that moved."""
        table = Table("", "item", "price", "why", box=None, pad_edge=False)
        if marks is not None:
            table.add_column("")
        for item in items:
            mark = (marks or {}).get(item["item_id"], "")
            row = [str(item["position"]), *_words(item)]
            row += [] if marks is None else [f"[bold green]{mark}" if mark == "new" else f"[cyan]{mark}"]
            table.add_row(*row)
        self._console.print(table)

    def hall(self, hall: Mapping[str, Any], translated: Mapping[str, Any]) -> None:
        """A scenario hall with its shelves, its words in two languages."""
        copy = f"{escape(hall['copy'])}\n{escape(translated['copy'])}"
        title = f"[bold]{escape(hall['title'])}  {escape(translated['title'])}"
        self._console.print(Panel(copy, title=title, expand=False))
        table = Table("shelf", "first items", box=None, pad_edge=False)
        for shelf in hall["shelves"]:
            first = "; ".join(_short(item) for item in shelf["items"][:3])
            table.add_row(f"{escape(shelf['name'])} ({len(shelf['items'])})", escape(first))
        self._console.print(table)

    def addresses(self, rows: Mapping[str, str]) -> None:
        """Where to go on; printed so that each command can be copied as one line."""
        self._console.print()
        for name, value in rows.items():
            self._console.print(f"[bold]{escape(name)}[/]")
            self._console.print(f"  {escape(value)}", soft_wrap=True)


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%d %b %Y")


def _contents(basket: Basket) -> str:
    titles = [next(iter(item.titles.values()), item.item_id) for item in basket.items]
    more = len(titles) - _SHOWN_ITEMS
    return "; ".join(titles[:_SHOWN_ITEMS]) + (f" and {more} more" if more > 0 else "")


def _short(item: Mapping[str, Any]) -> str:
    return str(item["attributes"].get("title", item["item_id"]))


def _words(item: Mapping[str, Any]) -> tuple[str, str, str]:
    price = item["attributes"].get("price")
    title = _short(item)
    cut = title if len(title) <= _WIDE else f"{title[: _WIDE - 1]}…"
    return escape(cut), "" if price is None else f"{price:.2f}", escape(item["reason"]["text"])
