"""``why`` says what a look does, and what is on record; for any file, tree and settings."""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from photosync import config
from photosync.app.selecting import first_state, of_folder, rules_of
from photosync.app.state import opened
from photosync.app.times import local
from photosync.app.why import why
from photosync.daemon import lock
from photosync.daemon.bells import Bells
from photosync.domain.fates import Verdict
from photosync.domain.media import Hashes, SourceKind
from photosync.domain.states import State
from photosync.errors import EmptyFile, UnknownItem
from photosync.files.folder import Folder
from photosync.stages.discover import Discover, Watched
from photosync.stages.parts import Parts
from photosync.store.control import Problem
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.shots import Shots
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photosync.app.answers import Answer
    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.domain.media import MediaItem

JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
LONG_AGO = 1_600_000_000
LONG = 2_000_000_000_000  # not before: any


def settled() -> float:
    """The time at which whatever a test has written is old."""
    return time.time() + 60


class World:
    """A folder of pictures, settings, and what the parts of a daemon do when a test says so."""

    def __init__(self, folder: Path, select: str = "", more: str = "") -> None:
        self.home = folder
        self.pictures = folder / "pictures"
        self.pictures.mkdir(exist_ok=True)
        self.configure(select, more)

    def configure(self, select: str = "", more: str = "") -> None:
        file = self.home / "config.toml"
        file.write_text(
            f'state_dir = "state"\n[select]\n{select}\n[phone]\nenabled = false\n'
            f'[mirror]\npath = "mirror"\n[[folder]]\npath = "pictures"\n{more}\n',
            "utf-8",
        )
        self.settings: Settings = config.load(file, {"HOME": str(self.home)})
        (self.home / "state").mkdir(exist_ok=True)
        self.settings.google.token_file.write_text("{}")

    def put(self, name: str, content: bytes = JPEG, mtime: float = LONG_AGO) -> Path:
        file = self.pictures / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if content != JPEG else JPEG + os.fsencode(name))
        os.utime(file, (mtime, mtime))
        return file

    def look(self) -> None:
        """What a daemon that starts finds."""
        with opened(self.settings) as state:
            sources = Sources(state.database)
            bells = Bells("mirror", "pull", "upload")
            shared: dict[str, Any] = {
                "control": state.control,
                "first": first_state(self.settings),
                "bells": bells,
                "rules": rules_of(self.settings),
            }
            source = sources.register(
                SourceKind.FOLDER, str(self.pictures), label="pictures", album=""
            )
            sources.set_connected(source.id, connected=True, now=1)
            files = Folder(self.pictures, selection=of_folder(self.settings, 0))
            later = lambda: time.time() + 60  # noqa: E731 - everything has settled by then
            files._settling._clock = later
            Discover(
                intake=Intake(state.database),
                sources=sources,
                halt=Event(),
                clock=time.time,
                **shared,
            ).look(Watched(source, files))
            parts = Parts(shots=Shots(state.database), sources=sources, clock=time.time, **shared)
            parts.run_once()

    @contextmanager
    def running(self) -> Iterator[None]:
        with lock.held(self.settings.state_dir, now=1):
            yield

    def state(self, name: str, *states: State, **more: Any) -> MediaItem:
        """Lead an item through ``states``."""
        with opened(self.settings) as opened_state:
            items = MediaItems(opened_state.database)
            item = _at(opened_state, name)
            for one in states:
                _move(opened_state, items, item, one, more)
                item = opened_state.overview.item(item.id)
        return item

    def one(self, asked: str, folder: Path | None = None) -> Answer:
        place = folder or self.pictures
        (answer,) = why(self.settings, asked, folder=place, clock=settled)
        return answer


def _at(state: OpenState, name: str) -> MediaItem:
    (source,) = [one for one in Sources(state.database).all() if one.label == "pictures"]
    return state.overview.items_at(source.id, name)[0]


