"""The offline verbs as a person types them, on a real shop."""

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pyarrow.parquet as pq
import pytest

from recsys.cli import run
from recsys.query import SLOTS
from recsys.weights import DAY_MS
from training import cli
from training.resources import Shop

pytestmark = pytest.mark.xdist_group("training")
VERBS = [EntryPoint(name, f"training.cli:{name}", "recsys.commands") for name in cli.__all__]
Result = tuple[int, str, str]


@pytest.fixture
def recsys(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> Callable[..., Result]:
    """Run one command line in the home folder; exit code, stdout, stderr."""
    monkeypatch.setenv("RECSYS_HOME", str(home))
    for name in ("REDIS_URL", "MLFLOW_TRACKING_URI", "RECSYS_TIMEZONE", "RECSYS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    config = home / "small.toml"
    config.write_text(
        "[split]\nleast_shoppers = 5\n[evaluation]\nresamples = 100\n"
        "[model.als]\nembedding_size = 8\nepochs = 4\n[model.embedding]\nembedding_size = 8\n"
    )

    def command(*words: str) -> Result:
        configured = words[:1] in (("train",), ("evaluate",), ("compare",), ("promote",))
        extra = ("--config", str(config)) if configured and "--help" not in words else ()
        code = run([*words, *extra], VERBS)
        return (code, *capsys.readouterr())

    return command


def test_training_tells_figures_times_and_what_comes_next(
    recsys: Any, trained_shop: Shop, tmp_path: Path
) -> None:
    until = trained_shop.dataset().interactions.end - 20 * DAY_MS
    code, out, err = recsys("train", "--until", str(until), "--json", str(tmp_path / "run.json"))
    assert code == 0, err
    told = json.loads((tmp_path / "run.json").read_text())
    for words in (
        "own items by frequency",
        "ALS defaults",
        "seconds",
        "MiB",
        told["release_id"],
        "mlflow ui",
    ):
        assert words in out
    assert f"recsys promote {told['release_id']}" in out
    assert "read the log" in err
    assert not told["live"]
    assert told["evaluation"]["systems"]["release"]["all"]["ndcg@20"]["mean"] > 0
    assert told["peak_memory_bytes"] > 2**20
    assert {step["name"] for step in told["steps"]} >= {"read the log", "release: seal"}


def test_protocols_ask_other_questions_of_the_same_release(recsys: Any, trained_shop: Shop) -> None:
    (first,) = trained_shop.releases.known()
    cut = trained_shop.dataset().interactions.end - 20 * DAY_MS
    told = {}
    for protocol in ("frozen", "next", "split"):
        code, out, err = recsys("evaluate", "--protocol", protocol, "--cut", str(cut), "--json")
        assert code == 0, err
        told[protocol] = json.loads(out)
    assert {found["release_id"] for found in told.values()} == {first}
    assert {found["exam"]["cut"] for found in told.values()} == {cut}
    assert told["next"]["exam"]["questions"]["all"] > told["frozen"]["exam"]["questions"]["all"] == 60
    assert told["next"]["exam"]["shoppers"]["all"] == 60
    assert told["split"]["systems"] == told["frozen"]["systems"]
    assert set(told["frozen"]["systems"]["release"]) == {"all", "new", "touched"}
    assert set(told["next"]) >= {"slices", "slices_new"}
    figures = told["next"]["systems"]["release"]["all"]
    for name in ("map@20", "price_ndcg@20", "gini@20", "popularity_bias@20", "personalisation@20"):
        assert name in figures
    code, out, _ = recsys("evaluate", "--protocol", "next")
    assert code == 0
    for words in (
        "questions of 60 shoppers",
        "beyond accuracy",
        "by slice",
        "own, then neighbours",
    ):
        assert words in out


def test_a_cut_that_a_release_has_seen_past_is_refused(recsys: Any, trained_shop: Shop) -> None:
    early = trained_shop.dataset().interactions.end - 60 * DAY_MS
    code, _, err = recsys("evaluate", "--cut", str(early))
    assert code == 2
    assert "was fitted on events after" in err


def test_the_life_of_a_release(recsys: Any, trained_shop: Shop, tmp_path: Path) -> None:
    """Evaluate, train another, compare, promote by force, publish, roll back."""
    (first,) = trained_shop.releases.known()
    code, out, _ = recsys("evaluate", "--json")
    measured = json.loads(out)
    assert (code, measured["release_id"]) == (0, first)
    assert measured["slices"]["with attributes"]["shoppers"] == 40

    until = trained_shop.dataset().interactions.end - 60 * DAY_MS
    recsys("train", "--until", str(until))
    (second,) = set(trained_shop.releases.known()) - {first}
    code, out, _ = recsys("compare", second, "--json")
    compared = json.loads(out)
    assert (compared["challenger"], compared["champion"]) == (second, first)
    page = trained_shop.settings.home / "reports" / f"compare-{second}-{first}.html"
    assert compared["html"] == str(page)
    assert second in page.read_text("utf-8")
    code, out, _ = recsys("compare", second, first, "--html", str(tmp_path / "对比.html"))
    assert code == 0
    assert "difference" in out
    assert "with attributes" in out
    assert f"report: {tmp_path / '对比.html'}" in out
    assert ("the gate would refuse:" in out) == bool(compared["against"])

    code, out, err = recsys("promote", second, "--force")
    assert code == 0
    assert out.endswith(f"release {second} is live; to take it back: recsys rollback\n")
    assert [line for line in err.splitlines() if line.startswith("note: forced over: ")] == [
        f"note: forced over: {reason}" for reason in promotions(trained_shop)[-1]["reasons"]
    ]
    assert promotions(trained_shop)[-1]["forced"]
    code, out, _ = recsys("publish")
    assert code == 0
    assert f"release {second} is in the online store, and live" in out
    code, out, _ = recsys("rollback")
    assert out.startswith(f"release {first} is live again")


def promotions(shop: Shop) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (shop.releases.folder / "promotions.jsonl").read_text().splitlines()]


def test_lists_are_written_for_shoppers_in_a_file(recsys: Any, trained_shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "顾客.csv").write_text("user_id\n顾客1\n顾客2\n", "utf-8")
    out = tmp_path / "lists.parquet"
    code, said, _ = recsys("recommend", "--users", str(tmp_path / "顾客.csv"), "--k", "5", "--out", str(out))
    assert (code, said) == (0, f"10 rows for 2 queries in {out}\n")
    assert pq.read_table(out)["rank"].to_pylist() == [1, 2, 3, 4, 5] * 2


def test_the_slots_of_the_command_are_those_of_the_library(recsys: Any) -> None:
    assert get_args(get_args(get_type_hints(cli.run_recommend, include_extras=True)["slot"])[0]) == SLOTS
    code, _, err = recsys("recommend", "--users", "x.csv", "--out", "x.parquet", "--slot", "hom")
    assert (code, "'hom' is not one of" in err) == (2, True)


def test_the_jobs_worker_carries_out_what_was_asked(recsys: Any, trained_shop: Shop) -> None:
    (first,) = trained_shop.releases.known()
    job_id = trained_shop.online.push_job("promote", {"release_id": first}, by="console")
    failing = trained_shop.online.push_job("rollback", {"release_id": first}, by="console")
    late = trained_shop.online.push_job("rollback", {"release_id": "0" * 16}, by="console")
    code, _, err = recsys("jobs", "--once")
    assert code == 0
    assert trained_shop.online.job_status(job_id).detail == f"release {first} is live"
    assert promotions(trained_shop)[-1]["by"] == "console"
    assert "no earlier live release" in trained_shop.online.job_status(failing).detail
    # Not live any more, as after a rollback that was asked for twice: going back again would undo it.
    assert "nothing to roll back" in trained_shop.online.job_status(late).detail
    assert "promote for console: done" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "--until", "soon"), "error: time 'soon': "),
        (("evaluate",), "error: no release is live yet; run: recsys train"),
        (("promote", "0123456789abcdef"), "error: no release '0123456789abcdef' on this machine"),
        (("rollback",), "error: there is no earlier live release"),
        (("publish",), "error: there is no release to publish yet; run: recsys train"),
        (("recommend", "--out", "x.parquet"), "error: say for whom: either --users FILE or --histories FILE"),
        (("train",), "error: the log holds no events"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_two(
    recsys: Any, words: tuple[str, ...], message: str
) -> None:
    code, _, err = recsys(*words)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_a_wrong_environment_is_one_line_too(recsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_TIMEZONE", "Mars/Olympus")
    code, _, err = recsys("evaluate")
    assert (code, "Mars/Olympus" in err) == (2, True)


@pytest.mark.parametrize("verb", cli.__all__)
def test_every_verb_explains_itself(recsys: Any, verb: str) -> None:
    code, out, _ = recsys(verb, "--help")
    assert code == 0
    assert "Usage: recsys" in out
