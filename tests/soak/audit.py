"""What is wrong in the end: every place is held against what the soak knows, file by file."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.crash.staging import AUDITS
from tests.journeys.conftest import sha256
from tests.soak import holds, second

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.soak.ground import Ground

PATIENCE_SECONDS = 1200.0
MIB = 1 << 20
LARGEST_WAL, LARGEST_LEFT_WAL = 64 * MIB, 4 * MIB
LARGEST_CACHE = 512 * MIB
MOST_COPIES = 3
MOST_LINES = 12
"""Lines of the daemon's log for each version of a file, request and start, all together."""

OF_THE_SECOND_COPY = ("backups", "backup tallies")
"""A soak knows better what they have to be: it damages things."""

LEFT_OUT = """
    SELECT source_path, size_bytes, source_mtime_ns FROM media_items
    WHERE state = 'skipped' AND error_code = 'by_user'
"""

SOUND_TALLY = """
    SELECT target_id FROM backup_tallies
    WHERE waiting <> 0
        OR items <> (SELECT count(*) FROM backups WHERE verified_at > 0 AND is_lost = 0)
        OR bytes <> (SELECT ifnull(sum(size_bytes), 0) FROM backups
                     WHERE verified_at > 0 AND is_lost = 0)
"""


@dataclass
class Found:
    """What lies where: hashes. ``need``: what has to be everywhere; ``freed``: paths on the phone
    that are empty now, and their hash."""

    need: set[str]
    library: Counter[str]
    mirror: set[str]
    freed: dict[str, str]


def audit(ground: Ground) -> list[str]:
    """Everything that is wrong."""
    database = sqlite3.connect(ground.world.state / "photosync.db")
    try:
        found = _look(ground, database)
        wrong = [*ground.wrong]
        for part in (_library, _mirror, _freed):
            wrong += part(ground, found)
        wrong += second.audit(ground, found.need)
        wrong += _record(ground, database, found)
        wrong += _verbs(ground, database)
    finally:
        database.close()
    wrong += _restored(ground, found)
    wrong += _left_over(ground)
    return [*wrong, *_held(ground)]


def _look(ground: Ground, database: sqlite3.Connection) -> Found:
    shots = ground.shots()
    return Found(
        need=needed(ground, database),
        library=Counter(item.sha256 for item in ground.world.emulator.library.items()),
        mirror={sha256(one.read_bytes()) for one in ground.copies()},
        freed={path: content for path, content in ground.shot.items() if path not in shots},
    )


def needed(ground: Ground, database: sqlite3.Connection) -> set[str]:
    """All that there is now or ever was on the phone, but for what the user left out and only that:
    another version at the same path is another file."""
    left_out = set(database.execute(LEFT_OUT))
    need = set()
    for file in ground.files():
        found = file.stat()
        path = os.fsencode(file.relative_to(ground.world.pictures))
        if (path, found.st_size, found.st_mtime_ns) not in left_out:
            need.add(sha256(file.read_bytes()))
    paths = {path for path, _, _ in left_out}
    shot = ground.shot.items()  # where nobody changes a file
    ground.done["left out"] = len(left_out)
    return need | {content for path, content in shot if os.fsencode(path) not in paths}


def _library(ground: Ground, found: Found) -> Iterator[str]:
    if lost := found.need - found.library.keys():
        yield f"lost: {len(lost)} contents are not in the library: {sorted(lost)[:3]}"
    for one in found.library.keys() - ground.ever:
        yield f"never a file: {one}"
    for one, times in found.library.items():
        if times > 1:
            yield f"{times} times: {one}"
    if ground.world.emulator.requests.overlapping_writes():
        yield "two writes at once"


def _mirror(ground: Ground, found: Found) -> Iterator[str]:
    shot = set(ground.shot.values())
    if strange := found.mirror - shot:
        yield f"never a file on the phone: {len(strange)}"
    missing = (shot & found.need) - found.mirror
    if missing and ground.plan.keep == "forever":
        yield f"not copied: {len(missing)} files"
    for path, content in ground.shots().items():
        if ground.shot.get(path) != content:
            yield f"on the phone {path} is not what was shot"


def _freed(ground: Ground, found: Found) -> Iterator[str]:
    """Nothing is gone from the phone that is not in two other places, and on record."""
    keys = second.keys_of(ground.world.state)
    kept = {second.opened(one, keys) for one in second.files_of(ground.world.second)}
    begun = freed_by_the_log(ground)
    for path, content in found.freed.items():
        if content not in found.library:
            yield f"freed, and not in the library: {path}"
        if content not in found.mirror | kept:
            yield f"freed, and in no copy on this computer: {path}"
        if path not in begun:
            yield f"gone from the phone, and free-space does not know: {path}"


def freed_by_the_log(ground: Ground) -> set[str]:
    """Paths on the phone of which free-space says that it took what lay there."""
    told = json.loads(
        ground.world.run("free-space", "--log", "--limit", "100000", "--json").stdout
    )["log"]
    return {one["path"] for one in told if one["outcome"] in ("gone", "begun")}


