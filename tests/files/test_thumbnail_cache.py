from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photosync.files.thumbnail_cache import BLOCK_BYTES, FRESH_SECONDS, ThumbnailCache
from tests.files.conftest import Clock

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = b"\xff\xd8 a picture"


def key(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


def never() -> bytes | None:
    pytest.fail("it was made twice")


def files(state_dir: Path) -> list[Path]:
    return [one for one in (state_dir / "thumbnails").rglob("*") if one.is_file()]


def test_a_thumbnail_is_made_once_also_for_the_next_start(tmp_path: Path) -> None:
    assert ThumbnailCache(tmp_path).peek(key(1)) is None
    assert ThumbnailCache(tmp_path).get(key(1), lambda: PICTURE) == PICTURE
    assert ThumbnailCache(tmp_path).get(key(1), never) == PICTURE
    assert ThumbnailCache(tmp_path).peek(key(1)) == PICTURE


def test_that_none_can_be_made_is_kept_too(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path)
    assert cache.get(key(1), lambda: None) is None
    assert cache.get(key(1), never) is None
    assert cache.peek(key(1)) == b""


def test_only_its_owner_may_read_them(tmp_path: Path) -> None:
    ThumbnailCache(tmp_path).get(key(1), lambda: PICTURE)
    (file,) = files(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize("torn", [b"", b"\0" * 20, b"-more"])
def test_one_that_a_power_cut_tore_is_made_again(tmp_path: Path, torn: bytes) -> None:
    cache = ThumbnailCache(tmp_path)
    cache.get(key(1), lambda: PICTURE)
    files(tmp_path)[0].write_bytes(torn)
    assert cache.get(key(1), lambda: PICTURE + b"2") == PICTURE + b"2"


def test_the_limit_holds_and_what_was_looked_at_stays(tmp_path: Path) -> None:
    clock = Clock(1e9)
    cache = ThumbnailCache(tmp_path, limit_bytes=20 * BLOCK_BYTES, clock=clock)
    for number in range(40):
        clock.pass_by(2 * FRESH_SECONDS)
        cache.get(key(number), lambda: PICTURE)
        for file in files(tmp_path):  # the disk's own clock is not the test's
            if file.stat().st_mtime > 1.5e9:
                os.utime(file, (clock(), clock()))
        cache.get(key(0), never if number else lambda: PICTURE)
        assert len(files(tmp_path)) <= 20
    assert cache.peek(key(0)) == PICTURE
    assert cache.peek(key(39)) == PICTURE
    assert cache.peek(key(1)) is None


def test_what_was_there_before_counts(tmp_path: Path) -> None:
    for number in range(15):
        ThumbnailCache(tmp_path).get(key(number), lambda: PICTURE)
    ThumbnailCache(tmp_path, limit_bytes=10 * BLOCK_BYTES).get(key(99), lambda: PICTURE)
    assert len(files(tmp_path)) <= 10


def test_half_written_ones_of_earlier_days_go(tmp_path: Path) -> None:
    clock = Clock(2e9)
    ThumbnailCache(tmp_path, clock=clock).get(key(1), lambda: PICTURE)
    part = files(tmp_path)[0].with_name(".x.1.2.part")
    part.write_bytes(b"half")
    os.utime(part, (1e9, 1e9))
    ThumbnailCache(tmp_path, clock=clock).get(key(2), lambda: PICTURE)
    assert not part.exists()


def test_a_disk_that_takes_nothing_costs_nothing_but_making_it_again(tmp_path: Path) -> None:
    (tmp_path / "thumbnails").write_bytes(b"a file where the folder should be")
    cache = ThumbnailCache(tmp_path)
    assert cache.get(key(1), lambda: PICTURE) == PICTURE
    assert cache.get(key(1), lambda: PICTURE) == PICTURE


@given(name=st.text(max_size=70) | st.sampled_from(["../" * 20, "0" * 63, "A" * 64, key(1) + "/"]))
@settings(max_examples=50)
def test_nothing_but_a_hash_names_a_file(name: str) -> None:
    from pathlib import Path

    with pytest.raises(ValueError, match="not a key"):
        ThumbnailCache(Path("/nowhere")).get(name, never)


def test_many_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path, limit_bytes=8 * BLOCK_BYTES)
    with ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(lambda number: cache.get(key(number % 12), lambda: PICTURE), range(400))
        )
    assert set(made) == {PICTURE}
    assert not [one for one in files(tmp_path) if one.name.endswith(".part")]
