"""Signals that end a verb which takes its time."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event
    from types import FrameType


def obey_signals(halt: Event, *, reload: Event | None = None) -> None:
    """SIGTERM, SIGINT and SIGHUP end the run within seconds; a second one at once.

    ``reload``: SIGHUP, which else tells that the terminal was closed, sets that instead.
    """

    def stop(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        halt.set()

    def read_anew(_: int, __: FrameType | None) -> None:
        if reload is not None:
            reload.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    if reload is not None:
        signal.signal(signal.SIGHUP, read_anew)
    # the kernel sends it when a program opens a file for writing that we ask a lease for
    signal.signal(signal.SIGIO, signal.SIG_IGN)