def _move(
    state: OpenState, items: MediaItems, item: MediaItem, after: State, more: dict[str, Any]
) -> None:
    if after in (State.MIRRORED, State.DUPLICATE):
        (claimed,) = items.claim(State.FOUND, worker="w", now=LONG)
        content = more.get("content", f"{item.id % 10}")
        hashes = Hashes(item.size_bytes, content * 64, content * 40)
        items.mark_hashed(
            claimed, hashes, album="", taken_at=None, mirror_path=None, now=int(state.clock())
        )
    elif after == State.UPLOADED:
        (claimed,) = items.claim(State.MIRRORED, worker="w", now=LONG)
        items.mark_uploaded(claimed, token="token", now=int(state.clock()))
    elif after == State.DONE:
        (claimed,) = items.claim_batch(worker="w", now=LONG, limit=1)
        items.mark_done(claimed, google_id="google-1", now=LONG_AGO)
    elif after == State.FAILED:
        (claimed,) = items.claim(item.state, worker="w", now=LONG)
        items.fail(claimed, code=more["code"], message="It is broken.", now=1)
    elif after == State.SKIPPED and "code" in more:
        (claimed,) = items.claim(item.state, worker="w", now=LONG)
        items.skip(claimed, code=more["code"], message="It is gone.", now=1)
    else:
        verb = state.choices.skip if after == State.SKIPPED else state.choices.choose
        verb([item.id], now=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def told(answer: Answer) -> tuple[Verdict, str]:
    return answer.fate.verdict, answer.fate.code


# --- files that nobody has found

SELECT = """
exclude = ["*.gif", "private/"]
since = "2015-01-01"
min_size = 100
max_size = "1 kB"
types = ["photo"]
screenshots = false
"""
ACT, LEFT, FAILED, UNKNOWN = Verdict.ACT, Verdict.LEFT_OUT, Verdict.FAILED, Verdict.UNKNOWN
Case = tuple[str, bytes, Verdict, str, str, str]
UNSEEN: list[Case] = [
    # path, content, verdict, code, a part of the rule, a part of the cure
    ("a.jpg", JPEG, ACT, "not_seen", "", "photosync run"),
    ("noname", JPEG, ACT, "not_seen", "", "photosync run"),
    ("deep/er/a.jpg", JPEG, ACT, "not_seen", "", "photosync run"),
    (".hidden.jpg", JPEG, LEFT, "junk", "names that are never taken", "Rename"),
    (".trashed-1-a.jpg", JPEG, LEFT, "junk", "never taken", "Rename"),
    ("@eaDir/a.jpg", JPEG, LEFT, "junk", "never taken", ""),
    ("a.jpg.part", JPEG, LEFT, "junk", "never taken", ""),
    ("notes.txt", JPEG, LEFT, "other_type", "no photos", "judged by their content"),
    ("words", b"only words" * 20, LEFT, "no_media", "by its content", ""),
    ("words.jpg", b"only words" * 20, FAILED, "not_media", "error not_media", ""),
    ("marked/a.jpg", JPEG, LEFT, "no_media_folder", ".nomedia", "Remove that file"),
    ("x.gif", JPEG, LEFT, "excluded", "select.exclude", "Take *.gif out of select.exclude"),
    ("private/a.jpg", JPEG, LEFT, "excluded", "select.exclude", "Take private/ out of"),
    ("small.jpg", JPEG[:50], LEFT, "excluded", "select.min_size", "Lower select.min_size"),
    ("large.jpg", JPEG * 20, LEFT, "excluded", "select.max_size", "Raise select.max_size"),
    ("film.mp4", JPEG, LEFT, "excluded", "select.types", "Add its type to select.types"),
    ("Screenshots/a.jpg", JPEG, LEFT, "excluded", "select.screenshots", "screenshots = true"),
    ("Screenshot_2020.jpg", JPEG, LEFT, "excluded", "select.screenshots", "screenshots = true"),
    ("gone.jpg", b"", UNKNOWN, "gone", "", ""),
]


@pytest.mark.parametrize("case", UNSEEN, ids=lambda case: case[0])
def test_why_of_a_file_that_was_never_seen(world: World, case: Case) -> None:
    path, content, verdict, code, rule, cure = case
    world.configure(SELECT)
    if content:
        file = world.put(path)
        file.write_bytes(content)
        os.utime(file, (LONG_AGO, LONG_AGO))
        if path.startswith("marked/"):
            (file.parent / ".nomedia").touch()
    for asked in (path, str(world.pictures / path), f"../pictures/./{path}"):
        answer = world.one(asked)
        assert told(answer) == (verdict, code)
        assert rule in answer.fate.rule
        assert cure in answer.fate.cure
        assert answer.path == path


def test_why_of_one_that_is_too_old(world: World) -> None:
    world.configure(SELECT)
    world.put("old.jpg", mtime=1_000_000_000)
    answer = world.one("old.jpg")
    assert told(answer) == (LEFT, "excluded")
    assert answer.fate.message == "It is older than select.since (2015-01-01)."


def test_why_names_the_setting_of_the_very_folder(world: World) -> None:
    world.configure('exclude = ["*.gif"]', 'exclude = ["*.jpg"]\ntypes = ["photo"]')
    world.put("a.jpg")
    world.put("b.gif")
    world.put("c.mp4")
    assert world.one("a.jpg").fate.rule == "folder[1].exclude"
    assert world.one("b.gif").fate.code == "not_seen"
    assert world.one("c.mp4").fate.rule == "folder[1].types"


def test_why_of_what_somebody_writes_to(world: World) -> None:
    file = world.put("a.jpg")
    with file.open("ab"), world.running():
        answer = world.one("a.jpg")
    assert told(answer) == (Verdict.TAKEN, "unsettled")
    assert "open for writing" in answer.fate.message


def test_why_of_symlinks_and_of_folders(world: World) -> None:
    world.put("real/a.jpg")
    (world.pictures / "link.jpg").symlink_to("real/a.jpg")
    (world.pictures / "linked").symlink_to("real")
    (world.home / "outside").symlink_to(world.pictures)
    assert told(world.one("link.jpg")) == (LEFT, "symlink")
    assert told(world.one("linked/a.jpg")) == (LEFT, "symlink")
    assert world.one("outside/real/a.jpg", world.home).path == "real/a.jpg"
    assert told(world.one("real")) == (Verdict.TAKEN, "folder")
    assert told(world.one(".")) == (Verdict.TAKEN, "folder")
    world.configure('exclude = ["real/"]')
    assert told(world.one("real")) == (LEFT, "excluded")


def test_why_of_a_file_in_no_watched_folder(world: World) -> None:
    (world.home / "other").mkdir()
    (world.home / "other/a.jpg").write_bytes(JPEG)
    answer = world.one("../other/a.jpg")
    assert told(answer) == (LEFT, "not_watched")
    assert str(world.pictures) in answer.fate.message
    assert f'path = "{world.home}/other"' in answer.fate.cure
    assert told(world.one("../nowhere/b.jpg")) == (UNKNOWN, "unknown")


def test_why_of_a_folder_that_is_away(world: World) -> None:
    world.pictures.rmdir()
    assert told(world.one("a.jpg", world.home / "pictures")) == (ACT, "source_missing")


def test_why_of_a_file_that_was_written_just_now(world: World) -> None:
    file = world.put("a.jpg")
    with world.running():
        (answer,) = why(world.settings, str(file), clock=lambda: file.stat().st_ctime)
        assert told(answer) == (Verdict.TAKEN, "unsettled")
        assert "2 more seconds" in answer.fate.message
        assert told(world.one("a.jpg")) == (Verdict.TAKEN, "not_seen")


def test_there_is_no_item_of_that_number(world: World) -> None:
    world.look()
    with pytest.raises(UnknownItem):
        world.one("4711")


# --- what is on record


def test_why_of_an_item_in_each_state(world: World) -> None:
    world.put("a.jpg")
    world.look()
    assert told(world.one("a.jpg")) == (ACT, "not_running")
    with world.running():
        assert told(world.one("a.jpg")) == (Verdict.TAKEN, "found")
        with opened(world.settings) as state:
            state.control.pause("", now=1)
        answer = world.one("a.jpg")
        assert (answer.fate.code, answer.fate.cure) == ("paused", "photosync resume")
        with opened(world.settings) as state:
            state.control.resume(now=1)
            MediaItems(state.database).claim(State.FOUND, worker="w", now=LONG)
        assert world.one("a.jpg").fate.message == "It is being read right now."
        with opened(world.settings) as state:
            MediaItems(state.database).release_all()
        world.state("a.jpg", State.MIRRORED)
        assert told(world.one("a.jpg")) == (Verdict.TAKEN, "mirrored")
        world.state("a.jpg", State.UPLOADED)
        assert told(world.one("a.jpg")) == (Verdict.TAKEN, "uploaded")
    world.state("a.jpg", State.DONE)
    answer = world.one("a.jpg")
    assert told(answer) == (Verdict.TAKEN, "done")
    assert local(1_600_000_000) in answer.fate.message
    assert answer.fate.message.endswith("https://photos.google.com/lr/photo/google-1")
    world.configure('exclude = ["*.jpg"]')
    assert told(world.one("a.jpg")) == (Verdict.TAKEN, "done")


@pytest.mark.parametrize(
    ("code", "needs_user", "until", "verdict"),
    [
        ("storage_full", True, None, ACT),
        ("daily_quota", False, LONG_AGO * 2, Verdict.TAKEN),
        ("offline", False, LONG_AGO * 2, Verdict.TAKEN),
    ],
)
def test_why_of_one_that_waits_for_something(
    world: World, code: str, needs_user: bool, until: int | None, verdict: Verdict
) -> None:
    world.put("a.jpg")
    world.look()
    world.state("a.jpg", State.MIRRORED)
    problem = Problem(
        code, "", "No way.", "Mend it.", "library", needs_user=needs_user, since=1, until=until
    )
    with opened(world.settings) as state:
        state.control.raise_problem(problem)
    with world.running():
        answer = world.one("a.jpg")
    assert told(answer) == (verdict, code)
    assert answer.fate.message == "It waits to be uploaded. No way."
    assert answer.fate.cure == "Mend it."


def test_why_of_one_outside_the_hours_of_uploads(world: World) -> None:
    world.put("a.jpg")
    world.look()
    world.state("a.jpg", State.MIRRORED)
    hour = (time.localtime().tm_hour + 2) % 24
    world.configure(more=f'[upload]\nhours = "{hour:02}:00-{hour:02}:30"')
    with world.running():
        answer = world.one("a.jpg")
    assert told(answer) == (Verdict.TAKEN, "outside_hours")


def test_why_of_what_was_set_aside(world: World) -> None:
    world.configure('mode = "manual"')
    world.put("held.jpg")
    world.look()
    answer = world.one("held.jpg")
    assert (*told(answer), answer.fate.cure) == (ACT, "held", "photosync choose 1")
    world.state("held.jpg", State.SKIPPED)
    answer = world.one("held.jpg")
    assert (*told(answer), answer.fate.cure) == (LEFT, "by_user", "photosync choose 1")


def test_why_of_one_that_is_taken_as_uploaded(world: World) -> None:
    world.put("a.jpg")
    world.look()
    world.state("a.jpg", State.MIRRORED, State.SKIPPED, code="assumed")
    answer = world.one("a.jpg")
    assert (*told(answer), answer.fate.cure) == (LEFT, "assumed", "photosync choose 1")
    assert answer.fate.rule == "photosync import"


def test_why_of_failures(world: World) -> None:
    world.put("a.jpg")
    world.put("empty.jpg", b"")
    world.look()
    answer = world.one("empty.jpg")
    assert told(answer) == (FAILED, "empty")
    assert answer.fate.cure.startswith("Leave it out: photosync skip 2;")
    assert "retry" not in answer.fate.cure
    message = str(EmptyFile("empty.jpg is empty."))
    with opened(world.settings) as state:
        state.database.run(
            "UPDATE media_items SET error_message = :message WHERE id = 2", {"message": message}
        )
    assert world.one("empty.jpg").fate.message == "empty.jpg is empty.", "the cure says the rest"
    failed = world.state("a.jpg", State.MIRRORED, State.FAILED, code="refused")
    answer = world.one("a.jpg")
    assert told(answer) == (FAILED, "refused")
    assert answer.fate.message.endswith(f"by itself, from {local(failed.updated_at + 86_400)} on.")
    assert answer.fate.cure.startswith("The file may be damaged")
    assert answer.fate.cure.endswith("photosync retry 1")


def test_why_of_a_duplicate_follows_the_one_that_stands_for_it(world: World) -> None:
    world.put("a.jpg")
    world.look()
    world.state("a.jpg", State.MIRRORED, content="a")
    world.put("b.jpg")
    world.look()
    world.state("b.jpg", State.DUPLICATE, content="a")
    answer = world.one("b.jpg")
    assert told(answer) == (ACT, "duplicate")  # the first one waits, and nothing runs
    assert "item 1 (pictures: a.jpg)" in answer.fate.message
    world.state("a.jpg", State.UPLOADED, State.DONE)
    assert told(world.one("b.jpg")) == (Verdict.TAKEN, "duplicate")


def test_why_of_versions_and_of_files_that_are_gone(world: World) -> None:
    world.put("a.jpg")
    world.look()
    world.state("a.jpg", State.MIRRORED, State.UPLOADED, State.DONE)
    world.put("a.jpg", JPEG + b"edited")
    world.look()
    world.state("a.jpg", State.SKIPPED, code="replaced")
    answer = world.one("a.jpg")
    assert [one.state for one in answer.items] == [State.SKIPPED, State.DONE]
    assert told(answer) == (ACT, "not_seen")  # that version lies there again
    assert "taken again" in answer.fate.message
    os.utime(world.pictures / "a.jpg", (5, 5))
    assert len(world.one("a.jpg").items) == 2
    (world.pictures / "a.jpg").unlink()
    answer = world.one("a.jpg")
    assert told(answer) == (LEFT, "replaced")
    assert world.one("1").fate.code == "done"
    assert world.one("2").fate.code == "replaced"


def test_why_of_what_changed_settings_leave_out(world: World) -> None:
    world.put("a.jpg")
    world.look()
    world.configure('exclude = ["*.jpg"]')
    answer = world.one("a.jpg")
    assert (*told(answer), answer.fate.rule) == (LEFT, "excluded", "select.exclude")


def test_why_of_a_raw_whose_jpeg_stands_for_it(world: World) -> None:
    world.configure('raw_with_jpeg = "jpeg"')
    world.put("1.dng", b"II*\0" + bytes(100))
    world.put("1.jpg")
    world.look()
    answer = world.one("1.dng")
    assert told(answer) == (LEFT, "other_part")
    assert answer.fate.rule == 'select.raw_with_jpeg = "jpeg"'
    assert answer.fate.cure == (
        "photosync choose 1; or another select.raw_with_jpeg in the settings"
    )


def test_a_file_is_found_by_its_name_its_label_and_its_number(world: World) -> None:
    world.put("trip/a.jpg")
    world.look()
    for asked in ("1", "a.jpg", "trip/a.jpg", "pictures:trip/a.jpg", "pictures:/trip/./a.jpg"):
        answer = world.one(asked, world.home)
        assert (answer.source, answer.path) == ("pictures", "trip/a.jpg"), asked
    for asked in ("pictures:../x", "b.jpg", "pictures:trip/b.jpg", "", "x:y"):
        assert why(world.settings, asked, folder=world.home)[0].fate.verdict in (UNKNOWN, LEFT)


def test_a_copy_of_a_phones_file_is_known_by_its_place(world: World) -> None:
    copy = world.home / "mirror/Phone/DCIM/a.jpg"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(JPEG)
    (copy.parent / "stranger.jpg").write_bytes(JPEG)
    world.put("a.jpg")
    world.look()
    with opened(world.settings) as state:
        phone = Sources(state.database).register_phone("SERIAL", label="Phone")
        state.database.run(
            "UPDATE media_items SET source_id = :source, source_path = :path, mirror_path = :copy",
            {"source": phone.id, "path": b"DCIM/a.jpg", "copy": b"Phone/DCIM/a.jpg"},
        )
    for asked in (str(copy), "Phone:DCIM/a.jpg", "SERIAL:DCIM/a.jpg", "DCIM/a.jpg"):
        answer = world.one(asked, world.home)
        assert (answer.source, answer.path) == ("Phone", "DCIM/a.jpg")
        assert told(answer) == (ACT, "phone_gone")
    copy.unlink()
    assert world.one(str(copy)).source == "Phone"
    assert told(world.one(str(copy.parent / "stranger.jpg"))) == (LEFT, "own_copy")


def test_a_folder_that_left_the_settings_is_on_record(world: World) -> None:
    world.put("a.jpg")
    world.look()
    world.state("a.jpg", State.MIRRORED, State.UPLOADED, State.DONE)
    file = world.home / "config.toml"
    file.write_text(file.read_text().replace('"pictures"', '"elsewhere"'))
    world.settings = config.load(file, {"HOME": str(world.home)})
    assert told(world.one("a.jpg")) == (Verdict.TAKEN, "done")
    (world.pictures / "a.jpg").unlink()
    assert told(world.one("a.jpg")) == (Verdict.TAKEN, "done")


def test_nothing_is_changed_by_asking(world: World) -> None:
    world.put("a.jpg")
    world.settings.google.token_file.unlink()
    (world.home / "state").rmdir()
    world.one("a.jpg")
    assert not (world.home / "state").exists()


# --- for any tree and settings

PARTS = st.sampled_from(
    ["DCIM", "Screenshots", ".hidden", "@eaDir", "private", "a", "IMG_1", "Screenshot_1", "~x"]
)
ENDS = st.sampled_from([".jpg", ".JPG", ".png", ".dng", ".mp4", ".txt", "", ".part", ".gif"])
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(
    st.tuples(PATHS, ENDS).map("".join),
    st.tuples(
        st.sampled_from([JPEG, b"II*\0" + bytes(90), b"words" * 9, b"", b"\0\0\0\x14ftypisom" * 3]),
        st.sampled_from([1_000_000_000, 1_500_000_000, LONG_AGO]),
    ),
    max_size=12,
)
GLOBS = st.lists(
    st.sampled_from(["*.jpg", "private/", "DCIM/**", "**/a/*", "a*", "/IMG_1*", "a/*/*.png"]),
    max_size=2,
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "include": GLOBS,
        "exclude": GLOBS,
        "since": st.sampled_from(["", "2010-01-01"]),
        "min_size": st.sampled_from([0, 1, 100]),
        "max_size": st.sampled_from([0, 100, 1000]),
        "types": st.lists(st.sampled_from(["photo", "video", "raw", "gif"]), max_size=2),
        "screenshots": st.booleans(),
    },
)


