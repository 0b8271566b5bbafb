"""N-grams of known texts in English and Chinese, and keys that stand for their characters."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.models.ngrams import find_grams, gram_keys, normalise


def spelled(texts: list[str]) -> list[Counter[str]]:
    grams = find_grams(texts)
    rows: list[Counter[str]] = [Counter() for _ in texts]
    for row, start, size in zip(grams.row, grams.start, grams.size, strict=True):
        rows[row][grams.text[start : start + size]] += 1
    return rows


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Blue MUG", " blue mug "),
        ("  蓝色马克杯（３００ｍｌ）", " 蓝色马克杯 300ml "),
        ("T-shirt_XL, 100%", " t shirt xl 100 "),
        ("Straße", " strasse "),
        ("①號", " 1號 "),
        ("!!!", "  "),
        ("", "  "),
        ("half \ud83d pair", " half pair "),
    ],
)
def test_case_width_and_punctuation_make_no_difference(text: str, normal: str) -> None:
    assert normalise(text) == normal


def test_the_ngrams_of_an_english_and_a_chinese_word() -> None:
    mug, cup = spelled(["Mug", "马克杯"])
    assert mug == Counter([" m", "mu", "ug", "g ", " mu", "mug", "ug ", " mug", "mug "])
    assert cup == Counter([" 马", "马克", "克杯", "杯 ", " 马克", "马克杯", "克杯 ", " 马克杯", "马克杯 "])


def test_an_ngram_never_crosses_words_or_texts() -> None:
    rows = spelled(["ab cd", "ef"])
    assert rows[0] == spelled(["ab"])[0] + spelled(["cd"])[0]
    assert rows[1] == spelled(["ef"])[0]


def test_repeats_count_and_a_single_character_counts_with_its_spaces() -> None:
    assert spelled(["杯 杯"])[0] == Counter({" 杯": 2, "杯 ": 2, " 杯 ": 2})


@pytest.mark.parametrize("texts", [[], [""], ["", "!?", "  "]])
def test_texts_without_words_have_no_ngrams(texts: list[str]) -> None:
    assert len(find_grams(texts).key) == 0


@given(st.lists(st.text(max_size=12), max_size=5))
def test_every_occurrence_has_the_key_of_its_spelling(texts: list[str]) -> None:
    grams = find_grams(texts)
    spelling = [grams.text[start : start + size] for start, size in zip(grams.start, grams.size, strict=True)]
    np.testing.assert_array_equal(gram_keys(spelling), grams.key)
    assert len(set(grams.key.tolist())) == len(set(spelling))


@given(st.lists(st.text(max_size=12), min_size=1, max_size=5))
def test_texts_together_have_the_ngrams_of_each_alone(texts: list[str]) -> None:
    assert spelled(texts) == [spelled([text])[0] for text in texts]


def test_keys_are_the_same_in_every_process() -> None:
    assert gram_keys(["mu", "mug", "马克杯 "]).tolist() == [
        11726403975907264232,
        8499937778258024288,
        3028649624504981722,
    ]
