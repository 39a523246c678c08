"""``run``: the daemon in the foreground, or once until nothing is left."""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import (
    DONE,
    FAILED,
    USER_MUST_ACT,
    Result,
    console,
    end,
    photos,
    plural,
    printable,
)
from photosync.cli.signals import obey_signals
from photosync.errors import PhotosyncError, SourceMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from photosync.config import Settings
    from photosync.daemon.supervisor import Outcome, Snapshot, Supervisor

log = logging.getLogger(__name__)


def run(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Work everything off, then exit (for cron).")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Find new photos and upload them, until stopped."""
    settings = settings_of(config, verbose=verbose)
    began = time.monotonic()
    if not once:
        _stay(settings, config)
        raise typer.Exit(DONE)
    halt = Event()
    obey_signals(halt)
    watched = not as_json and sys.stderr.isatty()
    with _progress(verbose=verbose) if watched else _no_progress() as tick:
        outcome, stopped = _work(settings, halt=halt, tick=tick)
    result = _result(settings, outcome, stopped=stopped, seconds=time.monotonic() - began)
    end(result, as_json=as_json)


def _stay(settings: Settings, config: Path | None) -> None:
    """The daemon until it is told to stop; under systemd SIGHUP has the settings read anew."""
    from photosync.app.building import running
    from photosync.daemon.notify import Notifier
    from photosync.daemon.pulse import Pulse

    notifier = Notifier()
    asked = Event() if notifier.is_there else None
    orders = _Orders()
    obey_signals(orders, reload=asked)
    fresh: Settings | None = settings
    while fresh is not None and not orders.is_set():
        settings = fresh
        halt = orders.run = Pulse()
        if orders.is_set():  # while the last run ended
            return
        with running(settings, once=False, halt=halt, notifier=notifier) as supervisor:
            fresh = _run_until_reload(supervisor, settings, config, asked)


class _Orders(Event):
    """The order to stop, passed on to the run that there is."""

    run: Event | None = None

    def set(self) -> None:
        """Stop."""
        super().set()
        if self.run is not None:
            self.run.set()


def _run_until_reload(
    supervisor: Supervisor, settings: Settings, config: Path | None, asked: Event | None
) -> Settings | None:
    """The settings to go on with; None: it was told to stop."""
    fresh: list[Settings] = []

    def tick(_: Snapshot) -> None:
        if asked is not None and asked.is_set():
            asked.clear()
            fresh.extend(_reloaded(settings, supervisor, config))

    supervisor.run(once=False, tick=tick)
    return fresh[0] if fresh else None


def _reloaded(now: Settings, supervisor: Supervisor, config: Path | None) -> list[Settings]:
    """The new settings, if they are others and good; then the run ends, for one by them."""
    from photosync import config as configuration

    try:
        fresh = configuration.load(configuration.find_file(config, os.environ), os.environ)
    except PhotosyncError as error:
        supervisor.refuse_settings(error)
        return []
    if fresh == now:
        supervisor.keep_settings()
        return []
    log.info("settings.reloaded")
    supervisor.end_for_reload()
    return [fresh]


def _work(
    settings: Settings, *, halt: Event, tick: Callable[[Snapshot], None] | None
) -> tuple[Outcome, bool]:
    """Work everything off; how it ended, and whether it was told to stop."""
    from photosync.app.building import running

    with running(settings, once=True, halt=halt) as supervisor:
        outcome = supervisor.run(once=True, tick=tick)
        return outcome, supervisor.was_stopped


def _result(settings: Settings, outcome: Outcome, *, stopped: bool, seconds: float) -> Result:
    from photosync.cli.status import look

    status = look(settings)
    problems, backup = status["problems"], status["backup"]
    not_backed_up = 0 if backup is None else _within_reach(backup)
    needs_user = any(problem["needs_user"] for problem in problems)
    lines = _summary(outcome, stopped=stopped, seconds=seconds)
    if (before := status["items"]["failed"] - outcome.failed) > 0:
        lines.append(f"{before:,} failed earlier. Why: photosync list --state failed")
    for problem in problems:
        lines += [f"! {problem['message']}", f"  {problem['hint']}".rstrip()]
    if not_backed_up:
        waiting = plural(not_backed_up, "waits", "wait")
        lines.insert(1, f"{photos(not_backed_up)} {waiting} for the second copy: photosync backup")
    bad = outcome.failed or outcome.left or stopped or not_backed_up
    document = {
        "version": 1,
        "done": outcome.done,
        "duplicates": outcome.duplicates,
        "failed": outcome.failed,
        "left": outcome.left,
        "being_written": outcome.unsettled,
        "away": sum(outcome.away.values()),
        "not_backed_up": not_backed_up,
        "stopped": stopped,
        "problems": problems,
    }
    code = USER_MUST_ACT if needs_user else FAILED if bad else DONE
    return Result("\n".join(filter(None, lines)), document, code)


def _within_reach(backup: dict[str, Any]) -> int:
    """What waits for the second copy, but for what lies in folders that are away."""
    aside = {one["code"]: int(one["items"]) for one in backup["put_aside"]}
    return max(0, int(backup["waiting"]) - aside.get(SourceMissing.code, 0))


def _summary(outcome: Outcome, *, stopped: bool, seconds: float) -> list[str]:
    said = [f"{photos(outcome.done)} put into your library in {seconds:.0f} s."]
    if not outcome.done:
        is_new = outcome.left or outcome.away or outcome.unsettled or outcome.failed
        said = [f"Nothing {'was' if is_new else 'new to'} put into your library."]
    if outcome.duplicates:
        was = plural(outcome.duplicates, "was", "were")
        its = plural(outcome.duplicates, "its", "their")
        said.append(f"{photos(outcome.duplicates)} {was} there already, by {its} content.")
    if outcome.failed:
        said.append(f"{outcome.failed} failed. Why: photosync list --state failed")
    if outcome.left:
        waiting = plural(outcome.left, "waits", "wait")
        said.append(f"{photos(outcome.left)} still {waiting}: photosync status")
    for label, items in outcome.away.items():
        waiting = plural(items, "waits", "wait")
        said.append(f"{photos(items)} {waiting} on {printable(label)}, which is out of reach now.")
    if outcome.unsettled:
        said.append(f"{photos(outcome.unsettled)} left for the next run: still being written.")
    if stopped:
        said.append("Stopped before the end; the next run goes on from here.")
    return said


@contextmanager
def _no_progress() -> Iterator[None]:
    yield None


@contextmanager
def _progress(*, verbose: bool) -> Iterator[Callable[[Snapshot], None]]:
    """A bar on the terminal: bytes, rate, and how long it takes."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from photosync.cli.bars import rate_column
    from photosync.daemon.reports import COPY, UPLOAD
    from photosync.domain.media import in_units
    from photosync.domain.states import State
    from photosync.logs import setup

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        rate_column(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        setup(verbose=verbose, stream=sys.stderr)  # above the bar, not across it
        if not verbose:
            logging.getLogger("photosync").setLevel(logging.WARNING)
        bar = progress.add_task("looking", total=None)
        before: list[tuple[int, int]] = []

        def tick(snapshot: Snapshot) -> None:
            counts = snapshot.counts
            settled = sum(counts.size_bytes(one) for one in (State.UPLOADED, State.DONE))
            done = counts.items(State.DONE)
            if not before:
                before.append((settled, done))
            old_bytes, old_done = before[0]
            words = f"{done - old_done:,} done, {counts.waiting():,} to go"
            copied = [beat for beat in snapshot.beats if beat.doing == COPY]
            if copied:
                words += f", copying {in_units(copied[0].size_bytes)} from a phone"
            sent = sum(beat.sent_bytes for beat in snapshot.beats if beat.doing == UPLOAD)
            progress.update(
                bar,
                description=words,
                total=settled - old_bytes + counts.waiting_bytes(),
                completed=settled - old_bytes + sent,
            )

        yield tick
