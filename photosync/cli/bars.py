"""A bar on the terminal for verbs that take their time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from photosync.cli.result import console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def counting(doing: str, *, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told how many of how many; 0 of all: nobody knows yet how many there are."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    if not shown:
        yield lambda _seen, _all: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        bar = progress.add_task(doing, total=None)
        yield lambda seen, in_all: progress.update(bar, completed=seen, total=in_all or None)
