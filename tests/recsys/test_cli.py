"""The root command: lazy verbs, friendly help, one-line errors."""

import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from recsys.cli import HELP, limit_threads, run

BODY = '''
import typer
from recsys.errors import InputError

app = typer.Typer(help="说明")


@app.command()
def go(fail: bool = False, stop: bool = False, leave: int = 0) -> None:
    """Do it."""
    if fail:
        raise InputError("no shopper '小明'; run: recsys data ingest")
    if stop:
        raise KeyboardInterrupt
    if leave:
        raise typer.Exit(leave)
    typer.echo("done")


group = typer.Typer()


@group.command("thing")
def one_thing() -> None:
    typer.echo("one thing")


@group.command("other")
def another_thing() -> None:
    typer.echo("another thing")
'''


@pytest.fixture
def verbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """`train` works; `serve` and `own` point at modules that break when they are imported."""
    (tmp_path / "verb_that_works.py").write_text(BODY, "utf-8")
    (tmp_path / "verb_that_breaks.py").write_text("raise RuntimeError('imported')", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    targets = {
        "own": "verb_that_breaks:app",
        "serve": "verb_that_breaks:app",
        "train": "verb_that_works:app",
        "bench quality": "verb_that_works:app",
        "bench serving": "verb_that_breaks:app",
        "bench own thing": "verb_that_works:group",
        "unnamed thing": "verb_that_works:group",
    }
    return [EntryPoint(name, target, "recsys.commands") for name, target in targets.items()]


def test_help_lists_verbs_with_their_lines_and_imports_none(
    verbs: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--help"], verbs) == 0
    lines = capsys.readouterr().out.splitlines()
    indented = [line.split()[0] for line in lines if line.startswith("  ")]
    listed = [word for word in indented if word in ("own", "serve", "train", "bench", "unnamed")]
    assert listed == ["train", "serve", "bench", "own", "unnamed"]
    assert any(HELP["train"] in line for line in lines)


def test_without_a_verb_the_help_is_shown(
    verbs: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([], verbs) == 2
    streams = capsys.readouterr()
    assert HELP["serve"] in streams.out + streams.err


def test_a_verb_runs_when_it_is_used(verbs: list[EntryPoint], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train"], verbs) == 0
    assert capsys.readouterr().out == "done\n"


def test_a_verbs_help_is_its_own(verbs: list[EntryPoint], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--help"], verbs) == 0
    assert "Do it." in capsys.readouterr().out


def test_a_group_lists_the_verbs_of_all_packages_and_imports_none(
    verbs: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "--help"], verbs) == 0
    said = capsys.readouterr().out
    assert HELP["bench"] in said
    listed = [line.split()[0] for line in said.splitlines() if line.startswith("  ") and line.split()]
    assert [word for word in listed if word in ("quality", "serving", "own")] == ["quality", "serving", "own"]


def test_a_verb_of_a_group_runs(verbs: list[EntryPoint], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "quality"], verbs) == 0
    assert run(["bench", "own", "thing"], verbs) == 0
    assert capsys.readouterr().out == "done\none thing\n"


def test_a_misspelt_verb_of_a_group_is_answered_with_the_nearest(
    verbs: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "qualty"], verbs) == 2
    assert "Did you mean 'quality'?" in capsys.readouterr().err


def test_a_deliberate_error_is_one_line_on_stderr(
    verbs: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "--fail"], verbs) == 2
    streams = capsys.readouterr()
    assert (streams.out, streams.err) == ("", "error: no shopper '小明'; run: recsys data ingest\n")


def test_ctrl_c_ends_without_a_trace(verbs: list[EntryPoint], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--stop"], verbs) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_verbs_own_exit_code_is_kept(verbs: list[EntryPoint]) -> None:
    assert run(["train", "--leave", "3"], verbs) == 3


def test_a_misspelt_verb_is_answered_with_the_nearest(
    verbs: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["trian"], verbs) == 2
    assert "Did you mean 'train'?" in capsys.readouterr().err


def test_a_bug_is_not_hidden(verbs: list[EntryPoint]) -> None:
    with pytest.raises(RuntimeError, match="imported"):
        run(["serve"], verbs)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["serve", "--port", "1"], {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}),
        (["train"], {"OPENBLAS_NUM_THREADS": "1"}),
        (["data", "serve"], {}),
        (["--help"], {}),
        ([], {}),
    ],
)
def test_threads_are_limited_for_the_verbs_that_need_it(
    arguments: list[str], expected: dict[str, str]
) -> None:
    environment: dict[str, str] = {}
    limit_threads(arguments, environment)
    assert environment == expected


def test_a_callers_thread_limit_wins() -> None:
    environment = {"OMP_NUM_THREADS": "4"}
    limit_threads(["serve"], environment)
    assert environment == {"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "1"}


def test_every_verb_of_the_project_has_its_line() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    verbs = set(project["entry-points"]["recsys.commands"])
    assert verbs | {name.partition(" ")[0] for name in verbs} == set(HELP)


def test_every_verb_of_the_project_can_be_loaded() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    for name, target in project["entry-points"]["recsys.commands"].items():
        assert EntryPoint(name, target, "recsys.commands").load() is not None, name


def test_the_root_imports_neither_numpy_nor_any_verb() -> None:
    code = "import recsys.cli, sys; print([m for m in ('numpy', 'redis', 'training', 'serving') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_the_installed_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert run(["--version"], []) == 0
    assert capsys.readouterr().out == f"recsys-shop {version('recsys-shop')}\n"
