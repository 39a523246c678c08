"""``photosync``: every verb, and what becomes of an error that nobody caught."""

from __future__ import annotations

import io
import os
import sys
import traceback
from typing import Annotated

import typer

from photosync import __version__
from photosync.__main__ import INTERRUPTED
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
from photosync.cli.usage import Verbs
from photosync.errors import PhotosyncError

app = typer.Typer(
    name="photosync",
    cls=Verbs,
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
app.command("status", short_help="Show what is where, how fast it goes, and what it needs.")(
    status.status
)
app.command("list")(items.list_items)
app.command("show")(items.show)
app.command("report", short_help="Show what lies where, and what is in one place only.")(
    report.report
)
app.command("import")(importing.import_uploads)
app.command("choose")(items.choose)
app.command("skip")(items.skip)
app.command("retry", short_help="Try items again that failed or were put aside.")(items.retry)
app.command("why", short_help="Say what became of a file, and what would change it.")(why.why)
app.command("backup", short_help="Bring what is not there yet to the second copy.")(backup.backup)
app.command("verify", short_help="Ask the library, and read the second copy back.")(verify.verify)
app.command("restore", short_help="Put items back where they were, or elsewhere.")(restore.restore)
app.command("free-space", short_help="Remove from the phone what is safe in two places.")(
    free_space.free_space
)
app.command("doctor", short_help="Check everything that a run needs.")(doctor.doctor)
app.command("phones")(phones.phones)
app.command("folders", short_help="Show the folders with photos on each phone; choose.")(
    phones.folders
)
app.command("notify", short_help="Send a notice to every address, to try them.")(notify.notify)
app.command("web")(web.web)
app.command("pause", short_help="Take no more photos in hand until resume.")(control.pause)
app.command("resume")(control.resume)
app.add_typer(service.app, name="service")
app.add_typer(configuration.app, name="config")
app.command("demo", short_help="Watch it at work on sample photos: no account needed.")(demo.demo)
app.command("emulate", short_help="Run the built-in emulator of Google Photos alone.")(
    emulate.emulate
)


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
        code = end_badly(error, as_json="--json" in arguments)
        return INTERRUPTED if isinstance(error.__cause__, KeyboardInterrupt) else code
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
