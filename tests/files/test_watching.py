"""Hints of changes: the real inotify, real limits of the kernel, no waiting on a guess."""

from __future__ import annotations

import json
import logging
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from watchdog.events import FileClosedEvent

from photosync.errors import WatchUnavailable
from photosync.files import watching
from photosync.files.watching import STOP_SECONDS, Watching
from tests.files.conftest import open_descriptors, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Hint = tuple[str, str | None]
PATIENCE_SECONDS = 60.0


class Hints:
    """What was hinted so far, and waits for what is expected."""

    def __init__(self) -> None:
        self.seen: list[Hint] = []
        self._queue: queue.Queue[Hint] = queue.Queue()

    def __call__(self, folder: str, file: str | None) -> None:
        self._queue.put((folder, file))

    def wait_for(self, *expected: Hint) -> None:
        missing = set(expected) - set(self.seen)
        while missing:
            hint = self._queue.get(timeout=PATIENCE_SECONDS)
            self.seen.append(hint)
            missing.discard(hint)

    def until(self, root: Path) -> list[Hint]:
        """Everything that was hinted before now."""
        write(root / "last.jpg")
        self.wait_for(("", "last.jpg"))
        return [hint for hint in self.seen if hint[1] != "last.jpg"]


@pytest.fixture
def hints() -> Hints:
    return Hints()


@pytest.fixture
def watch(root: Path, hints: Hints) -> Iterator[Watching]:
    one = Watching(root, hints)
    one.start()
    yield one
    one.stop()


def test_a_file_that_is_closed_after_writing_is_hinted(
    root: Path, watch: Watching, hints: Hints
) -> None:
    assert watch.alive()
    write(root / "a.jpg")
    hints.wait_for(("", "a.jpg"))


def test_a_file_deep_below_is_hinted_with_its_folder(root: Path, hints: Hints) -> None:
    (root / "x/y").mkdir(parents=True)
    watch = Watching(root, hints)
    watch.start()
    try:
        write(root / "x/y/a.jpg")
        hints.wait_for(("x/y", "x/y/a.jpg"))
    finally:
        watch.stop()


@pytest.mark.parametrize("name", [".a.jpg.part", "a.jpg.part", ".pending-1-a.jpg"])
def test_a_file_that_gets_its_name_at_last_is_hinted(
    root: Path, watch: Watching, hints: Hints, name: str
) -> None:
    write(root / name).rename(root / "a.jpg")
    hints.wait_for(("", "a.jpg"))
    assert all(file != name for _, file in hints.seen)


def test_a_file_moved_in_from_elsewhere_is_hinted(
    root: Path, watch: Watching, hints: Hints
) -> None:
    write(root.parent / "elsewhere.jpg").rename(root / "a.jpg")
    hints.wait_for(("", "a.jpg"))


def test_a_file_linked_in_is_hinted(root: Path, watch: Watching, hints: Hints) -> None:
    (root / "a.jpg").hardlink_to(write(root.parent / "elsewhere.jpg"))
    hints.wait_for(("", "a.jpg"))


def test_a_new_folder_and_what_comes_into_it_is_hinted(
    root: Path, watch: Watching, hints: Hints
) -> None:
    (root / "x/y/z").mkdir(parents=True)
    hints.wait_for(("x", None))
    write(root / "x/y/z/a.jpg")
    hints.wait_for(("x/y/z", "x/y/z/a.jpg"))
    assert watch.alive()


def test_a_folder_moved_in_with_files_is_hinted_and_watched(
    root: Path, watch: Watching, hints: Hints
) -> None:
    write(root.parent / "album/deep/a.jpg")
    (root.parent / "album").rename(root / "album")
    hints.wait_for(("album", None))
    write(root / "album/deep/b.jpg")
    hints.wait_for(("album/deep", "album/deep/b.jpg"))


def test_a_folder_that_gets_another_name_is_hinted_under_the_new_one(
    root: Path, watch: Watching, hints: Hints
) -> None:
    write(root / "before/a.jpg")
    hints.wait_for(("before", None))
    (root / "before").rename(root / "after")
    hints.wait_for(("after", None))
    write(root / "after/b.jpg")
    hints.wait_for(("after", "after/b.jpg"))


def test_junk_and_what_is_no_media_gives_no_hint(root: Path, watch: Watching, hints: Hints) -> None:
    for path in (".hidden/a.jpg", "@eaDir/a.jpg", "b.jpg.part", "notes.txt", ".trashed-1.jpg"):
        write(root / path)
    write(root / "x/@eaDir/c.jpg")
    assert set(hints.until(root)) <= {("x", None)}


