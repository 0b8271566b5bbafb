"""Texts that mean alike lie close, in English and in Chinese; the model is the same for a seed and on disk."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recsys.arrays import save_arrays
from recsys.errors import InputError, ReleaseCorrupt
from recsys.models.terms import Terms
from recsys.models.text import TextConfig, TextModel, describe
from recsys.types import Item

ADJECTIVES = {
    "en": ["blue", "white", "large", "small", "classic", "modern", "vintage", "bright", "round", "light"],
    "zh": ["蓝色", "白色", "大号", "小号", "经典", "现代", "复古", "亮面", "圆形", "轻便"],
}
PRODUCTS = {
    "en": {
        "mug": ["ceramic mug", "coffee mug with handle"],
        "lamp": ["desk lamp", "reading lamp led"],
        "shoe": ["running shoes", "trail running shoes"],
    },
    "zh": {
        "mug": ["陶瓷马克杯", "带把手咖啡马克杯"],
        "lamp": ["护眼台灯", "阅读台灯LED"],
        "shoe": ["透气跑步鞋", "越野跑步鞋"],
    },
}
JOIN = {"en": " ", "zh": ""}


def shop(language: str) -> tuple[list[str], list[str]]:
    """Titles in one language, and what each is."""
    rows = [
        (JOIN[language].join([adjective, name]), kind)
        for kind, names in PRODUCTS[language].items()
        for name in names
        for adjective in ADJECTIVES[language]
    ]
    return [title for title, _ in rows], [kind for _, kind in rows]


@pytest.fixture(scope="module")
def titles() -> list[str]:
    return shop("en")[0] + shop("zh")[0]


@pytest.fixture(scope="module")
def kinds() -> list[str]:
    return [f"{language} {kind}" for language in ("en", "zh") for kind in shop(language)[1]]


@pytest.fixture(scope="module")
def model(titles: list[str]) -> TextModel:
    return TextModel.fit(titles, seed=5)


@pytest.mark.parametrize("kind", ["en mug", "en lamp", "en shoe", "zh mug", "zh lamp", "zh shoe"])
def test_the_nearest_neighbours_of_a_title_are_the_same_thing_in_its_language(
    model: TextModel, titles: list[str], kinds: list[str], kind: str
) -> None:
    vectors = model.encode(titles)
    own = [row for row, other in enumerate(kinds) if other == kind]
    nearest = np.argsort(-(vectors[own] @ vectors.T), axis=1)[:, :6]
    found = [kinds[row] for row in nearest.ravel()]
    assert found.count(kind) >= 0.95 * len(found)


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("翠绿色马克杯 ４００ｍｌ", "zh mug"),
        ("Emerald MUG, 400ml", "en mug"),
        ("儿童台灯", "zh lamp"),
        ("kids shoes", "en shoe"),
    ],
)
def test_a_title_nobody_has_seen_lies_among_its_kind(
    model: TextModel, titles: list[str], kinds: list[str], title: str, kind: str
) -> None:
    nearest = np.argsort(-(model.encode(titles) @ model.encode([title])[0]))[:5]
    assert [kinds[row] for row in nearest] == [kind] * 5


def test_a_shared_category_brings_titles_without_common_words_together() -> None:
    texts = [
        f"{name}\ncategory={category}" for name, category in zip("甲乙丙丁戊己庚辛", "ABAB" * 2, strict=True)
    ]
    vectors = TextModel.fit(texts * 3, seed=1).encode(texts)
    alike = vectors @ vectors.T
    assert alike[0, [2, 4, 6]].min() > 0.2
    assert np.abs(alike[0, [1, 3, 5, 7]]).max() < 0.05


def test_vectors_have_length_one_and_nothing_known_gives_zero(model: TextModel, titles: list[str]) -> None:
    vectors = model.encode([*titles, "", "Ωψ", "\n\n"])
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(titles) + 3, 64)
    np.testing.assert_allclose(np.linalg.norm(vectors[:-3], axis=1), 1.0, rtol=1e-5)
    assert not vectors[-3:].any()


def test_cosines_are_those_of_the_weighted_texts_when_nothing_is_cut_off() -> None:
    texts = ["red mug", "red lamp", "blue mug\ntag=gift", "blue lamp\ntag=gift"] * 2
    config = TextConfig(least_texts=1)
    model = TextModel.fit(texts, 1, config)
    full = model.terms.matrix(texts, config.token_weight).toarray()
    full /= np.linalg.norm(full, axis=1, keepdims=True)
    vectors = model.encode(texts)
    np.testing.assert_allclose(vectors @ vectors.T, full @ full.T, atol=1e-4)


def test_no_texts_encode_to_no_vectors(model: TextModel) -> None:
    assert model.encode([]).shape == (0, 64)


def test_one_title_and_many_encode_alike(model: TextModel, titles: list[str]) -> None:
    many = model.encode(titles * 100)  # more than one block
    assert len(many) > 8_192
    np.testing.assert_allclose(many[-len(titles) :], model.encode(titles), atol=1e-6)
    np.testing.assert_allclose(many[7], model.encode([titles[7]])[0], atol=1e-6)


def test_the_same_seed_gives_the_same_model_and_another_sample_another(titles: list[str]) -> None:
    config = TextConfig(sample_size=60)
    first, again, other = (TextModel.fit(titles, seed, config).encode(titles) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_a_loaded_model_encodes_as_the_fitted_one(
    model: TextModel, titles: list[str], tmp_path: Path
) -> None:
    model.save(tmp_path / "text")
    assert sorted(path.name for path in (tmp_path / "text").iterdir()) == [
        "idf.npy",
        "svd.npy",
        "vocabulary.json",
    ]
    loaded = TextModel.load(tmp_path / "text")
    assert loaded.config == model.config
    np.testing.assert_array_equal(loaded.encode(titles), model.encode(titles))


def test_a_loaded_model_encodes_without_scikit_learn(model: TextModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    program = (
        "import sys; from pathlib import Path; from recsys.models.text import TextModel\n"
        f"vector = TextModel.load(Path({str(tmp_path)!r})).encode(['马克杯'])[0]\n"
        "assert vector.any() and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])


def test_parts_that_do_not_fit_together_are_refused(model: TextModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    save_arrays(tmp_path, idf=np.ones(3, dtype=np.float32))
    with pytest.raises(ReleaseCorrupt, match="do not fit"):
        TextModel.load(tmp_path)
    (tmp_path / "vocabulary.json").write_text(
        json.dumps({"config": {"epochs": -1}, "grams": [], "tokens": []})
    )
    with pytest.raises(ReleaseCorrupt, match="malformed"):
        TextModel.load(tmp_path)
    (tmp_path / "vocabulary.json").write_text("[]")
    with pytest.raises(ReleaseCorrupt, match="malformed"):
        TextModel.load(tmp_path)


def test_texts_in_which_nothing_repeats_give_zero_vectors() -> None:
    assert not TextModel.fit(["甲", "b", ""], seed=1).encode(["甲", "b"]).any()


def test_no_texts_cannot_be_fitted() -> None:
    with pytest.raises(InputError, match="no texts"):
        TextModel.fit([], seed=1)


def test_terms_are_the_commonest_ngrams_with_their_rarity() -> None:
    texts = ["ab", "ab ab", "ab cd", "cd\nTag=X", "zz\ntag=x", "zz\nTAG=Ｙ"]
    terms = Terms.choose(texts, most=3, least_texts=2)
    assert terms.grams == (" a", "ab", "b ")
    assert terms.tokens == ("tag=x",)
    expected = [np.log(7 / 4) + 1] * 3 + [np.log(7 / 3) + 1]
    np.testing.assert_allclose(terms.idf, expected, rtol=1e-6)


def test_a_row_of_the_text_matrix_by_hand() -> None:
    terms = Terms(["ab", "cd"], ["tag=x"], np.array([1.0, 2.0, 5.0], dtype=np.float32))
    row = terms.matrix(["ab ab ab cd\nTAG=x\nother=1"], 0.5).toarray()[0]
    words = np.array([1 + np.log(3), 2.0])
    np.testing.assert_allclose(row, [*(words / np.linalg.norm(words)), 0.5], rtol=1e-6)


def test_an_item_is_described_by_its_titles_category_levels_brand_and_tags() -> None:
    item = Item(
        item_id="1",
        titles={"zh": "蓝色 马克杯", "en": "Blue\n mug"},
        category="家居 > 厨房>杯子",
        brand="青花",
        tags=("vegan", "gift"),
    )
    assert describe(item).split("\n") == [
        "Blue mug 蓝色 马克杯",
        "category=家居",
        "category=家居 > 厨房",
        "category=家居 > 厨房 > 杯子",
        "brand=青花",
        "tag=gift",
        "tag=vegan",
    ]


def test_a_bare_item_has_an_empty_description() -> None:
    assert describe(Item(item_id="1")) == ""