def _record(ground: Ground, database: sqlite3.Connection, found: Found) -> Iterator[str]:
    """The database agrees with itself, and with what lies where."""
    for what, sql in AUDITS.items():
        if what in OF_THE_SECOND_COPY or what == "sessions":  # one of a lost file stays for a week
            continue
        if rows := database.execute(sql).fetchall():
            yield f"{what}: {rows[:3]}"
    if rows := database.execute(SOUND_TALLY).fetchall():
        yield f"tally of the second copy: {rows}"
    unsound = "SELECT sha256 FROM backups WHERE verified_at = 0 OR is_lost OR NOT is_listed"
    for (content,) in database.execute(unsound):
        if content in found.need:
            yield f"second copy: {content} is not sound on record"
    yield from _items(database, found)


def _items(database: sqlite3.Connection, found: Found) -> Iterator[str]:
    """Every item is at an end, and what is done is the library."""
    rows = database.execute("SELECT id, state, error_code, sha256 FROM media_items").fetchall()
    for number, state, code, _ in rows:
        is_past = code in ("vanished", "replaced")
        if state not in ("done", "duplicate", "skipped") and not is_past:
            yield f"item {number} is {state} ({code})"
    done = {content for _, state, _, content in rows if state in ("done", "duplicate")}
    if wrong := done - found.library.keys():
        yield f"done, and not in the library: {sorted(wrong)[:3]}"
    if wrong := found.library.keys() - done:
        yield f"in the library, and no item says so: {sorted(wrong)[:3]}"


def _verbs(ground: Ground, database: sqlite3.Connection) -> Iterator[str]:
    """What the verbs say of it all."""
    world = ground.world
    told = world.run("verify", "--all", timeout=PATIENCE_SECONDS)
    if told.returncode:
        yield f"verify: {told.stdout} {told.stderr}"
    counts = dict(database.execute("SELECT state, count(*) FROM media_items GROUP BY state"))
    report = json.loads(world.run("report", "--check", "--json", timeout=PATIENCE_SECONDS).stdout)
    status = world.json("status")
    for name, document in (("report", report), ("status", status)):
        said = {state: items for state, items in document["items"].items() if items}
        if said.pop("total", 0) != sum(counts.values()) or said != counts:
            yield f"{name} tells {document['items']}, the record {counts}"
    if report["damaged"]["items"]:
        yield f"report: damaged: {report['damaged']}"
    if status["problems"]:
        yield f"status: {status['problems']}"


def _restored(ground: Ground, found: Found) -> Iterator[str]:
    """All of it comes back into an empty folder."""
    folder = ground.world.home / "all"
    told = ground.world.run(
        "restore", "--all", "--to-folder", str(folder), "--json", timeout=PATIENCE_SECONDS
    )
    if told.returncode not in (0, 1):
        yield f"restore: {told.stdout[-1000:]} {told.stderr}"
    for place in (folder, ground.world.restored):
        back = {sha256(one.read_bytes()) for one in place.rglob("*") if one.is_file()}
        if strange := back - ground.ever:
            yield f"restored to {place.name}, and never a file: {sorted(strange)[:3]}"
        if place == folder and (missing := found.need - back):
            yield f"restore does not bring back {len(missing)}: {sorted(missing)[:3]}"
    documents = json.loads(told.stdout)["parts"] if told.stdout else []
    ours: dict[str, Any] = {}
    for part in documents:
        for one in part.get("failed", []):
            ours[one["code"]] = one
    ground.done["restored"] = sum(part.get("put", 0) for part in documents)
    if set(ours) - {"no_copy", "vanished", "not_found"}:
        yield f"restore: {ours}"


def _left_over(ground: Ground) -> Iterator[str]:
    """Nothing unfinished lies about, and nothing grew without end."""
    world = ground.world
    left = [*world.mirror.glob(".photosync/part/**/*")]
    left = [one for one in left if one.is_file()]
    left += [*world.state.glob(".token-*"), *world.state.glob("cache/dated/*")]
    for root in (world.pictures, world.restored, world.home / "all"):
        left += root.rglob(".photosync-*")
    if ground.phone is not None:
        left += ground.phone.storage.rglob(".photosync-*")
    if left:
        yield f"left over: {left[:5]}"
    wal = world.state / "photosync.db-wal"
    if wal.exists() and wal.stat().st_size > LARGEST_LEFT_WAL:
        yield f"the write-ahead log is {wal.stat().st_size / 1e6:.0f} MB in the end"
    if (cache := _size(world.state / "thumbnails")) > LARGEST_CACHE:
        yield f"the thumbnails are {cache / 1e6:.0f} MB"
    if len(kept := list(world.state.glob("*.bak"))) > MOST_COPIES:
        yield f"{len(kept)} copies of the database"
    said = ground.log.read_text("utf-8", "replace")
    if "Traceback" in said:
        yield "a traceback in the log"
    lines, reasons = said.count("\n"), _reasons(ground)
    if lines > MOST_LINES * reasons:
        yield f"the log has {lines} lines for {reasons} things that happened"


def _reasons(ground: Ground) -> int:
    requests = ground.world.emulator.requests.count()
    return len(ground.ever) + requests + ground.meter.lives * 20 + ground.done.total()


def _size(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def _held(ground: Ground) -> Iterator[str]:
    samples = ground.meter.samples
    largest = max((one.wal_mb for one in samples), default=0.0)
    if largest * 1e6 > LARGEST_WAL:
        yield f"the write-ahead log grew to {largest:.0f} MB"
    yield from holds.growth(ground.meter.life(ground.meter.lives))
