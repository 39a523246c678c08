"""The process dies at every border, starts again, and nothing is lost, doubled or left over."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from queue import SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Any

import pyrage
import pytest

from photosync.domain.dating import date_of
from photosync.emulator.server import Emulator
from photosync.files.dating import DatedCopies
from tests.crash.listing import borders
from tests.crash.zygote import DIED
from tests.journeys.conftest import World, jpeg, mp4, sha256
from tests.lab import lab
from tests.samples import film, picture, want_exiftool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from tests.lab.lab import AdbHost

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1500)]

SIDE_BY_SIDE = 4
LONG_AGO = 1_600_000_000
UPLOAD = '[upload]\nresumable_above = "256 KiB"\nchunk = "256 KiB"\n'

IN_TROUBLE = "one transaction, and only in trouble: written or not, the next try finds its way"
THUMBNAILS = "the cache of thumbnails: what is lost or torn is made again (test_thumbnail_cache)"
CLICK = "one transaction a click on the web page: made or not, as the page says then"
BACK = "photosync restore, by hand: it dies everywhere in test_by_hand.py"
FREE = "photosync free-space, by hand: it dies everywhere in test_by_hand.py"
RESEAL = "photosync backup --reseal, by hand: it dies everywhere in test_resealing.py"
SERVICE = "photosync service: a unit of systemd's, not of the queue"
NOT_ON_THE_WAY = {
    "app/picturing.py:_write": "photosync report --html: a page of the user's, whole or not at all",
    "store/assumed.py:AssumedFiles.take": "photosync import: some files at a time, each known then",
    "store/sightings.py:Sightings._note": "a fact for reports alone; the next whole look notes it",
    "app/noticing.py:_tell_without_database": "the program has ended already",
    "app/service.py:_let_read": SERVICE,
    "app/service.py:_write": SERVICE,
    "app/service.py:uninstall": SERVICE,
    "backup/keys.py:new_identity": "photosync backup --new-key: a file of the user's",
    "backup/keys.py:_sync_folder": "the same, and once with a passphrase",
    "backup/keys.py:write_new": "once, with a passphrase: what it leaves is begun anew",
    "backup/local.py:LocalPlace.take_back": RESEAL,
    "backup/local.py:_is_removed": RESEAL,
    "backup/remote.py:RemotePlace.take_back": "a folder on a server that is empty",
    "config/files.py:_write_new": "photosync config init: a file of the user's, not of the queue",
    "config/files.py:init": "the same",
    **{
        f"files/thumbnail_cache.py:ThumbnailCache.{one}": THUMBNAILS
        for one in ("_all", "_ease", "_make", "_read", "_write")
    },
    "files/mirroring.py:MirrorDisk.drop_abandoned": "what other photosyncs left a month ago",
    "files/mirroring.py:Part.__init__": "after a death between a copy's two names, which is tried",
    "google/library.py:PhotosLibrary._album_size": "a look at an album that may be full; no more",
    "files/placing.py:FolderTarget._made": BACK,
    "files/placing.py:FolderTarget._put": BACK,
    "files/placing.py:FolderTarget.prepare": BACK,
    "files/placing.py:FolderTarget.sweep": BACK,
    "files/placing.py:_named": BACK,
    "files/placing.py:_sync": BACK,
    "files/placing.py:_write": BACK,
    "google/sign_in.py:revoke": "photosync auth --revoke: nothing but the token goes",
    "files/dating.py:DatedCopies.sweep": "after a death in the midst of a copy, which is tried",
    "store/albums.py:Albums.fill": IN_TROUBLE,
    "store/albums.py:Albums.forget": IN_TROUBLE,
    "store/albums.py:Albums.measure": IN_TROUBLE,
    "store/dated.py:DatedRecords.forget": "one transaction; written or not, it is sent as it is",
    "store/backups.py:Backups.adopt": "once, when the state was lost: what it left is taken again",
    "store/backups.py:Backups.lose": IN_TROUBLE,
    "store/backups.py:Backups.put_aside": IN_TROUBLE,
    "store/backups.py:Backups.unwant": "at a start without a target: the next start does it again",
    "store/resealing.py:Reseals.exchange": RESEAL,
    "store/resealing.py:Reseals.promise": RESEAL,
    "store/resealing.py:Reseals.unlist": RESEAL,
    "store/resealing.py:Reseals.went": RESEAL,
    "store/control.py:Control.open_library_gate": IN_TROUBLE,
    "files/freed_log.py:FreedLog.add": FREE,
    "store/freeing.py:Freed.recall": "one transaction a line: the next start goes over all anew",
    "store/freeing.py:Freed.begin": FREE,
    "store/freeing.py:Freed.gone": FREE,
    "store/freeing.py:Freed.kept": FREE,
    "store/intake.py:Intake.revive": IN_TROUBLE,
    "store/media.py:MediaItems.release_of": IN_TROUBLE,
    "store/source_choices.py:SourceChoices.set_left": CLICK,
    "store/source_choices.py:SourceChoices.set_mode": CLICK,
    "store/restores.py:Restores.ask": BACK,
    "store/restores.py:Restores.ask_again": BACK,
    "store/restores.py:Restores.fail": BACK,
    "store/restores.py:Restores.forget": BACK,
    "store/restores.py:Restores.put": BACK,
    "store/restores.py:Restores.want_again": BACK,
    "store/spending.py:Spending.quota_spent": IN_TROUBLE,
    "store/spending.py:Spending.refund": IN_TROUBLE,
    "web/door.py:write_password": "photosync web --password: a file of the user's, whole or not",
    "store/verified.py:Verified.send_again": "one transaction an item: verb by verb, not by itself",
}
"""Places that change something, but nothing that a photo depends on."""

SOMETIMES = {("commit", "store/control.py:Control.tell")}
"""What is done only if a tick of the clock falls into it."""

Border = tuple[str, str, str, int]
Crossed = tuple[str, str, int]


@dataclass
class Program:
    """Runs verbs in children of one process that has everything imported."""

    process: subprocess.Popen[str]

    def run(self, world: World, *arguments: str, die: Border | None = None) -> tuple[int, Any]:
        """The exit code, and the borders crossed unless it died."""
        told = world.home / "told.json"
        told.unlink(missing_ok=True)
        order = {
            "arguments": [*arguments, "--config", str(world.config)],
            "log": str(world.home / "log"),
            "told": str(told),
            "die": die and dict(zip(("kind", "site", "when", "nth"), die, strict=True)),
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return code, json.loads(told.read_text()) if told.exists() else None


@contextmanager
def _program() -> Iterator[Program]:
    command = [sys.executable, "-m", "tests.crash.zygote"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Program(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def programs() -> Iterator[list[Program]]:
    """Several, for worlds side by side: much of a run is waiting."""
    with ExitStack() as stack:
        yield [stack.enter_context(_program()) for _ in range(SIDE_BY_SIDE)]


@pytest.fixture
def program(programs: list[Program]) -> Program:
    return programs[0]


@dataclass
class Stage:
    """What a matrix is played on: the same files for each of its worlds, long settled.

    ``configure`` writes a world's settings; ``expected`` are the photos that have to arrive,
    ``originals`` what the second copy has to hold if that is not the same.
    """

    folder: Path
    configure: Callable[[World], None]
    expected: list[bytes]
    duplicates: int
    failed: int
    skipped: int = 0
    key: str = ""
    originals: list[bytes] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def world(self) -> Iterator[World]:
        """A fresh state, a fresh library; a used token is refused, as Google may do."""
        number = next(self.numbers)
        with Emulator(self.folder / f"google-{number}") as emulator:
            emulator.options.reused_token = "code-3"
            world = World(self.folder / f"home-{number}", emulator)
            world.pictures.rmdir()
            world.pictures = self.folder / "Pictures"
            _expire(world.state / "token.json")
            self.configure(world)
            yield world

    def faults(self, world: World) -> list[str]:
        """Everything that is not as it should be at the end."""
        return [
            *self._faults_in_the_library(world),
            *self._faults_in_the_state(world),
            *self._faults_in_the_backup(world),
        ]

    def _faults_in_the_backup(self, world: World) -> Iterator[str]:
        """Each content once and whole, and nothing else."""
        lies = [one for one in (world.home / "backup").rglob("*") if one.is_file()]
        photos = [one for one in lies if ".photosync" not in one.parts]
        held = Counter(sha256(self._opened(one)) for one in photos)
        if held != Counter(map(sha256, self.originals or self.expected)):
            yield f"backup {sorted(str(one) for one in photos)}"
        left = [one for one in lies if one.parent.name == "part" or one.suffix == ".new"]
        if left:
            yield f"left over in the backup: {left}"

    def _opened(self, file: Path) -> bytes:
        if not self.key:
            return file.read_bytes()
        assert file.suffix == ".age"
        identity = pyrage.x25519.Identity.from_str(self.key)
        return bytes(pyrage.decrypt(file.read_bytes(), [identity]))

    def _faults_in_the_library(self, world: World) -> Iterator[str]:
        held = Counter(item.sha256 for item in world.emulator.library.items())
        wanted = Counter(map(sha256, self.expected))
        if held != wanted:
            yield f"lost {sum((wanted - held).values())}, doubled {sum((held - wanted).values())}"
        albums = world.emulator.library.albums()
        if [one.title for one in albums] != ["Trip"]:
            yield f"albums {albums}"
        if world.emulator.requests.overlapping_writes():
            yield "two writes at once"

    def _faults_in_the_state(self, world: World) -> Iterator[str]:
        database = sqlite3.connect(world.state / "photosync.db")
        rows = database.execute("SELECT state, count(*) FROM media_items GROUP BY state").fetchall()
        wanted = {"done": len(self.expected), "duplicate": self.duplicates, "failed": self.failed}
        wanted["skipped"] = self.skipped
        if dict(rows) != {state: items for state, items in wanted.items() if items}:
            yield f"states {rows}"
        for what, sql in AUDITS.items():
            found = database.execute(sql).fetchall()
            if found:
                yield f"{what}: {found[:3]}"
        database.close()
        left = [*world.home.glob("mirror/.photosync/part/*/*"), *_unfinished(world)]
        left += world.state.glob("cache/dated/*")
        if left:
            yield f"left over: {left}"


AUDITS = {
    "backups": "SELECT sha256 FROM backups WHERE verified_at = 0 OR is_lost OR NOT is_listed",
    "backups waiting": "SELECT item_id FROM backup_waiting",
    "backup tallies": """
        SELECT target_id FROM backup_tallies
        WHERE items <> (SELECT count(*) FROM backups) OR waiting <> 0
            OR bytes <> (SELECT sum(size_bytes) FROM backups)
    """,
    "damaged": "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "leases": "SELECT id, leased_by FROM media_items WHERE leased_by IS NOT NULL",
    "sessions": "SELECT item_id FROM upload_sessions",
    "history": """
        SELECT item_id, id, before, was FROM (
            SELECT item_id, id, before,
                lag(after) OVER (PARTITION BY item_id ORDER BY id) AS was FROM item_events)
        WHERE before IS NOT was
    """,
    "history's end": """
        SELECT id, state FROM media_items WHERE state IS NOT (
            SELECT after FROM item_events WHERE item_id = media_items.id ORDER BY id DESC LIMIT 1)
    """,
    "tallies": """
        SELECT source_id, state, sum(items), sum(bytes) FROM (
            SELECT source_id, state, items, bytes FROM tallies
            UNION ALL
            SELECT source_id, state, -count(*), -sum(size_bytes) FROM media_items
            GROUP BY source_id, state)
        GROUP BY source_id, state HAVING sum(items) <> 0 OR sum(bytes) <> 0
    """,
}


def _expire(token_file: Path) -> None:
    """The first thing to do is to get another access token."""
    told = json.loads(token_file.read_text())
    token_file.write_text(json.dumps(told | {"expiry": "2020-01-01T00:00:00Z"}))


def _unfinished(world: World) -> list[Path]:
    """Token files that a death left half written."""
    return list(world.state.glob(".token-*"))


def _old(file: Path) -> None:
    os.utime(file, (LONG_AGO, LONG_AGO))


@pytest.fixture(scope="module")
def folder_stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("crash")
    pictures = folder / "Pictures"
    contents = [*(jpeg(number) for number in range(6)), mp4(1, 700_000)]
    for number, content in enumerate(contents):
        file = pictures / f"{number % 2}" / f"{number}.{'mp4' if number == 6 else 'jpg'}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        _old(file)
    raw = b"II*\0" + bytes(1000)  # left out: its JPEG stands for it
    for name, content in (("twin.jpg", jpeg(3)), ("empty.jpg", b""), ("0/4.dng", raw)):
        (pictures / name).write_bytes(content)
        _old(pictures / name)

    def configure(world: World) -> None:
        (world.home / "backup").mkdir()
        select = '[select]\nraw_with_jpeg = "jpeg"\n'
        backup = f'[backup]\nto = "{world.home}/backup"\n'
        world.configure(folder='album = "Trip"', more=select + UPLOAD + backup)

    return Stage(folder, configure, contents, duplicates=1, failed=1, skipped=1)


@pytest.fixture(scope="module")
def dated_stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A picture and a film that say no date; the film goes in pieces, each death making it anew."""
    want_exiftool()
    folder = tmp_path_factory.mktemp("crash-dates")
    pictures = folder / "Pictures"
    pictures.mkdir()
    name, padding = "IMG-20210131-WA0007.jpg", (600_000).to_bytes(4, "big") + b"free"
    long_film = film(1) + padding + bytes(600_000 - 8)
    originals = {name: (picture(1), "image/jpeg"), "film.mp4": (long_film, "video/mp4")}
    expected = []
    with closing(DatedCopies(folder / "copies", halt=Event())) as copies:
        for number, (one, (content, mime)) in enumerate(originals.items()):
            (pictures / one).write_bytes(content)
            _old(pictures / one)
            dated = date_of(one, LONG_AGO * 10**9, now=time.time())
            assert dated is not None
            with copies.copy(
                io.BytesIO(content),
                number=number,
                size_bytes=len(content),
                sha256=sha256(content),
                mime_type=mime,
                dated=dated,
            ) as copy:
                copy.file.seek(0)
                expected.append(copy.file.read())

    def configure(world: World) -> None:
        (world.home / "backup").mkdir()
        backup = f'[backup]\nto = "{world.home}/backup"\n'
        world.configure(folder='album = "Trip"', more=f"{UPLOAD}fix_dates = true\n{backup}")

    kept = [content for content, _ in originals.values()]
    return Stage(folder, configure, expected, duplicates=0, failed=0, originals=kept)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdbHost]:
    with lab.host(tmp_path_factory.mktemp("adb-home")) as made:
        yield made


