"""Bells wake workers; a ring between two looks is never lost."""

from __future__ import annotations

from threading import Condition


class Bell:
    """Counts its rings, so that a worker can tell whether it missed one."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        """How often it rang so far."""
        with self._changed:
            return self._rings

    def ring(self) -> None:
        """Wake everybody who waits."""
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def wait(self, heard: int, timeout_seconds: float) -> bool:
        """Wait for a ring after the ``heard``-th; whether there was one in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._rings != heard, timeout_seconds)


class Bells:
    """A bell for each kind of worker."""

    def __init__(self, *names: str) -> None:
        self._bells = {name: Bell() for name in names}

    def __getitem__(self, name: str) -> Bell:
        return self._bells[name]

    def ring(self, *names: str) -> None:
        """Wake the named workers."""
        for name in names:
            self._bells[name].ring()

    def ring_all(self) -> None:
        """Wake everybody."""
        self.ring(*self._bells)
