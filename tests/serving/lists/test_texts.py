import pytest

from serving.lists.texts import REASON_TEXTS, reason_text


def test_every_reason_reads_in_english_and_chinese() -> None:
    for code, texts in REASON_TEXTS.items():
        assert texts.keys() == {"en", "zh"}, code
        assert all(form for forms in texts.values() for form in forms)


@pytest.mark.parametrize(
    "code", ["bought_before", "viewed_before", "taste", "together", "alike", "segment", "trending"]
)
def test_every_reason_of_the_pipeline_has_words_of_its_own(code: str) -> None:
    assert code in REASON_TEXTS


def test_a_title_stands_in_the_sentence_as_it_is() -> None:
    assert reason_text("together", "en", "Mug {title} 50%") == "Goes with Mug {title} 50%"
    assert reason_text("together", "zh", "马克杯") == "与“马克杯”很搭"
    assert reason_text("together", "en") == "Goes with what you chose"


@pytest.mark.parametrize("language", ["zh", "zh-CN", "zh_Hans", "ZH"])
def test_a_dialect_reads_as_its_language(language: str) -> None:
    assert reason_text("trending", language) == "大家都在买"


def test_an_unknown_reason_or_language_reads_as_the_general_one() -> None:
    assert reason_text("something new", None) == "Picked for you"
    assert reason_text("trending", "fr") == "Popular right now"
