"""What the story shows: marks that are true, and text from a shop that cannot break the terminal's markup."""

import io
from typing import Any

from rich.console import Console

from recsys.types import Item
from serving.demo.screen import Screen, moves
from serving.demo.shoppers import Basket, Household


def screen() -> tuple[Screen, io.StringIO]:
    text = io.StringIO()
    return Screen(Console(file=text, width=160, highlight=False)), text


def item(position: int, title: str, reason: str = "为您精选") -> dict[str, Any]:
    return {
        "item_id": f"i{position}",
        "position": position,
        "attributes": {"title": title, "price": 12.5},
        "reason": {"text": reason},
    }


def test_each_item_says_how_it_got_to_its_place() -> None:
    assert moves(["a", "b", "c", "d"], ["c", "b", "x", "a"]) == {
        "c": "up 2",
        "b": "",
        "x": "new",
        "a": "down 3",
    }


def test_a_list_shows_titles_prices_reasons_and_marks() -> None:
    shown, text = screen()
    shown.items([item(1, "绿茶 200 克"), item(2, "[red]Brackets[/]")], {"i1": "new", "i2": "up 3"})
    lines = text.getvalue().splitlines()
    assert "绿茶 200 克" in lines[1]
    assert "12.50" in lines[1]
    assert "为您精选" in lines[1]
    assert lines[1].rstrip().endswith("new")
    assert "[red]Brackets[/]" in lines[2]
    assert lines[2].rstrip().endswith("up 3")


def test_an_item_without_title_or_price_is_shown_by_its_id() -> None:
    shown, text = screen()
    shown.items(
        [{"item_id": "sku-7", "position": 1, "attributes": {}, "reason": {"text": "Popular right now"}}]
    )
    assert "sku-7" in text.getvalue()


def test_a_household_is_shown_with_its_baskets() -> None:
    shown, text = screen()
    basket = Basket(
        1_767_225_600_000, tuple(Item(item_id=f"i{n}", titles={"zh": f"商品{n}"}) for n in range(9))
    )
    shown.household(Household("7", {"household_size": 3}, 12, frozenset(), frozenset(), (basket,)))
    assert "Household 7: 12 baskets; household size 3" in text.getvalue()
    assert "01 Jan 2026" in text.getvalue()
    assert "商品6 and 2 more" in text.getvalue()


def test_a_hall_is_shown_in_both_languages() -> None:
    shown, text = screen()
    hall = {
        "title": "Weekend kitchen",
        "copy": "Warm oven.",
        "shelves": [{"name": "Sweet", "items": [item(1, "Sugar")]}],
    }
    shown.hall(hall, {"title": "周末厨房", "copy": "热起来的烤箱。"})
    for word in ("Weekend kitchen", "周末厨房", "Warm oven.", "热起来的烤箱。", "Sweet (1)", "Sugar"):
        assert word in text.getvalue()


def test_a_command_to_copy_stays_on_one_line() -> None:
    shown, text = screen()
    command = "curl -d '[1]' " + "x" * 300
    shown.addresses({"The same list from a shell": command})
    assert command in text.getvalue()
