"""``config``: the settings file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import Result, end, printable

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer(help="The settings file.", no_args_is_help=True)


@app.command("init", short_help="Write a settings file with every setting explained.")
def init(
    *,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - every verb takes it
) -> None:
    """Write a settings file with every setting explained; never over an existing one."""
    from photosync import config as configuration

    file = config or configuration.default_file(os.environ)
    configuration.init(file)
    text = (
        f"Wrote {file}\nName your folders in it, then sign in:"
        " photosync auth --client-secret FILE (README: 'Your own account')"
    )
    end(Result(printable(text), {"version": 1, "file": str(file)}), as_json=as_json)


@app.command("show")
def show(
    *, config: ConfigOption = None, as_json: JsonOption = False, verbose: VerboseOption = False
) -> None:
    """Show every setting, and where its value comes from."""
    from photosync.app.checking import in_force

    settings = settings_of(config, verbose=verbose)
    shown = in_force(settings, os.environ)
    width = max(len(one.key) for one in shown)
    # one line each, however long: a folded path cannot be copied, nor found with grep
    lines = [f"{one.key:{width}}  {printable(one.toml)}  ({one.origin})" for one in shown]
    document = {
        "version": 1,
        "file": _text(settings.file),
        "settings": [{"key": one.key, "value": one.value, "origin": one.origin} for one in shown],
    }
    end(Result("\n".join(lines), document), as_json=as_json)


@app.command("path")
def path(
    *,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - every verb takes it
) -> None:
    """Print the settings file that is in use, or would be."""
    from photosync import config as configuration

    found = configuration.find_file(config, os.environ)
    file = found or configuration.default_file(os.environ)
    document = {"version": 1, "file": str(file), "exists": found is not None}
    end(Result(str(file), document), as_json=as_json)


@app.command("check")
def check(
    *, config: ConfigOption = None, as_json: JsonOption = False, verbose: VerboseOption = False
) -> None:
    """Check the settings; every mistake is named at once."""
    from photosync.app.checking import check_keys

    settings = settings_of(config, verbose=verbose)
    check_keys(settings, os.environ)
    missing = [str(one.path) for one in settings.folder if not one.path.is_dir()]
    lines = [
        f"{settings.file} is fine."
        if settings.file
        else "There is no settings file; the defaults are in use. Write one: photosync config init"
    ]
    if not settings.folder:
        only = " Phones alone are backed up." if settings.phone.enabled else ""
        lines.append(f'No folder is watched.{only} To add one:  [[folder]]  path = "~/Pictures"')
    lines += [f"The folder {one} is not there at the moment." for one in missing]
    document = {"version": 1, "file": _text(settings.file), "missing_folders": missing}
    end(Result(printable("\n".join(lines)), document), as_json=as_json)


def _text(file: Path | None) -> str | None:
    return None if file is None else str(file)
