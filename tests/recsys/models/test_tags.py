"""Attributes predict taste where enough shoppers share them, and nobody is recognisable."""

from pathlib import Path

import numpy as np

from recsys.models.tags import TagConfig, TagVectors

CONFIG = TagConfig(least_shoppers=5, shrinkage=1.0)


def people() -> tuple[list[dict[str, str]], np.ndarray]:
    """60 shoppers: city 上海 likes the first axis, city Paris the second; one has an attribute of their own."""
    attributes = [{"city": "上海" if number % 2 else "Paris"} for number in range(60)]
    attributes[3]["title"] = "the only astronaut"
    vectors = np.array([[1.0, 0.0] if number % 2 else [0.0, 1.0] for number in range(60)], np.float32)
    return attributes, vectors


def test_a_shared_attribute_moves_the_vector_toward_its_shoppers() -> None:
    tags = TagVectors.fit(*people(), CONFIG)
    shanghai, paris = tags.vector({"city": "上海"}), tags.vector({"city": "Paris"})
    assert shanghai is not None and paris is not None
    assert shanghai[0] > 0.9 > 0.1 > shanghai[1]
    assert paris[1] > 0.9


def test_an_attribute_of_one_person_is_not_learned() -> None:
    tags = TagVectors.fit(*people(), CONFIG)
    assert tags.vector({"title": "the only astronaut"}) is None
    assert set(tags.tags.ids) == {"city=上海", "city=Paris"}


def test_nothing_known_gives_no_vector() -> None:
    assert TagVectors.fit(*people(), CONFIG).vector({}) is None


def test_shoppers_without_a_taste_teach_nothing() -> None:
    attributes, vectors = people()
    silent = TagVectors.fit(
        [*attributes, *([{"city": "上海"}] * 500)], np.pad(vectors, ((0, 500), (0, 0))), CONFIG
    )
    np.testing.assert_allclose(silent.mean, [0.5, 0.5])


def test_no_shopper_at_all_is_a_model_too(tmp_path: Path) -> None:
    TagVectors.fit([], np.empty((0, 4), np.float32), CONFIG).save(tmp_path)
    assert TagVectors.load(tmp_path).vector({"city": "上海"}) is None


def test_a_saved_model_answers_as_before(tmp_path: Path) -> None:
    tags = TagVectors.fit(*people(), CONFIG)
    tags.save(tmp_path)
    np.testing.assert_array_equal(
        TagVectors.load(tmp_path).vector({"city": "上海"}), tags.vector({"city": "上海"})
    )


def test_kept_vectors_are_those_of_the_attributes_asked_for() -> None:
    tags = TagVectors.fit(*people(), CONFIG)
    again = TagVectors.fit(*people(), CONFIG)
    kinds = ({"city": "上海"}, {"city": "Paris"}, {"city": "上海", "title": "x"}, {"city": "Rome"}, {})
    for _ in range(2):
        for kind in kinds:
            found, expected = tags.vector(kind), TagVectors(again.tags, again.mean, again.shifts).vector(kind)
            assert (found is None) == (expected is None)
            if found is not None and expected is not None:
                np.testing.assert_array_equal(found, expected)
