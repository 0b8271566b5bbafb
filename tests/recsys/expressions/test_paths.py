import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.expressions.paths import (
    EDGE_PATTERN,
    SEPARATOR_PATTERN,
    is_under,
    join_segments,
    path_key,
    segments,
)

raw_paths = st.text(st.sampled_from("a家 >\t\n\u3000\u00a0"), max_size=12)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Home > Kitchen", ("Home", "Kitchen")),
        ("家居　>　厨房", ("家居", "厨房")),
        (" > Home >> Big Mugs > ", ("Home", "Big Mugs")),
        ("", ()),
        (" >　", ()),
    ],
)
def test_a_path_splits_into_segments_without_white_space(path: str, expected: tuple[str, ...]) -> None:
    assert segments(path) == expected


@pytest.mark.parametrize(
    ("path", "ancestor", "expected"),
    [
        ("Home > Kitchen", "Home", True),
        ("Home", "Home", True),
        ("Homeware", "Home", False),
        ("Home", "Home > Kitchen", False),
        ("home", "Home", False),
        ("Home", "", False),
    ],
)
def test_under_compares_whole_segments(path: str, ancestor: str, expected: bool) -> None:
    assert is_under(path, ancestor) is expected


@given(raw_paths)
def test_writing_the_segments_again_gives_the_same_path(path: str) -> None:
    assert segments(join_segments(segments(path))) == segments(path)


@given(raw_paths)
def test_the_portable_patterns_give_the_same_key(path: str) -> None:
    edge = EDGE_PATTERN.replace(r"\z", r"\Z")
    assert re.sub(SEPARATOR_PATTERN, ">", re.sub(edge, "", path)) == path_key(path)