@pytest.fixture(scope="module")
def phone_stage(host: AdbHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One film is large enough to be gone on with; copies are taken away once they are safe."""
    folder = tmp_path_factory.mktemp("crash-phone")
    (folder / "Pictures").mkdir()
    contents = [*(jpeg(number) for number in range(4)), mp4(1, 33 << 20)]
    with lab.phone(host, folder / "phone", "LAB1111") as phone:
        camera = phone.storage / "DCIM/Camera"
        for number, content in enumerate([*contents, jpeg(2), b"no picture"]):
            file = camera / f"{number}.{'mp4' if number == 4 else 'jpg'}"
            file.write_bytes(content)
            _old(file)
        (phone.storage / "Download").mkdir()
        (phone.storage / "Download/other.jpg").write_bytes(jpeg(9))

        key = str(pyrage.x25519.Identity.generate())

        def configure(world: World) -> None:
            (world.home / "backup").mkdir()
            (world.state / "backup-key.txt").write_text(key)
            backup = f'[backup]\nto = "{world.home}/backup"\nencrypt = true\n'
            world.configure(
                phone=f'adb_port = {host.port}\nalbum = "Trip"',
                more=f'[mirror]\npath = "{world.home}/mirror"\nmin_free = 0\n'
                f'keep = "until-done"\n{backup}',
            )

        yield Stage(folder, configure, contents, duplicates=1, failed=1, key=key)


def _borders_of(crossed: Iterable[Crossed]) -> list[Border]:
    """Before and after the first and the last time that each was crossed; in a file's middle."""
    return [
        (kind, site, when, nth)
        for kind, site, times in crossed
        for nth in sorted({1, times} | ({times // 2} if kind in ("body", "copy") else set()))
        for when in ("before", "after")
        if nth
    ]


def _crossed(stage: Stage, program: Program) -> list[Crossed]:
    """The borders that one run crosses which comes to its good end, and how often."""
    with stage.world() as world:
        code, told = program.run(world, "run", "--once")
        assert code == min(stage.failed, 1)
        assert stage.faults(world) == []
    return [(kind, site, times) for kind, site, times in told["crossed"]]


def _seen(stage: Stage, program: Program, orders: list[tuple[Border | None, str]]) -> set[str]:
    """The functions that are on the way to a border, in verbs and deaths in one world."""
    found = set()
    with stage.world() as world:
        for die, verb in orders:
            code, told = program.run(world, *verb.split(), die=die)
            assert code == DIED if die else code in (0, 1), (verb, code)
            for some in told["seen"].values() if told else ():
                found.update(some)
    return found


def _die_at(border: Border, stage: Stage, program: Program) -> tuple[bool, list[str]]:
    """Whether it did die there, and what is wrong after the next run."""
    with stage.world() as world:
        died, _ = program.run(world, "run", "--once", die=border)
        for left in _unfinished(world):  # they go when a token is written an hour later
            _old(left)
        code, _ = program.run(world, "run", "--once")
        faults = stage.faults(world)
        if code not in (0, 1):
            faults.append(f"exit code {code}")
        log = (world.home / "log").read_text()[-2000:]
    return died == DIED, [*faults, log] if faults else []


def _die_everywhere(crossed: Iterable[Crossed], stage: Stage, programs: Sequence[Program]) -> None:
    matrix = _borders_of(crossed)
    wrong: list[str] = []
    deaths: set[Border] = set()

    def die(border: Border, program: Program) -> None:
        died, faults = _die_at(border, stage, program)
        if died:
            deaths.add(border)
        if faults:
            wrong.append(f"{border}: " + "\n".join(faults))

    _side_by_side(die, matrix, programs)
    assert not wrong, "\n\n".join(wrong)
    # threads meet otherwise each time, and may cross a border less often
    assert len(deaths) > len(matrix) * 0.7, sorted(set(matrix) - deaths)
    spared = {one[:2] for one in matrix} - {one[:2] for one in deaths}
    assert spared <= SOMETIMES


def test_a_death_at_any_border_on_a_folders_way(
    folder_stage: Stage, programs: list[Program]
) -> None:
    _die_everywhere(_crossed(folder_stage, programs[0]), folder_stage, programs)


def test_a_death_at_any_border_on_a_phones_way(
    folder_stage: Stage, phone_stage: Stage, programs: list[Program]
) -> None:
    """Those that a folder's photos do not cross."""
    common = {one[:2] for one in _crossed(folder_stage, programs[0])}
    own = [one for one in _crossed(phone_stage, programs[0]) if one[:2] not in common]
    _die_everywhere(own, phone_stage, programs)


def test_a_death_at_any_border_on_a_dated_copys_way(
    folder_stage: Stage, dated_stage: Stage, programs: list[Program]
) -> None:
    """Those that other photos do not cross, and those at which their bytes are sent and noted."""
    common = {one[:2] for one in _crossed(folder_stage, programs[0])}
    crossed = _crossed(dated_stage, programs[0])
    own = [one for one in crossed if one[:2] not in common or "mark_uploaded" in one[1]]
    assert any("dated.py" in site for _, site, _ in own)
    assert any("files/dating.py" in site for _, site, _ in own)
    sent = [one for one in crossed if one[0] in ("request", "body") and one not in own]
    _die_everywhere([*own, *sent], dated_stage, programs)


NEVER_FULL = frozenset({"request", "body", "phone"})


def _fill_at(border: Border, stage: Stage, program: Program) -> tuple[bool, list[str]]:
    """Whether the disk was full there, and what is wrong after the next run."""
    with stage.world() as world:
        code, told = program.run(world, "run", "--once", die=border)
        for left in _unfinished(world):
            _old(left)
        log = (world.home / "log").read_text()
        faults = ["a bug"] * ("Traceback" in log) + [f"exit code {code}"] * (code not in range(4))
        code, _ = program.run(world, "run", "--once")
        faults += stage.faults(world)
        if code not in (0, 1):
            faults.append(f"then exit code {code}")
    was_full = told is None or told["was_full"]
    return was_full, [*faults, log[-3000:]] if faults else []


@pytest.mark.parametrize("way", ["folder", "phone", "dated"])
def test_a_disk_that_is_full_at_any_write(
    request: pytest.FixtureRequest, programs: list[Program], way: str
) -> None:
    stage = request.getfixturevalue(f"{way}_stage")
    crossed = [one for one in _crossed(stage, programs[0]) if one[0] not in NEVER_FULL]
    matrix = [
        (kind, site, "full", nth) for kind, site, times in crossed for nth in sorted({1, times})
    ]
    wrong: list[str] = []
    full: set[tuple[str, str]] = set()

    def fill(border: Border, program: Program) -> None:
        was_full, faults = _fill_at(border, stage, program)
        if was_full:
            full.add(border[:2])
        if faults:
            wrong.append(f"{border}: " + "\n".join(faults))

    _side_by_side(fill, matrix, programs)
    assert not wrong, "\n\n".join(wrong)
    assert len(full) > 20


def _side_by_side(
    do: Callable[[Border, Program], None], matrix: Sequence[Border], programs: Sequence[Program]
) -> None:
    free: SimpleQueue[Program] = SimpleQueue()
    for program in programs:
        free.put(program)

    def one(border: Border) -> None:
        mine = free.get()
        try:
            do(border, mine)
        finally:
            free.put(mine)

    with ThreadPoolExecutor(len(programs)) as pool:
        for _ in pool.map(one, matrix):
            pass


def test_no_border_is_forgotten(
    folder_stage: Stage, phone_stage: Stage, dated_stage: Stage, program: Program
) -> None:
    """What commits, sends or changes files is on one of those ways, or is said not to be."""
    album_made = ("request", "google/library.py:PhotosLibrary._write", "after", 1)
    half_a_film = ("copy", "files/mirroring.py:Part._put", "after", 20)
    half_a_backup = ("copy", "backup/local.py:LocalPart._put", "after", 1)
    marked = ("file", "backup/local.py:LocalPlace.put", "after", 4)  # and not on record
    verbs: list[tuple[Border | None, str]] = [
        (None, verb) for verb in ("run --once", "pause", "resume", "skip 1", "run --once", "verify")
    ]
    seen = (
        _seen(folder_stage, program, [*verbs])
        | _seen(folder_stage, program, [(album_made, "run --once"), *verbs])
        | _seen(dated_stage, program, [(None, "run --once")])
        | _seen(folder_stage, program, [(half_a_backup, "run --once"), *verbs, (None, "backup")])
        | _seen(folder_stage, program, [(marked, "run --once"), *verbs])
        | _seen(phone_stage, program, [*verbs, (None, "folders --leave DCIM/Camera")])
        | _seen(phone_stage, program, [(half_a_film, "run --once"), *verbs])
    )
    listed = set().union(*borders().values())
    forgotten = sorted(listed - seen - NOT_ON_THE_WAY.keys())
    assert not forgotten, "\n".join(forgotten)
    assert sorted(NOT_ON_THE_WAY.keys() - listed) == []  # it is no more: away with its excuse
    assert sorted(NOT_ON_THE_WAY.keys() & seen) == []  # it is on the way by now
