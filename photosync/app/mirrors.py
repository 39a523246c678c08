"""Where copies of phones' photos are, and where they were before ``mirror.path`` was changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from photosync.app.state import MIRROR_MADE
from photosync.domain.media import readable
from photosync.store.control import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.files.mirroring import MirrorDisk
    from photosync.store.control import Control

MOVED = "mirror_moved"
EVER = f"{MIRROR_MADE}:"
"""How flags begin that name every place that ever was the mirror."""


def former_places(control: Control, here: Path) -> list[Path]:
    """Other folders that were the mirror."""
    places = [Path(one.removeprefix(EVER)) for one in control.flags(EVER)]
    return [one for one in places if one != here]


def place_of(control: Control, here: Path, path: str) -> Path | None:
    """Where the copy ``path`` lies: in the mirror, else where that was before; None: nowhere."""
    places = [here, *former_places(control, here)]
    return next((one / path for one in places if (one / path).is_file()), None)


def prepare(disk: MirrorDisk, control: Control, clock: Callable[[], float]) -> None:
    """See to it that the mirror is there, and tell of copies that were left elsewhere.

    Raises:
        MirrorAway, MirrorFull: See ``MirrorDisk.prepare``.
    """
    here, now = str(disk.root), int(clock())
    ever = f"{EVER}{here}"  # also one that the settings come back to
    made = control.flag(MIRROR_MADE)
    disk.prepare(known=made == here or control.flag(ever) is not None)
    if made != here:
        control.set_flag(MIRROR_MADE, here, now=now)
        control.set_flag(ever, "", now=now)
    former = former_places(control, disk.root)
    told = {one.subject for one in control.problems() if one.code == MOVED} if former else set()
    for place in former:
        subject = readable(str(place))
        if not _holds_copies(place):
            if subject in told:
                control.clear_problem(MOVED, subject)
        elif subject not in told:
            control.raise_problem(_moved(subject, readable(str(disk.root)), now))


def _moved(subject: str, here: str, now: int) -> Problem:
    return Problem(
        code=MOVED,
        subject=subject,
        message=f"Copies of photos lie in {subject}, which mirror.path named before.",
        hint=f"Move what is in it to {here}; or rename it, to have it forgotten.",
        gate="",
        needs_user=False,
        since=now,
        until=None,
    )


def _holds_copies(place: Path) -> bool:
    try:
        return any(not one.name.startswith(".") for one in place.iterdir())
    except OSError:  # its disk may be away, or it was renamed
        return False
