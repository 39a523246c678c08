"""What a soak has come to, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.soak import holds

if TYPE_CHECKING:
    from tests.soak.ground import Ground

REST_SECONDS = 15
"""So long a long soak does nothing in its beginning and its end."""


def figures(ground: Ground) -> dict[str, Any]:
    """What the run has come to."""
    emulator = ground.world.emulator
    items = emulator.library.items()
    put = sum(one.size_bytes for one in items)
    sent = sum(one.bytes for one in emulator.requests.all() if one.kind.startswith("upload."))
    return {
        "plan": vars(ground.plan),
        "names": ground.made,
        "versions": len(ground.ever),
        "in the library": len(items),
        "bytes in the library": put,
        "bytes sent": sent,
        "bytes sent twice": sent - put,
        "requests": emulator.requests.count(),
        "log bytes": ground.log.stat().st_size,
        "largest WAL MB": max((one.wal_mb for one in ground.meter.samples), default=0.0),
        **ground.kills,
        "done": dict(sorted(ground.done.items())),
    }


def rows(ground: Ground) -> list[tuple[str, holds.Sample]]:
    """The daemon at rest, at its first and last work, and all along the stretch without a kill."""
    meter = ground.meter
    found = []
    if fresh := [one for one in meter.life(1) if one.age <= REST_SECONDS]:
        found.append(("fresh, with nothing to do", fresh[-1]))
    lives = [meter.life(number) for number in range(1, meter.lives)]
    if killed := [one for one in lives if one]:
        longest = max(killed, key=len)
        found.append(("longest life before a kill", longest[-1]))
    last = meter.life(meter.lives)
    for number, one in enumerate(holds.parts(last), start=1):
        found.append((f"without a kill, part {number} of {holds.PARTS}", one))
    if last:
        found.append(("at rest in the end", last[-1]))
    return found
