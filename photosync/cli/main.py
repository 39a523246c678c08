"""``photosync``: every verb, and what becomes of an error that nobody caught."""

from __future__ import annotations

import io
import os
import sys
import traceback
from typing import Annotated

import typer

from photosync import __version__
from photosync.cli import (
    auth,
    backup,
    configuration,
    control,
    demo,
    doctor,
    emulate,
    free_space,
    importing,
    items,
    notify,
    phones,
    report,
    restore,
    run,
    service,
    status,
    verify,
    web,
    why,
)
from photosync.cli.result import FAILED, end_badly
from photosync.errors import PhotosyncError

app = typer.Typer(
    name="photosync",
    help="Gets photos and videos into Google Photos, exactly once.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(*, value: bool) -> None:
    if value:
        typer.echo(f"photosync {__version__}")
        raise typer.Exit


@app.callback()
def _photosync(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Gets photos and videos into Google Photos, exactly once."""


app.command("auth")(auth.auth)
app.command("run")(run.run)
app.command("status")(status.status)
app.command("list")(items.list_items)
app.command("show")(items.show)
app.command("report")(report.report)
app.command("import")(importing.import_uploads)
app.command("choose")(items.choose)
app.command("skip")(items.skip)
app.command("retry")(items.retry)
app.command("why")(why.why)
app.command("backup")(backup.backup)
app.command("verify")(verify.verify)
app.command("restore")(restore.restore)
app.command("free-space")(free_space.free_space)
app.command("doctor")(doctor.doctor)
app.command("phones")(phones.phones)
app.command("folders")(phones.folders)
app.command("notify")(notify.notify)
app.command("web")(web.web)
app.command("pause")(control.pause)
app.command("resume")(control.resume)
app.add_typer(service.app, name="service")
app.add_typer(configuration.app, name="config")
app.command("demo")(demo.demo)
app.command("emulate")(emulate.emulate)


def main() -> None:
    """Run the verb that the arguments name, and exit."""
    os.umask(0o077)  # tokens and the names of people's photos are nobody else's business
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without letters of every language
        sys.stdout.reconfigure(errors="replace")
    sys.exit(outcome(sys.argv[1:]))


def outcome(arguments: list[str]) -> int:
    """Run one verb; its exit code."""
    try:
        app(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED if end.code else 0
    except PhotosyncError as error:
        return end_badly(error, as_json="--json" in arguments)
    except BrokenPipeError:
        _forget_stdout()
        return FAILED
    except Exception:  # noqa: BLE001 - the last stop: said with its traceback, exit code 1
        traceback.print_exc()
        sys.stderr.write("photosync: that is a bug. Please report it with the lines above.\n")
        return FAILED
    return 0


def _forget_stdout() -> None:
    """Whoever read our output is gone (``| head``): keep Python from complaining at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
