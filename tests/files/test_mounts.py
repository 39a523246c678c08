"""Which file system holds a folder, by the word of /proc/self/mountinfo (proc(5))."""

from __future__ import annotations

from pathlib import Path

import pytest

from photosync.errors import WatchUnavailable
from photosync.files.mounts import filesystem_of
from photosync.files.watching import Watching

ROOT = "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw"


def mount(point: str, kind: str, *, optional: str = "") -> str:
    return f"40 22 0:35 / {point} rw,relatime{optional} - {kind} server:/export rw,vers=4.2"


@pytest.mark.parametrize(
    ("point", "path"),
    [
        ("/mnt/nas", "/mnt/nas"),
        ("/mnt/nas", "/mnt/nas/2024/a"),
        (r"/mnt/my\040photos", "/mnt/my photos/a"),
        (r"/mnt/tab\011new\012line", "/mnt/tab\tnew\nline/a"),
        (r"/mnt/back\134slash", "/mnt/back\\slash/a"),
        (r"/mnt/back\134040", "/mnt/back\\040/a"),
        (r"/mnt/\043dash", "/mnt/#dash"),
        ("/mnt/Bücher/写真", "/mnt/Bücher/写真/a"),
        (r"/mnt/Ü\040ü", "/mnt/Ü ü/a"),
        ("/mnt/\udcff\udcfe", "/mnt/\udcff\udcfe/a"),
        ("/mnt/wide\u3000space", "/mnt/wide\u3000space/a"),
        ("/mnt/next\x85line\u2028and\x0cpage", "/mnt/next\x85line\u2028and\x0cpage/a"),
    ],
)
def test_a_mount_point_is_known_however_it_is_written(point: str, path: str) -> None:
    assert filesystem_of(Path(path), f"{ROOT}\n{mount(point, 'nfs4')}\n") == "nfs4"


@pytest.mark.parametrize("path", ["/mnt/nasty", "/mnt", "/mnt/na", "/", "/home/a"])
def test_a_name_that_begins_alike_is_another_folder(path: str) -> None:
    assert filesystem_of(Path(path), f"{ROOT}\n{mount('/mnt/nas', 'nfs4')}\n") == "ext4"


def test_the_innermost_mount_counts_in_any_order() -> None:
    lines = [ROOT, mount("/a/b", "cifs"), mount("/a", "xfs"), mount("/a/b/c", "btrfs")]
    for mounts in (lines, lines[::-1]):
        kinds = [filesystem_of(Path(one), "\n".join(mounts)) for one in ("/a", "/a/b/d", "/a/b/c")]
        assert kinds == ["xfs", "cifs", "btrfs"]


def test_of_two_mounts_on_one_folder_the_later_covers_the_earlier() -> None:
    mounts = "\n".join([ROOT, mount("/a", "xfs"), mount("/a", "nfs")])
    assert filesystem_of(Path("/a/b"), mounts) == "nfs"


def test_optional_fields_do_not_matter() -> None:
    line = mount("/a", "fuse.sshfs", optional=" shared:7 master:1 propagate_from:2")
    assert filesystem_of(Path("/a"), line) == "fuse.sshfs"


@pytest.mark.parametrize("mounts", ["", "\n\n", "nonsense", "1 2 3 - ext4", "1 2 3 / /a rw - "])
def test_a_text_that_says_nothing_gives_nothing(mounts: str) -> None:
    assert filesystem_of(Path("/a"), mounts) == ""


def test_a_folder_on_a_network_file_system_is_not_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = f"{ROOT}\n{mount(str(tmp_path).replace(' ', chr(92) + '040'), 'nfs4')}\n"

    def read_text(file: Path, encoding: str, errors: str) -> str:
        assert (str(file), encoding, errors) == ("/proc/self/mountinfo", "utf-8", "surrogateescape")
        return mounts

    monkeypatch.setattr(Path, "read_text", read_text)
    watch = Watching(tmp_path, lambda *_: None)

    with pytest.raises(WatchUnavailable, match=r"network file system \(nfs4\)"):
        watch.start()

    assert not watch.alive()
    watch.stop()


def test_the_mounts_of_this_very_computer_can_be_read() -> None:
    mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    assert filesystem_of(Path("/proc/self"), mounts) == "proc"
    assert filesystem_of(Path.cwd(), mounts) != ""
