"""``emulate``: a Google Photos of one's own, for trying things out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption
from photosync.cli.result import print_json
from photosync.errors import PhotosyncError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_PORT = 8643


class EmulatorPortTaken(PhotosyncError):
    """Another program listens there."""

    code = "port_taken"


def emulate(
    *,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any.")] = DEFAULT_PORT,
    directory: Annotated[
        Path | None, typer.Option("--directory", metavar="DIR", help="Where its library lies.")
    ] = None,
    faults: Annotated[
        Path | None, typer.Option("--faults", metavar="FILE", help="A fault plan, JSON.")
    ] = None,
    config: ConfigOption = None,  # noqa: ARG001 - every verb takes it
    as_json: JsonOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - every verb takes it
) -> None:
    """Run the built-in emulator of Google Photos alone, until Ctrl-C."""
    from photosync.emulator.server import PortTaken, serve

    plan = None if faults is None else _read_plan(faults)
    folder = directory or Path.cwd() / "photosync-emulator"
    try:
        serve(
            folder,
            port=port,
            host="127.0.0.1",
            faults=plan,
            announce=_announcer(folder, as_json=as_json),
        )
    except ValueError as error:
        raise SettingsError(f"The fault plan {faults} is not understood: {error}.") from error
    except PortTaken as error:
        raise EmulatorPortTaken(
            f"Port {port} is taken by another program.",
            hint="Choose another one: photosync emulate --port 0",
        ) from error


def _read_plan(file: Path) -> list[dict[str, Any]]:
    try:
        plan = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(f"The fault plan {file} cannot be read: {error}.") from error
    if not isinstance(plan, list) or not all(isinstance(one, dict) for one in plan):
        raise SettingsError(f"The fault plan {file} is not a list of objects.")
    return plan


def _announcer(folder: Path, *, as_json: bool) -> Callable[[str], None]:
    def announce(url: str) -> None:
        if as_json:
            print_json(
                {"version": 1, "url": url, "page": f"{url}/emulator/", "directory": str(folder)}
            )
            return
        sys.stdout.write(
            f"The emulator listens at {url}\n"
            f"What its library holds: {url}/emulator/\n"
            "To use it, set in the settings:  [google]  api_url = "
            f'"{url}"\n'
            f"Save {url}/emulator/client_secret.json beside the settings file, then:\n"
            "  photosync auth\n"
            "Ctrl-C ends it.\n"
        )
        sys.stdout.flush()

    return announce