def write(root: Path, files: dict[str, tuple[bytes, int]], marked: set[str]) -> list[str]:
    written = []
    for path, (content, mtime) in files.items():
        file = root / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue  # a file of the name of a folder
        os.utime(file, (mtime, mtime))
        written.append(path)
    for folder in marked:
        if (root / folder).is_dir():
            (root / folder / ".nomedia").touch()
    return written


@how(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES, st.sets(PATHS, max_size=2), SETTINGS, SETTINGS)
def test_why_says_taken_of_exactly_the_files_that_a_look_finds(
    files: dict[str, tuple[bytes, int]],
    marked: set[str],
    select: dict[str, Any],
    own: dict[str, Any],
) -> None:
    own = {name: value for name, value in own.items() if name in ("include", "exclude", "types")}
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), toml(select), toml(own))
        written = write(world.pictures, files, marked)
        before = {path: world.one(path).fate for path in written}
        world.look()
        with opened(world.settings) as state:
            found = {one.source_path: one.state for one in state.overview.items(limit=1000)}
        assert found.keys() <= set(written)
        for path, fate in before.items():
            expected = {None: LEFT, State.FAILED: FAILED, State.FOUND: ACT}[found.get(path)]
            assert fate.verdict == expected, (path, fate)
            after = world.one(path).fate
            assert after.verdict == expected, (path, after)
            assert fate.verdict != LEFT or (fate.rule and fate == after)


