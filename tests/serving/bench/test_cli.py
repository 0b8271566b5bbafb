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