@pytest.mark.parametrize(
    "name",
    ["new\nline.jpg", "emoji 📷.jpg", "\udcff\udcfe.jpg", "a" * 251 + ".jpg", "no extension"],
)
def test_names_arrive_as_they_are(root: Path, watch: Watching, hints: Hints, name: str) -> None:
    write(root / name)
    hints.wait_for(("", name))


def test_the_root_may_be_a_symlink_and_have_a_strange_name(tmp_path: Path, hints: Hints) -> None:
    real = tmp_path / "\udcff real\n"
    real.mkdir()
    link = tmp_path / "link"
    link.symlink_to(real)
    watch = Watching(link, hints)
    watch.start()
    try:
        write(link / "a.jpg")
        hints.wait_for(("", "a.jpg"))
        assert watch.alive()
        link.unlink()
        link.symlink_to(tmp_path)
        assert not watch.alive()  # it leads to another folder now
    finally:
        watch.stop()


def test_symlinks_below_are_not_watched(root: Path, hints: Hints) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (root / "link").symlink_to(outside)
    watch = Watching(root, hints)
    watch.start()
    try:
        write(outside / "a.jpg")
        assert hints.until(root) == []
    finally:
        watch.stop()


def test_stopping_is_quick_and_leaves_nothing(root: Path, hints: Hints) -> None:
    before, threads = open_descriptors(), set(threading.enumerate())
    watch = Watching(root, hints)
    watch.start()
    write(root / "a.jpg")
    begun = time.monotonic()
    watch.stop()
    assert time.monotonic() - begun < 10 * STOP_SECONDS  # however busy the machine is
    assert not watch.alive()
    watch.stop()
    assert set(threading.enumerate()) <= threads
    assert open_descriptors() == before
    assert not logging.getLogger("watchdog").handlers


def test_it_can_begin_again_after_its_end(root: Path, hints: Hints) -> None:
    watch = Watching(root, hints)
    for name in ("a.jpg", "b.jpg"):
        watch.start()
        write(root / name)
        hints.wait_for(("", name))
        watch.stop()


def test_it_is_not_alive_before_it_began(root: Path, hints: Hints) -> None:
    watch = Watching(root, hints)
    assert not watch.alive()
    watch.stop()


def test_without_its_root_it_is_not_alive(root: Path, watch: Watching) -> None:
    shutil.rmtree(root)
    assert not watch.alive()
    root.mkdir()
    assert not watch.alive()  # another folder of the same name


def test_when_its_root_is_moved_away_it_is_not_alive(root: Path, watch: Watching) -> None:
    root.rename(root.parent / "away")
    assert not watch.alive()


@pytest.mark.parametrize("which", ["reader", "observer", "emitter"])
def test_a_thread_that_died_is_noticed(root: Path, watch: Watching, which: str) -> None:
    observer = watch._observer
    assert observer is not None
    (emitter,) = observer.emitters
    reader = observer._inotify_fd  # type: ignore[attr-defined] # inside of watchdog
    thread = {"reader": reader, "observer": observer, "emitter": emitter}[which]
    assert watch.alive()
    thread.stop()
    thread.join(60)
    assert not watch.alive()


def test_a_missing_root_cannot_be_watched_and_leaves_nothing(tmp_path: Path, hints: Hints) -> None:
    before, threads = open_descriptors(), set(threading.enumerate())
    watch = Watching(tmp_path / "nowhere", hints)
    with pytest.raises(WatchUnavailable, match="cannot be watched"):
        watch.start()
    assert not watch.alive()
    assert set(threading.enumerate()) <= threads
    assert open_descriptors() == before


