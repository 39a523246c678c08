"""A LevelDB that goleveldb itself has made, read without it; and what is damaged, told."""

from __future__ import annotations

import tarfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.domain import leveldb
from photosync.errors import OtherStateUnreadable
from photosync.files.leveldb import contents, is_leveldb
from tests.files.leveldb.writing import batch, journal, write_leveldb

if TYPE_CHECKING:
    from collections.abc import Callable

MADE = Path(__file__).parent / "leveldb" / "goleveldb.tar.gz"
"""Made by make.go beside it with goleveldb 5c35d60 (Debian 12): tables of three ages on two levels,
packed with Snappy; removed, renewed and rewritten keys; a journal with a batch in it, and a value
that is longer than two of its blocks."""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    with tarfile.open(MADE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "db"


def expected() -> dict[bytes, bytes]:
    """What make.go puts and removes, said again."""
    found = {}
    for one in range(1500):
        name = f"/home/anna/Pictures/2023/{one % 12 + 1:02}/IMG_{one:05}.jpg".encode()
        if one % 7:
            renewed = f"{1700000000000000000 + one}|{2000000 + one}"
            value = renewed if one % 3 == 0 else f"{1600000000 + one}|{1000000 + one}"
            found[name] = value.encode()
    found[b"/home/anna/Pictures/2023/08/IMG_00007.jpg"] = b"4242"
    found[b"/home/anna/Bilder/\xfcber.jpg"] = b"1700000000000000001|77"
    found[b"relative/a.jpg"] = b"1700000000000000001|78"
    found[b"/batch/2.jpg"] = b"2|2"
    found[b"/long.jpg"] = bytes(97 + one % 26 for one in range(70000))
    return found


def test_every_key_of_the_real_thing_is_read_and_none_that_was_removed(made: Path) -> None:
    assert is_leveldb(made)
    assert contents(made) == expected()


def test_nothing_is_written_to_it(made: Path) -> None:
    before = {one.name: (one.read_bytes(), one.stat().st_mtime_ns) for one in made.iterdir()}

    contents(made)

    assert {
        one.name: (one.read_bytes(), one.stat().st_mtime_ns) for one in made.iterdir()
    } == before


def test_a_table_that_is_on_no_list_any_more_says_nothing(made: Path, tmp_path: Path) -> None:
    stale = write_leveldb(tmp_path / "other", {b"/stale.jpg": b"1"})
    (made / "000001.log").write_bytes((stale / "000003.log").read_bytes())

    assert contents(made) == expected()


def test_a_changed_byte_of_a_table_is_told_or_of_no_account(made: Path) -> None:
    table = min(made.glob("*.ldb"))
    content = table.read_bytes()
    told = 0
    for at in range(0, len(content) - 48, 997):
        table.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        try:
            assert contents(made) == expected()
        except OtherStateUnreadable:
            told += 1
    assert told > len(content) // 997 // 2


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "CURRENT").write_bytes(b"../../etc/passwd\n"),
        lambda folder: next(folder.glob("MANIFEST-*")).unlink(),
        lambda folder: next(folder.glob("*.ldb")).unlink(),
        lambda folder: next(folder.glob("*.ldb")).write_bytes(b""),
    ],
    ids=["a list elsewhere", "no list", "no table", "an empty table"],
)
def test_what_is_missing_is_told(made: Path, harm: Callable[[Path], object]) -> None:
    harm(made)

    with pytest.raises(OtherStateUnreadable):
        contents(made)


def test_what_was_never_written_to_its_end_was_never_there(tmp_path: Path) -> None:
    folder = write_leveldb(tmp_path / "db", {b"/a.jpg": b"1"})
    (log,) = folder.glob("*.log")
    whole, more = log.read_bytes(), journal(batch(2, {b"/b.jpg": b"2"}))
    for cut in range(len(more)):
        log.write_bytes(whole + more[:cut])
        assert contents(folder) == {b"/a.jpg": b"1"}
    log.write_bytes(whole + more)
    assert contents(folder) == {b"/a.jpg": b"1", b"/b.jpg": b"2"}


@given(st.lists(st.binary(max_size=100_000), max_size=5))
def test_records_come_back_as_they_were_written(records: list[bytes]) -> None:
    assert list(leveldb.records(journal(*records))) == records


@given(st.dictionaries(st.binary(), st.none() | st.binary(), max_size=20))
def test_writes_come_back_as_they_were_made(pairs: dict[bytes, bytes | None]) -> None:
    found = list(leveldb.writes(batch(7, pairs)))

    assert [(key, value) for key, _, value in found] == list(pairs.items())
    assert [number for _, number, _ in found] == list(range(7, 7 + len(pairs)))


@given(st.binary(max_size=300))
def test_whatever_stands_in_a_file_it_is_read_or_refused(content: bytes) -> None:
    with suppress(ValueError):
        for record in leveldb.records(content):
            list(leveldb.writes(record))
    with suppress(ValueError):
        list(leveldb.writes(content))
    with suppress(ValueError):
        list(leveldb.table_entries(content))
    with suppress(ValueError):
        leveldb.live_files(journal(content))
