"""A bar on the terminal for verbs that take their time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from photosync.cli.result import console
from photosync.domain.media import in_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import ProgressColumn, Task


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


def rate_column() -> ProgressColumn:
    """How fast it goes, in the units of all other sizes: rich's own column has MB beside MiB."""
    from rich.progress import ProgressColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(
                "" if speed is None else f"{in_units(speed)}/s", style="progress.data.speed"
            )

    return Rate()
