"""The wire format: what is packed is unpacked, and nonsense is told as nonsense."""

from __future__ import annotations

import os
import stat
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.device import wire
from photosync.device.sync import refusal
from photosync.errors import FileUnreadable, FileVanished, PhoneGarbled

U32 = st.integers(0, 2**32 - 1)
ERRNO = st.integers(0, wire.LARGEST_ERRNO)
SIZE = st.integers(0, wire.LARGEST_SIZE)
TIME = st.integers(wire.EARLIEST, wire.LATEST)
U64 = st.integers(0, 2**64 - 1)
S64 = st.integers(-(2**63), 2**63 - 1)
PATHS = st.binary(min_size=1, max_size=1024).filter(lambda path: b"\0" not in path)


@given(PATHS)
def test_a_request_says_how_long_its_path_is(path: bytes) -> None:
    raw = wire.request(b"STA2", path)
    assert wire.header(raw[:8]) == (b"STA2", len(path))
    assert raw[8:] == path


@pytest.mark.parametrize("path", [b"", b"a\0b", b"x" * 1025])
def test_some_paths_cannot_be_asked_for(path: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        wire.request(b"RECV", path)


def test_a_kind_has_four_letters() -> None:
    with pytest.raises(ValueError, match="bytes"):
        wire.request(b"STAT2", b"/x")


@given(errno=ERRNO, mode=U32, size=SIZE, mtime=TIME, inode=U64)
def test_sizes_beyond_4_gib_and_times_before_1970_are_exact(
    errno: int, mode: int, size: int, mtime: int, inode: int
) -> None:
    raw = struct.pack("<4sIQQIIIIQqqq", b"STA2", errno, 1, inode, mode, 1, 0, 0, size, 5, mtime, 6)
    assert wire.stat_answer(raw, version=2) == wire.Stat(errno, mode, size, mtime, inode)


@given(errno=U32, size=U64, mtime=S64)
def test_no_number_is_too_large_for_what_comes_after(errno: int, size: int, mtime: int) -> None:
    raw = struct.pack("<4sIQQIIIIQqqq", b"STA2", errno, 1, 2, 3, 1, 0, 0, size, 5, mtime, 6)
    found = wire.stat_answer(raw, version=2)
    assert os.strerror(found.errno)
    assert (found.errno == 0) == (errno == 0)
    assert -(2**63) <= found.mtime * 10**9 < 2**63
    assert found.size_bytes * 10**6 < 2**63


@given(mode=st.integers(1, 2**32 - 1), size=U32, mtime=U32)
def test_the_old_protocol_is_understood(mode: int, size: int, mtime: int) -> None:
    found = wire.stat_answer(struct.pack("<4sIII", b"STAT", mode, size, mtime), version=1)
    signed = mtime - 2**32 * (mtime >= 2**31)  # a scan from before 1970, rather than from 2040
    assert found == wire.Stat(0, mode, size, signed)
    listed = wire.dent(struct.pack("<4sIIII", b"DENT", mode, size, mtime, 7), version=1)
    assert listed == (wire.Stat(0, mode, size, signed), 7)


def test_all_zeros_of_the_old_protocol_mean_that_nothing_is_there() -> None:
    assert wire.stat_answer(struct.pack("<4sIII", b"STAT", 0, 0, 0), version=1).errno == 2


@given(errno=ERRNO, mode=U32, size=SIZE, mtime=TIME, length=st.integers(1, 4096))
def test_a_line_of_a_listing(errno: int, mode: int, size: int, mtime: int, length: int) -> None:
    raw = struct.pack(
        "<4sIQQIIIIQqqqI", b"DNT2", errno, 1, 9, mode, 1, 0, 0, size, 5, mtime, 6, length
    )
    assert wire.dent(raw, version=2) == (wire.Stat(errno, mode, size, mtime, 9), length)


@pytest.mark.parametrize(("version", "size"), [(1, 20), (2, 76)])
def test_the_end_of_a_listing(version: int, size: int) -> None:
    assert wire.dent(b"DONE" + bytes(size - 4), version=version) is None


@given(raw=st.binary(min_size=76, max_size=76))
def test_nonsense_is_told_as_nonsense(raw: bytes) -> None:
    if raw[:4] in (b"DNT2", b"DONE"):
        return
    with pytest.raises(PhoneGarbled):
        wire.dent(raw, version=2)
    with pytest.raises(PhoneGarbled):
        wire.stat_answer(b"XXXX" + raw[4:72], version=2)


@pytest.mark.parametrize("length", [0, 4097, 2**32 - 1])
def test_a_name_is_not_that_long(length: int) -> None:
    raw = struct.pack("<4sIQQIIIIQqqqI", b"DNT2", 0, 1, 9, 1, 1, 0, 0, 0, 5, 0, 6, length)
    with pytest.raises(PhoneGarbled):
        wire.dent(raw, version=2)


def test_files_and_folders_are_told_apart() -> None:
    assert wire.Stat(0, stat.S_IFREG | 0o644, 1, 1).is_file
    assert wire.Stat(0, stat.S_IFDIR | 0o755, 1, 1).is_folder
    link = wire.Stat(0, stat.S_IFLNK | 0o777, 1, 1)
    assert not link.is_file
    assert not link.is_folder
    assert not wire.Stat(13, stat.S_IFREG, 1, 1).is_file


@given(st.integers())
def test_any_time_can_be_sent(mtime: int) -> None:
    kind, number = wire.header(wire.done(mtime))
    assert kind == b"DONE"
    assert number == min(max(mtime, 0), 2**32 - 1)


def test_a_push_names_its_mode_behind_the_last_comma() -> None:
    raw = wire.send_request(b"/sdcard/a,1.jpg", 0o100644)
    assert raw == b"SEND" + struct.pack("<I", 21) + b"/sdcard/a,1.jpg,33188"


def test_packets_say_how_long_they_are() -> None:
    assert wire.data(b"abc") == b"DATA\x03\0\0\0"
    assert wire.shell_packet(wire.STDIN, b"ab") == b"\0\x02\0\0\0ab"


def test_no_word_holds_a_nul() -> None:
    with pytest.raises(ValueError, match="NUL"):
        wire.quoted(b"a\0b")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"open failed: No such file or directory", FileVanished),
        (b"sh: can't open /sdcard/a.jpg: Not a directory\n", FileVanished),
        (b"sh: can't open /sdcard/a.jpg: Permission denied\n", FileUnreadable),
        (b"sh: can't open /sdcard/No such file or directory/a.jpg: I/O error\n", FileUnreadable),
    ],
)
def test_a_file_is_gone_by_what_the_system_says_and_not_by_its_name(
    text: bytes, kind: type
) -> None:
    assert type(refusal(b"/sdcard/a.jpg", text)) is kind