def toml(values: dict[str, Any]) -> str:
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())


@how(deadline=None, max_examples=100)
@given(asked=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_question_has_an_answer(asked: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        answers = why(world.settings, asked, folder=world.pictures)
        assert answers
        json.dumps([one.document() for one in answers]).encode()


def test_a_file_that_is_no_picture_is_said_to_be_none_before_all_else(tmp_path: Path) -> None:
    world = World(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "passwd").write_text("root:x:0:0:\n")
    (elsewhere / "a.jpg").write_bytes(JPEG)
    words, picture = world.one("passwd", elsewhere), world.one("a.jpg", elsewhere)
    assert words.fate.message.startswith("It is neither a photo nor a video.")
    assert words.fate.cure == ""
    assert picture.fate.message.startswith("It lies in no folder that is backed up.")
    assert "[[folder]]" in picture.fate.cure


def test_times_are_those_of_the_clock_on_the_wall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    world.put("a.jpg")
    world.look()
    with opened(world.settings) as state:
        state.database.run(
            "UPDATE media_items SET not_before = 4000000000, error_message = 'Why.'", {}
        )
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    with world.running():
        answer = world.one("a.jpg")
    monkeypatch.undo()
    time.tzset()
    assert "until 2096-10-02 16:06:40." in answer.fate.message
