"""A short soak; ``make soak`` runs longer ones. What would be wrong is seen, too."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.soak import holds
from tests.soak.audit import audit, freed_by_the_log, needed
from tests.soak.holds import Sample
from tests.soak.running import soaked
from tests.soak.second import files_of, keys_of, opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.soak.ground import Ground


@pytest.mark.journey
@pytest.mark.timeout(1200)
def test_a_few_seconds_of_everything_at_once(tmp_path: Path) -> None:
    with soaked(tmp_path, seconds=15, seed=1, least=20) as ground:
        assert audit(ground) == []
        assert ground.made >= 20
        told = harmed(ground)
        wrong = "\n".join(audit(ground))
    assert [one for one in told if one not in wrong] == [], wrong


def harmed(ground: Ground) -> list[str]:
    """Everything is made a little wrong; what the audit has to say of it."""
    world = ground.world
    with closing(sqlite3.connect(world.state / "photosync.db")) as database:
        need = needed(ground, database)
    (world.pictures / "late.jpg").write_bytes(b"nobody saw it")
    library = world.emulator.library
    library.delete_item_by_hand(next(one.id for one in library.items() if one.sha256 in need))
    gone, doubled, *_ = unspoilt(ground, need)
    gone.unlink()
    doubled.with_name("twin.age").write_bytes(doubled.read_bytes())
    (world.second / ".photosync/part/left").write_bytes(b"half")
    (world.mirror / ".photosync/part").mkdir(parents=True, exist_ok=True)
    (world.mirror / ".photosync/part/left").write_bytes(b"half")
    for number in range(4):
        (world.state / f"photosync.db.daily-{number}.bak").touch()
    (world.state / "thumbnails").mkdir(exist_ok=True)
    with (world.state / "thumbnails/large").open("wb") as large:
        large.truncate(1 << 30)  # it takes no room
    with ground.log.open("a") as log:
        log.write("Traceback (most recent call last)\n" * 100_000)
    told = [
        "lost: ",
        "done, and not in the library",
        "contents are not there",
        "are the same content",
        "second copy: left over",
        "\nleft over",
        "verify: ",
        "copies of the database",
        "the thumbnails are",
        "a traceback in the log",
        "things that happened",
    ]
    if ground.phone is not None and (shots := ground.shots().keys() - freed_by_the_log(ground)):
        for shot in shots:
            (ground.phone.storage / shot).unlink()
        told.append("free-space does not know")
    return told


def unspoilt(ground: Ground, need: set[str]) -> list[Path]:
    """Files of the second copy that the audit has to miss: the only ones that hold what they do."""
    root, keys = ground.world.second, keys_of(ground.world.state)
    contents = {one: opened(one, keys) for one in files_of(root)}
    times = Counter(contents.values())
    return [
        one
        for one, content in contents.items()
        if content in need
        and times[content] == 1
        and str(one.relative_to(root)) not in ground.spoilt
    ]


def life(*held: tuple[float, int, int], every: float = 100.0) -> list[Sample]:
    return [
        Sample(
            at=every * number,
            age=every * number,
            memory_mb=memory,
            files=files,
            threads=threads,
            wal_mb=1.0,
            items=number,
            process=1,
        )
        for number, (memory, files, threads) in enumerate(held, start=1)
    ]


def test_growth_is_seen_in_a_long_life_alone() -> None:
    grown = [(100.0 + 10 * one, 50 + 5 * one, 25 + 2 * one) for one in range(12)]
    assert len(holds.growth(life(*grown))) == 3
    assert holds.growth(life(*grown, every=20.0)) == []
    assert holds.growth(life(*[(100.0, 50, 25)] * 23, (300.0, 90, 60))) == []  # work, not growth
