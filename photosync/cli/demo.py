"""``demo``: the whole thing against the built-in emulator; no account, no phone, no settings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.live import Live
from rich.text import Text

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption
from photosync.cli.result import FAILED, Result, console, end
from photosync.errors import PhotosyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from photosync.config import Settings
    from photosync.emulator.server import Emulator

FIRST_SAMPLES = 30
MORE_SAMPLES = 12
LONGEST_SECONDS = 50.0
TICK_SECONDS = 0.25
LATENCY_SECONDS = 0.25


class DemoFailed(PhotosyncError):
    """The demo did not get where it should."""

    code = "demo_failed"


@dataclass(frozen=True, slots=True)
class Stage:
    """What the demo plays on."""

    pictures: Path
    emulator: Emulator
    settings: Settings
    settings_file: Path
    log_file: Path


def demo(
    *,
    stay: Annotated[
        bool | None,
        typer.Option("--stay/--no-stay", help="Keep the page up until Ctrl-C (on a terminal)."),
    ] = None,
    config: ConfigOption = None,  # noqa: ARG001 - every verb takes it
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Watch photosync at work on sample photos, against the built-in emulator of Google Photos."""
    stays = stay if stay is not None else sys.stdin.isatty() and sys.stdout.isatty()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clean up, as after Ctrl-C
    with tempfile.TemporaryDirectory(prefix="photosync-demo-") as folder:
        with _stage(Path(folder)) as stage:
            document = _play(stage, quiet=as_json, verbose=verbose)
            result = _result(stage, document, stays=stays)
            if stays and not as_json:
                console().print(result.text)
                _wait_for_ctrl_c()
                raise typer.Exit(result.exit_code)
        end(result, as_json=as_json)


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    """The emulator, a folder of pictures, and settings that lead from one to the other."""
    from photosync import config as configuration
    from photosync.emulator.options import Options
    from photosync.emulator.server import Emulator
    from photosync.files.dating import exiftool

    fixes_dates = "true" if exiftool() else "false"  # the demo needs nothing to be installed
    pictures, state = folder / "Pictures", folder / "state"
    pictures.mkdir()
    state.mkdir(mode=0o700)
    # as slow as a home line, or there would be nothing to watch
    with Emulator(folder / "google", options=Options(latency_seconds=LATENCY_SECONDS)) as emulator:
        settings_file = folder / "config.toml"
        settings_file.write_text(
            f"state_dir = {json.dumps(str(state))}\n"
            f"[google]\napi_url = {json.dumps(emulator.url)}\n"
            "[phone]\nenabled = false\n[web]\nenabled = false\n"
            f"[upload]\nfix_dates = {fixes_dates}\n"
            f"[[folder]]\npath = {json.dumps(str(pictures))}\n"
            'album = "{source}"\n',
            encoding="utf-8",
        )
        (state / "token.json").write_text(json.dumps(emulator.grant()), encoding="utf-8")
        (state / "token.json").chmod(0o600)
        settings = configuration.load(settings_file, {})
        yield Stage(pictures, emulator, settings, settings_file, folder / "photosync.log")


def _play(stage: Stage, *, quiet: bool, verbose: bool) -> dict[str, Any]:
    """Run the real daemon on samples, with more coming in while it runs; the last status."""
    from photosync.files.samples import make_samples

    _say("Making sample photos and videos …", quiet=quiet)
    make_samples(stage.pictures / "Summer", FIRST_SAMPLES)
    _say("Starting photosync on them: photosync run", quiet=quiet)
    with _daemon(stage, verbose=verbose) as process, _screen(quiet=quiet) as show:
        _follow(stage, process, FIRST_SAMPLES, show)
        make_samples(stage.pictures / "Just now", MORE_SAMPLES, start=FIRST_SAMPLES + 1)
        return _follow(stage, process, FIRST_SAMPLES + MORE_SAMPLES, show)


