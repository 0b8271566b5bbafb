"""Code version and model card."""

import subprocess
from pathlib import Path

from feature_store.offline import DataRange
from recsys.weights import DAY_MS
from training.card import code_version, model_card

DATA = DataRange(0, 9 * DAY_MS, 1_234, "abcd")


def test_a_checkout_is_described_beside_the_packages_version(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@t", *words],
            check=True,
            capture_output=True,
        )

    git("init")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "first")
    git("tag", "v1.2")
    assert code_version(tmp_path).endswith("(v1.2)")
    (tmp_path / "a").write_text("2")
    assert code_version(tmp_path).endswith("(v1.2-dirty)")


def test_outside_a_checkout_the_version_stands_alone(tmp_path: Path) -> None:
    assert "(" not in code_version(tmp_path)
    (tmp_path / ".git").touch()
    assert "(" not in code_version(tmp_path)


def test_a_card_says_what_it_learned_from_and_that_nothing_was_measured() -> None:
    card = model_card(DATA, 80, 60, None)
    assert "1,234 events of 60 shoppers and sessions, 1970-01-01 to 1970-01-10 (hash abcd); 80 items" in card
    assert "not at all" in card
    assert "Shoppers who refused training are not in it" in card


def test_a_card_of_an_empty_log_names_no_day() -> None:
    assert "– to –" in model_card(DataRange(None, None, 0, "x"), 0, 0, None)
