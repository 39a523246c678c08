"""What goes through several threads comes out of each as it went in."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.errors import MirrorFull
from photosync.files import lanes as lanes_module
from photosync.files import parts
from photosync.files.lanes import Lanes
from photosync.files.parts import Part

if TYPE_CHECKING:
    from pathlib import Path


@given(st.lists(st.binary(max_size=50)), st.integers(1, 16))
def test_every_step_sees_the_same_bytes(blocks: list[bytes], buffer_bytes: int) -> None:
    one, two = bytearray(), bytearray()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes_module, "BUFFER_BYTES", buffer_bytes)
        lanes = Lanes(one.extend, two.extend)
        try:
            for block in blocks:
                lanes.write(block)
            lanes.drain()
            assert one == two == b"".join(blocks)
        finally:
            lanes.close()


def test_a_step_that_fails_is_told_to_the_writer() -> None:
    begun = threading.active_count()

    def fail(_: object) -> None:
        raise OSError(28, "No space left on device")

    lanes = Lanes(fail, lambda _: None)
    with pytest.raises(OSError, match="No space"):
        lanes.write(b"x" * 100 * lanes_module.BUFFER_BYTES)
    with pytest.raises(OSError, match="No space"):
        lanes.drain()
    lanes.close()
    assert threading.active_count() == begun


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Part:
    monkeypatch.setattr(parts, "SIDE_BY_SIDE_BYTES", 1000)
    monkeypatch.setattr(lanes_module, "BUFFER_BYTES", 700)
    return Part(tmp_path / "part", threading.Event())


def test_a_large_copy_is_what_came_and_so_are_its_hashes(part: Part, tmp_path: Path) -> None:
    content = bytes(range(256)) * 100
    for at in range(0, len(content), 333):
        part.write(content[at : at + 333])
    hashes = part.hashes()
    assert hashes.size_bytes == part.size_bytes == len(content)
    assert hashes.sha256 == hashlib.sha256(content).hexdigest()
    assert hashes.sha1 == hashlib.sha1(content).hexdigest()
    assert part.head == content[:4096]
    part.write(b"more")
    part.sync(5)
    part.close()
    assert (tmp_path / "part").read_bytes() == content + b"more"


def test_the_disk_begins_with_a_large_copy_before_it_is_whole(
    part: Part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advised: list[tuple[int, int]] = []

    def advise(_file: int, start: int, length: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_DONTNEED
        advised.append((start, length))
        raise OSError(22, "Invalid argument")  # some file systems take none

    monkeypatch.setattr(parts, "FLUSHED_BYTES", 2000)
    monkeypatch.setattr(os, "posix_fadvise", advise)
    part.write(b"x" * 1500)
    part.start_over()
    for _ in range(100):
        part.write(b"y" * 300)
    assert part.hashes().size_bytes == 30_000
    starts = [0, *(start + length for start, length in advised)]
    assert [start for start, _ in advised] == starts[:-1]
    assert 28_000 <= starts[-1] <= 30_000
    part.close()
    assert (tmp_path / "part").read_bytes() == b"y" * 30_000


def test_a_large_copy_begun_anew_forgets_what_was_under_way(part: Part, tmp_path: Path) -> None:
    part.write(b"x" * 5000)
    part.write(b"x" * 5000)
    part.start_over()
    part.write(b"new")
    assert part.hashes().sha256 == hashlib.sha256(b"new").hexdigest()
    part.close()
    assert (tmp_path / "part").read_bytes() == b"new"


def test_a_large_copy_that_was_cut_off_goes_on(part: Part, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1024  # 256 KiB
    for at in range(0, 200_000, 10_000):
        part.write(content[at : at + 10_000])
    part.close()  # the cable was pulled

    again = Part(tmp_path / "part", threading.Event())
    have_bytes = again.go_on(len(content))
    assert have_bytes == 196_608
    again.write(content[have_bytes:])
    assert again.hashes().sha256 == hashlib.sha256(content).hexdigest()
    again.close()


def test_a_disk_that_fills_up_under_a_large_copy(
    part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    part.write(b"x" * 2000)
    monkeypatch.setattr(part, "_put", full)
    with pytest.raises(MirrorFull):
        part.write(b"x" * 70_000)
    part.close()
