"""The verb as a person runs it: what it refuses, and a small sample of RetailRocket end to end."""

import json
import os
from pathlib import Path

import pytest

from recsys.cli import run
from recsys.errors import InputError
from recsys.release import verify
from training.bench.quality import GROUPS, chosen_systems

DATASETS = os.environ.get("RECSYS_DATASETS")


def quality(*arguments: str) -> int:
    return run(["bench", "quality", *arguments])


def test_systems_are_chosen_by_name_or_group() -> None:
    assert chosen_systems(["als-defaults", "stack"]) == {"ALS defaults", "stack"}
    assert chosen_systems(["own-then-neighbours"]) == {"own, then neighbours"}
    assert chosen_systems(["sources"]) == set(GROUPS["sources"])
    assert chosen_systems([]) == {*GROUPS["release"], *GROUPS["peers"]}


def test_an_unknown_system_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"'bert4rec' is unknown; choose from .*als-defaults"):
        chosen_systems(["bert4rec"])


def test_an_unknown_data_set_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--dataset", "ml-20m", "--datasets", str(tmp_path), "--json", str(tmp_path / "out.json")]
    assert quality(*asked) == 2
    assert "'ml-20m' is unknown; choose from retailrocket" in capsys.readouterr().err


def test_without_a_folder_of_data_sets_it_says_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RECSYS_DATASETS", raising=False)
    assert quality("--json", str(tmp_path / "out.json")) == 2
    assert "pass --datasets DIR" in capsys.readouterr().err


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.xdist_group("training")
@pytest.mark.skipif(DATASETS is None, reason="RECSYS_DATASETS is not set (CI sets it)")
def test_a_quick_run_on_retailrocket_measures_the_release_it_keeps(tmp_path: Path) -> None:
    out, releases, notes = tmp_path / "out.json", tmp_path / "releases", tmp_path / "experiments.md"
    asked = ["--dataset", "retailrocket", "--quick", "--json", str(out), "--release-out", str(releases)]
    wanted = [word for name in ("own", "stack", "als-defaults") for word in ("--systems", name)]
    assert quality(*asked, *wanted, "--experiments", str(notes), "--date", "2026-01-02") == 0
    found = json.loads(out.read_text("utf-8"))["datasets"]["retailrocket"]
    assert verify(releases / found["release_id"]).data["hash"] == found["data"]["hash"]
    live = found["parts"]["next"]
    assert set(live["systems"]) == {"own", "stack", "ALS defaults"}
    assert {"view", "purchase"} <= set(live["systems"]["stack"]["by_behaviour"])
    assert live["versus"]["ALS defaults"]["mean"] > 0
    text = notes.read_text("utf-8")
    assert "## 2026-01-02 Bench: retailrocket" in text
    assert "--quick" in text
