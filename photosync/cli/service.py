"""``service``: photosync as a service of systemd's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import DONE, FAILED, USER_MUST_ACT, Result, end, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(help="Run photosync as a service of systemd's.", no_args_is_help=True)

SystemOption = Annotated[
    bool, typer.Option("--system", help="The machine's, with a user of its own; else yours.")
]
InstanceOption = Annotated[
    str, typer.Option("--instance", metavar="NAME", help="One of several Google accounts.")
]


@app.command("install")
def install(
    *,
    system: SystemOption = False,
    instance: InstanceOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Start photosync now, and by itself from now on."""
    from photosync.app import service

    where = service.place(os.environ, system=system, instance=instance)
    settings = settings_of(config, verbose=verbose)
    lines = service.install(where, settings, config)
    end(_told(lines, where.unit), as_json=as_json)


@app.command("uninstall")
def uninstall(
    *,
    system: SystemOption = False,
    instance: InstanceOption = "",
    config: ConfigOption = None,  # noqa: ARG001 - every verb takes it
    as_json: JsonOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - every verb takes it
) -> None:
    """Stop it, and take away what install has put there. Photos, settings and state stay."""
    from photosync.app import service

    where = service.place(os.environ, system=system, instance=instance)
    end(_told(service.uninstall(where), where.unit), as_json=as_json)


@app.command("status")
def status(
    *,
    system: SystemOption = False,
    instance: InstanceOption = "",
    config: ConfigOption = None,  # noqa: ARG001 - every verb takes it
    as_json: JsonOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - every verb takes it
) -> None:
    """Whether it is installed, starts by itself, and runs."""
    from photosync.app import service

    found = service.look(service.place(os.environ, system=system, instance=instance))
    code = DONE if found["active"] == "active" else FAILED
    if not found["installed"]:
        code = USER_MUST_ACT
    end(Result(_view(found), {"version": 1, **found}, code), as_json=as_json)


def _told(lines: list[str], unit: str) -> Result:
    return Result(printable("\n".join(lines)), {"version": 1, "unit": unit, "done": lines})


def _view(found: Mapping[str, Any]) -> str:
    if not found["installed"]:
        return printable(
            f"{found['unit']} is not installed.\nInstall it: photosync service install"
        )
    by_itself = "starts by itself" if found["enabled"] else "does not start by itself"
    since = f" since {found['since']}" if found["since"] else ""
    lines = [f"{found['unit']} is {found['active']}{since}, and {by_itself}."]
    if found["status"]:
        lines.append(f"It says: {found['status']}")
    return printable("\n".join([*lines, f"Its log: {found['log']}"]))
