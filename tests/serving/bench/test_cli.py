"""`recsys bench serving` in one go: real servers, a real store, everything gone afterwards."""

import json
from pathlib import Path

import pytest

from recsys.cli import run

KEYS = {
    "ratio_to_floor",
    "ratio_to_peer",
    "p50_ms",
    "p90_ms",
    "p99_ms",
    "cpu_ms_per_request",
    "cpu_ms_by_stage",
    "private_mb",
    "start_to_ready_s",
}


@pytest.mark.slow
def test_one_command_measures_floor_peer_and_product(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, kept = tmp_path / "out.json", tmp_path / "releases"
    arguments = ["--items", "500", "--seconds", "0.8", "--rounds", "2", "--keep", str(kept)]
    assert run(["bench", "serving", "--json", str(out), *arguments]) == 0
    figures = json.loads(out.read_text())
    assert figures.keys() >= KEYS
    assert figures["items"] == 500
    assert [folder.name for folder in kept.iterdir()] == [figures["release_id"]]
    assert set(figures["systems"]) == {"floor", "peer", "ours"}
    for system in figures["systems"].values():
        assert system["errors"] == {}
        assert system["requests_per_s"] > 0
        assert system["half"]["requests"] > 0
    assert figures["empty_lists"] == 0
    assert figures["cpu_ms_by_stage"]
    assert figures["load_generator"]["latency"] == "bundled"
    said = capsys.readouterr().out
    assert "requests/s at saturation" in said
    assert "ours / floor" in said


def test_what_is_no_release_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "serving", "--json", str(tmp_path / "out.json"), "--release", str(tmp_path)]) == 2
    assert "is not a release" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


@pytest.mark.slow
def test_freshness_follows_changes_on_every_worker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = ["--reads-rate", "20", "--offers-rate", "100", "--events-rate", "20"]
    arguments = ["--json", str(tmp_path / "out.json"), "--items", "400", "--seconds", "4", *rates]
    assert run(["bench", "freshness", *arguments]) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["probes"].keys() >= {"own event", "price", "promotion", "sold out", "restocked"}
    for kind in ("own event", "price", "sold out"):
        probes = found["probes"][kind]
        # Both workers were asked.
        assert probes["count"] >= 2
        assert probes["never"] == 0
        assert probes["refused"] == []
    for writer in found["writers"].values():
        assert writer["acknowledged"] > 0
        assert writer["lost"] == 0
    assert found["answers_looked_at"] > 0
    assert found["sold_out_items"] == 20
    assert found["sold_out_violations"] == 0
    assert "own event p99" in capsys.readouterr().out


@pytest.mark.slow
def test_swap_moves_under_load_and_holds_every_answer_to_its_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--json", str(tmp_path / "out.json"), "--items", "300", "--minutes", "0.15", "--every", "3"]
    assert run(["bench", "swap", *arguments]) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert [move["rollback"] for move in found["moves"]] == [False, True, False]
    assert all(len(move["live_s"]) == 2 for move in found["moves"])
    assert found["load"]["errors"] == {}
    assert found["belonging"]["wrong"] == {}
    assert len(found["belonging"]["answers"]) >= 2
    assert found["fixed_questions"]["compared"] > 0
    assert found["fixed_questions"]["strange"] == 0
    assert len(found["memory_mb"]) == 3
    assert "mixed answers" in capsys.readouterr().out


@pytest.mark.slow
def test_overload_tells_what_became_of_everything_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--json", str(tmp_path / "out.json"), "--items", "300", "--seconds", "2", "--calm", "3"]
    assert run(["bench", "overload", *arguments]) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["answers"]["200"] > 0
    assert found["asked_per_s"] > found["saturation"]["per_s"]
    assert len(found["p99_ms_by_second_after"]) == 8
    assert "goodput" in capsys.readouterr().out
