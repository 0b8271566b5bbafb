"""The page of a comparison: whole, safe, readable, and alone."""

import re
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from recsys.errors import InputError
from training.changed import Example, Listed
from training.config import GateConfig
from training.html_report import render, write_report

GATE = GateConfig()
VOID = {"meta", "link", "br", "img", "line", "circle", "rect"}
BAD = '<script>alert("x")</script>'
EXAMPLES = (
    Example(
        question=12,
        overlap=0.25,
        challenger_figure=0.5,
        champion_figure=0.0,
        history=("绿茶3号", BAD),
        challenger=(Listed("龙井 & Co", shared=False, hit=True), Listed("milk", shared=True, hit=False)),
        champion=(Listed("milk", shared=True, hit=False), Listed(BAD, shared=False, hit=False)),
    ),
)


class Outline(HTMLParser):
    """Collects elements and checks that each is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page(crafted: Any) -> str:
    return render(crafted.comparison(old=0.2, new=-0.2, examples=EXAMPLES), GATE)


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    return parser


def test_every_element_is_closed_and_every_id_is_used_once(outline: Outline) -> None:
    assert outline.open == []
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [
        attributes["aria-labelledby"] for _, attributes in outline.tags if "aria-labelledby" in attributes
    ]
    assert set(named) <= set(ids)


def test_nothing_is_fetched_and_nothing_runs(page: str, outline: Outline) -> None:
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in outline.tags}
    assert not any({"src", "href", "onclick"} & attributes.keys() for _, attributes in outline.tags)
    assert "http" not in page
    assert "url(" not in page
    assert "@import" not in page


def test_words_of_a_shop_are_escaped_and_shoppers_have_no_names(page: str, outline: Outline) -> None:
    assert BAD not in page
    assert outline.text().count(BAD) == 2
    assert "龙井 & Co" in outline.text()
    assert "Question 12: 25% in common" in outline.text()
    assert not re.search(r"\b(old|new)\d+\b", page)


def test_the_refusal_and_the_fallen_slice_come_before_the_others(outline: Outline) -> None:
    text = outline.text()
    assert "It would be refused." in text
    assert "slice '1-4 events = new shoppers' (200 shoppers) falls by" in text
    by_slice = text[text.index("worst first") :]
    assert by_slice.index("new shoppers falls") < by_slice.index("5-19 events")


def test_a_release_that_passes_says_so(crafted: Any) -> None:
    assert "Nothing in these figures speaks against it." in render(crafted.comparison(), GATE)


def test_cost_data_and_configuration_of_both_are_told(outline: Outline) -> None:
    text = outline.text()
    for words in (
        "CPU time of a list 1.00 ms 1.00 ms",
        "size on disk 1.0 MiB 1.0 MiB",
        "events 3,000 3,000",
        'model.of "challenger" "champion"',
        "coverage@20 0.4000 0.4000",
        "50% of the items",
    ):
        assert words in text
    assert "model.als.alpha" not in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_readable_in_light_and_dark(page: str, scheme: str) -> None:
    """WCAG 2.1, 1.4.3: text against its background at least 4.5 : 1."""
    light, dark = (
        dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", page, re.S)
    )
    colours = {"light": light, "dark": dark}[scheme]
    assert colours.keys() == light.keys()
    for ink, ground in product(("text", "quiet", "worse", "better", "link"), ("page", "soft")):
        assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)


def test_a_phone_gets_a_page_of_its_width(page: str, outline: Outline) -> None:
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in outline.tags
    inside, tables = [], 0
    for tag, attributes in outline.tags:
        inside.append(attributes.get("class"))
        if tag == "table":
            tables += 1
            assert "wide" in inside[-2:]
    assert tables >= 5


def test_the_page_is_written_where_it_is_asked_for(crafted: Any, tmp_path: Path) -> None:
    path = write_report(crafted.comparison(), GATE, tmp_path / "far" / "报告.html")
    assert path.read_text("utf-8").startswith("<!DOCTYPE html>")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"cannot write .*page\.html"):
        write_report(crafted.comparison(), GATE, tmp_path / "file" / "page.html")


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
