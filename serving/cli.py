"""The verbs of a running shop: `up`, `serve`, `worker`, `keys`, `demo`.

Only what a verb needs is imported, when it runs. What another program may read goes to stdout (a key), what a
person reads to stderr.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.control.principals import Role

if TYPE_CHECKING:
    from serving.control.keys import AccessKey, KeyRepository
    from serving.settings import Settings

__all__ = ["demo", "keys", "serve", "up", "worker"]

Host = Annotated[
    str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all. [RECSYS_HOST, 127.0.0.1]")
]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on. [RECSYS_PORT, 8000]")]

up = typer.Typer(add_completion=False, help="Start everything on this machine.")
serve = typer.Typer(add_completion=False, help="Run the HTTP service.")
worker = typer.Typer(add_completion=False, help="Move acknowledged events into the log.")
keys = typer.Typer(add_completion=False, help="Create, list and revoke API keys.", no_args_is_help=True)
demo = typer.Typer(add_completion=False, help="The whole story in a minute or a few.")


@up.command("up")
def run_everything(host: Host = None, port: Port = None) -> None:
    """Start the store, the API, the event worker and the jobs worker; Ctrl-C stops them all."""
    from serving.runtime.up import start

    start(_settings(host=host, port=port), _tell)


@serve.command("serve")
def run_api(
    host: Host = None,
    port: Port = None,
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Processes behind the port; about one per core.")
    ] = 1,
) -> None:
    """Run the HTTP service alone: for production, beside `recsys worker` and `recsys jobs`."""
    settings = _settings(host=host, port=port)
    if workers > 1:
        from serving.runtime.workers import run_workers

        run_workers(settings, workers)
    else:
        from serving.runtime.server import run

        run(settings)


@worker.command("worker")
def run_worker(
    once: Annotated[bool, typer.Option(help="Write what is waiting, then leave.")] = False,
) -> None:
    """Move acknowledged events and changes of items and shoppers from the online store to the log."""
    from serving.runtime.event_worker import run

    run(_settings(), once=once)


@keys.command("create")
def create_key(
    role: Annotated[Role, typer.Option(help="What the key is for.")],
    name: Annotated[str | None, typer.Option(help="Who uses it; shown in the list.")] = None,
    browser: Annotated[
        bool, typer.Option(help="May stand in a web page: one shopper, by signed token.")
    ] = False,
) -> None:
    """Make a key and print it, once: it is not kept."""
    from serving.settings import refuse_open_browser_keys

    settings = _settings()
    refuse_open_browser_keys(settings, browser)
    key, text = _keys(settings).create(role, name or role.value, browser=browser)
    typer.echo(text)
    _tell(f"key {key.key_id} for role {key.role.value}{_browser(key)}; keep it now, it is not shown again")


@keys.command("list")
def list_keys() -> None:
    """Show every key, without its secret."""
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "name", "role", "made", "last used", "state")
    for key in _keys(_settings()).all_keys():
        state = f"revoked {_when(key.revoked_at)}" if key.revoked_at is not None else "live"
        role = f"{key.role.value}{_browser(key)}"
        table.add_row(key.key_id, key.name, role, _when(key.created_at), _when(key.last_used_at), state)
    Console().print(table)


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="The id `recsys keys list` shows.")]) -> None:
    """End a key for good; every process refuses it within seconds."""
    key = _keys(_settings()).revoke(key_id)
    _tell(f"key {key.key_id} ({key.name}) is revoked")


@demo.command("demo")
def tell_the_story(
    shop: Annotated[str, typer.Option(help="Whose data; so far: complete-journey.")] = "complete-journey",
    check: Annotated[
        bool, typer.Option("--check", help="Leave when the story is told; exit 1 if a step fails.")
    ] = False,
    port: Port = None,
) -> None:
    """Import a shop's purchases, train on them, serve, and show what a shopper gets."""
    from serving.demo.story import run

    raise typer.Exit(run(_settings(port=port), shop=shop, check=check))


def _settings(**given: Any) -> "Settings":
    from serving.settings import Settings

    return Settings.load(**{name: value for name, value in given.items() if value is not None})


def _keys(settings: "Settings") -> "KeyRepository":
    from feature_store.database import open_database
    from serving.control.keys import KeyRepository
    from serving.times import now_ms

    return KeyRepository(open_database(settings), now_ms)


def _browser(key: "AccessKey") -> str:
    return ", for browsers" if key.browser else ""


def _when(at: int | None) -> str:
    from datetime import UTC, datetime

    return "never" if at is None else datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _tell(line: str) -> None:
    typer.echo(line, err=True)