def test_lost_events_are_hinted_as_everything(root: Path, watch: Watching, hints: Hints) -> None:
    assert watch._observer is not None
    (emitter,) = watch._observer.emitters
    group = emitter._inotify  # type: ignore[attr-defined] # inside of watchdog
    most = int((watching.LIMITS / "max_queued_events").read_text())
    one, other = write(root / "a"), root / "b"
    with group._lock:  # the thread that reads cannot go on, so the kernel's queue runs over
        for _ in range(most // 2 + 5000):
            one.rename(other)
            one, other = other, one
    hints.wait_for(("", None))
    assert not watch.alive()  # more may be lost while watchdog sets up its watches again
    watch.stop()
    watch.start()
    assert watch.alive()
    write(root / "c.jpg")
    hints.wait_for(("", "c.jpg"))


def test_other_words_of_watchdog_change_nothing(watch: Watching, hints: Hints) -> None:
    logging.getLogger("watchdog.observers.inotify").warning("something else")
    assert watch.alive()
    assert not hints.seen


def test_an_event_from_elsewhere_gives_no_hint(root: Path, hints: Hints) -> None:
    handler = watching._Handler(root, hints, lambda: None)
    for path in (root, root.parent / "watched-not/a.jpg", root.parent / "a.jpg"):
        handler.dispatch(FileClosedEvent(os.fspath(path)))
    handler.dispatch(FileClosedEvent(os.fspath(root / "x/a.jpg")))
    hints.wait_for(("x", "x/a.jpg"))
    assert hints.seen == [("x", "x/a.jpg")]


# --- limits: in a user namespace of its own, whose limits are lower

IN_NAMESPACE = """
import json, pathlib, queue, sys, threading
from photosync.errors import WatchUnavailable
from photosync.files.watching import Watching

def limit(name, number):
    pathlib.Path("/proc/sys/user", name).write_text(str(number))

def told(watch):
    try:
        watch.start()
    except WatchUnavailable as error:
        return [error.message, error.hint, len(list(pathlib.Path("/proc/self/fd").iterdir())),
                threading.active_count()]
    return None

root, what = pathlib.Path(sys.argv[1]), sys.argv[2]
hinted = queue.Queue()
watch = Watching(root, lambda folder, file: hinted.put(folder))
before = [len(list(pathlib.Path("/proc/self/fd").iterdir())), threading.active_count()]
if what == "at start":
    limit(sys.argv[3], sys.argv[4])
    answer = [before, told(watch), told(watch), watch.alive()]
elif what == "instances":
    answer = [told(watch)]
    limit("max_inotify_instances", 1)
    answer += [watch.alive()]
    watch.stop()
else:
    limit("max_inotify_watches", 3)
    answer = [told(watch), watch.alive()]
    for name in ("one", "two", "three"):
        (root / name).mkdir()
        while hinted.get(timeout=100) != name:  # asking whether there is room takes room itself
            pass
    answer += [watch.alive()]
    limit("max_inotify_watches", 1000)
    answer += [watch.alive()]
    watch.stop()
    answer += [told(watch), watch.alive()]
    watch.stop()
print(json.dumps(answer))
"""


def in_namespace(root: Path, *arguments: str) -> Any:
    """What the script prints, run where the limits are its own."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-Ur", "true"], check=False).returncode != 0:
        pytest.skip("user namespaces are not allowed here")
    done = subprocess.run(
        [unshare, "-Ur", sys.executable, "-c", IN_NAMESPACE, os.fspath(root), *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=240,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("limit", "number", "says", "hint"),
    [
        ("max_inotify_watches", 0, "more folders", "sudo sysctl fs.inotify.max_user_watches="),
        ("max_inotify_watches", 3, "more folders", "sudo sysctl fs.inotify.max_user_watches="),
        ("max_inotify_instances", 0, "Too many", "sudo sysctl fs.inotify.max_user_instances="),
    ],
)
def test_a_limit_of_the_kernel_is_told_with_its_cure(
    root: Path, limit: str, number: int, says: str, hint: str
) -> None:
    for name in ("a", "b", "c/d"):
        (root / name).mkdir(parents=True)
    before, first, second, alive = in_namespace(root, "at start", limit, str(number))
    assert says in first[0]
    assert hint in first[1]
    assert "/etc/sysctl.d/" in first[1]
    assert first[2:] == second[2:] == before  # nothing is left open, however often it fails
    assert not alive


def test_a_new_folder_that_could_not_be_watched_ends_trust_until_it_begins_anew(
    root: Path,
) -> None:
    assert in_namespace(root, "later") == [None, True, False, False, None, True]


def test_that_nobody_else_could_begin_to_watch_does_not_matter(root: Path) -> None:
    assert in_namespace(root, "instances") == [None, True]


def test_the_suggested_limit_is_above_the_present_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LIMITS", tmp_path)
    (tmp_path / "max_user_watches").write_text("1000000\n")
    assert "=2000000 " in watching._raise_limit("max_user_watches", 524_288)
    (tmp_path / "max_user_watches").write_text("8192\n")
    assert "=524288 " in watching._raise_limit("max_user_watches", 524_288)
    (tmp_path / "max_user_watches").unlink()
    assert "=524288 " in watching._raise_limit("max_user_watches", 524_288)


def test_a_network_disk_is_not_watched(
    root: Path, hints: Hints, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fuse_sshfs(*_: object) -> str:
        """No network disk is at hand; which one it is, is read in test_mounts."""
        return "fuse.sshfs"

    monkeypatch.setattr(watching, "network_disk", fuse_sshfs)
    with pytest.raises(WatchUnavailable, match=r"network file system \(fuse\.sshfs\)"):
        Watching(root, hints).start()