@contextmanager
def _daemon(stage: Stage, *, verbose: bool) -> Iterator[subprocess.Popen[bytes]]:
    """``photosync run`` as its own process, ended when the demo does."""
    command = [sys.executable, "-m", "photosync", "run", "--config", str(stage.settings_file)]
    environ = {name: value for name, value in os.environ.items() if "PHOTOSYNC" not in name}
    with stage.log_file.open("wb") as log, _held_back(signal.SIGINT, signal.SIGTERM) as let_through:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stderr=None if verbose else log,
            stdin=subprocess.DEVNULL,
            env=environ,
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop it in order
        )
        try:
            let_through()
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _held_back(*numbers: signal.Signals) -> Iterator[Callable[[], None]]:
    """A signal that comes in the block is heard as late as it is let through.

    Ctrl-C in the middle of ``Popen`` would leave a process that nobody knows of.
    """
    heard: list[int] = []
    before = {one: signal.signal(one, lambda number, _: heard.append(number)) for one in numbers}

    def let_through() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        if heard:
            raise KeyboardInterrupt

    try:
        yield let_through
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _screen(*, quiet: bool) -> Iterator[_Show]:
    out = console()
    if quiet or not out.is_terminal:
        yield _Show(None)
        return
    with Live(console=out, auto_refresh=False) as live:
        yield _Show(live)


class _Show:
    """The live status, if there is a terminal to show it on."""

    def __init__(self, live: Live | None) -> None:
        self._live = live

    def __call__(self, document: dict[str, Any]) -> None:
        from photosync.cli.views import status_view

        if self._live is not None:
            self._live.update(status_view(document), refresh=True)


def _follow(
    stage: Stage, process: subprocess.Popen[bytes], wanted: int, show: _Show
) -> dict[str, Any]:
    """Show the status until ``wanted`` items are in the library.

    Raises:
        DemoFailed: The daemon ended, or it took far too long.
    """
    from photosync.cli.status import look

    patience_ends = time.monotonic() + LONGEST_SECONDS
    while True:
        document = look(stage.settings)
        show(document)
        if document["items"]["done"] >= wanted:
            return document
        if process.poll() is not None or time.monotonic() > patience_ends:
            raise DemoFailed(
                f"The demo got {document['items']['done']} of {wanted} samples into the library.",
                hint=f"Its log ends with: {_last_lines(stage.log_file)}",
            )
        time.sleep(TICK_SECONDS)


def _last_lines(log_file: Path) -> str:
    return "\n".join(log_file.read_text("utf-8", "replace").splitlines()[-5:])


def _result(stage: Stage, document: dict[str, Any], *, stays: bool) -> Result:
    """What was shown, and what to do next."""
    held = {item.sha256 for item in stage.emulator.library.items()}
    wanted = document["items"]["done"]
    requests = document["quota"]["used"]
    page = f"{stage.emulator.url}/emulator/"
    text = Text()
    text.append(f"\n{len(held)} photos and videos are in the library", style="bold green")
    text.append(f", with {requests} requests to Google ({requests / wanted:.2f} a photo;")
    text.append(" in bulk it is 1.02).\n")
    if stays:
        text.append("Look at them: ").append(page, style="bold underline").append("\n")
        text.append(f"Copy a picture into {stage.pictures} and see it arrive.\n")
    text.append("\nWith your own Google account:\n", style="bold")
    text.append("  photosync config init      name your folders in the file it writes\n")
    text.append("  photosync auth             sign in, once (README: 'Your own account')\n")
    text.append("  photosync run              and forget about it\n")
    if stays:
        text.append("\nCtrl-C ends the demo and removes what it made.", style="dim")
    result = {
        "version": 1,
        "in_library": len(held),
        "requests": requests,
        "page": page if stays else None,
    }
    return Result(text, result, 0 if len(held) == wanted else FAILED)


def _wait_for_ctrl_c() -> None:
    """The ordinary end of a demo on a terminal."""
    try:
        signal.pause()
    except KeyboardInterrupt:
        sys.stdout.write("\n")


def _say(text: str, *, quiet: bool) -> None:
    if not quiet:
        console().print(text)
