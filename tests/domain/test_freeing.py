"""The decision alone, over anything that facts may say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.domain.freeing import Facts, Record, kept_in, newest_at, why_kept
from photosync.domain.media import NANOSECONDS, Lying
from photosync.domain.states import State

NOW = 1_800_000_000
DAY = 86_400
SHA256, OTHER = "a" * 64, "b" * 64
RECORD = Record(
    state=State.DONE,
    stands=State.DONE,
    google_id="id",
    sha256=SHA256,
    size_bytes=7,
    mtime_ns=(NOW - 100 * DAY) * NANOSECONDS,
    taken_at=None,
    settled_at=NOW - 90 * DAY,
    is_missing=False,
    is_leased=False,
)
WELL = Facts(RECORD, Lying(7, RECORD.mtime_ns), True, SHA256, None, False)

TIMES = st.one_of(st.just(NOW - 100 * DAY), st.integers(-(2**33), 2**33))
HASHES = st.sampled_from([SHA256, SHA256, OTHER, None])
RECORDS = st.builds(
    Record,
    state=st.sampled_from([State.DONE, State.DUPLICATE, *State]),
    stands=st.sampled_from([State.DONE, State.DONE, *State]),
    google_id=st.sampled_from(["id", "id", ""]),
    sha256=st.just(SHA256),
    size_bytes=st.sampled_from([0, 7, 8]),
    mtime_ns=TIMES.map(lambda at: at * NANOSECONDS),
    taken_at=st.one_of(st.none(), TIMES),
    settled_at=TIMES,
    is_missing=st.booleans(),
    is_leased=st.booleans(),
)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    record = draw(RECORDS)
    same = Lying(record.size_bytes, record.mtime_ns)
    return Facts(
        record=record,
        on_phone=draw(st.sampled_from([same, same, None, Lying(9, record.mtime_ns), Lying(7, 0)])),
        in_library=draw(st.sampled_from([True, True, False, None])),
        mirror_sha256=draw(HASHES),
        backup_sha256=draw(HASHES),
        wants_backup=draw(st.booleans()),
    )


@given(found=facts(), days=st.integers(0, 400))
def test_what_may_go_is_proven_on_every_side(found: Facts, days: int) -> None:
    reason = why_kept(found, now=NOW, older_than_seconds=days * DAY)
    record = found.record
    in_places = [found.mirror_sha256 == SHA256, found.backup_sha256 == SHA256]
    proven = (
        record.state in (State.DONE, State.DUPLICATE)
        and record.stands is State.DONE
        and record.google_id != ""
        and not record.is_missing
        and not record.is_leased
        and found.in_library is True
        and any(in_places)
        and (in_places[1] or not found.wants_backup)
        and found.on_phone == Lying(record.size_bytes, record.mtime_ns)
        and all(
            at <= NOW - days * DAY
            for at in (record.taken_at or 0, record.mtime_ns // NANOSECONDS, record.settled_at)
        )
    )
    assert (reason == "") == proven, "no more and no less"
    if not reason:
        assert kept_in(found)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (WELL, ""),
        (replace(WELL, in_library=None), "would not say"),
        (replace(WELL, in_library=False), "does not hold it"),
        (replace(WELL, mirror_sha256=OTHER), "no copy on this computer"),
        (replace(WELL, mirror_sha256=None, backup_sha256=SHA256), ""),
        (replace(WELL, wants_backup=True), "the backup does not hold it"),
        (replace(WELL, wants_backup=True, backup_sha256=OTHER), "the backup does not hold it"),
        (replace(WELL, on_phone=None), "not on the phone any more"),
        (replace(WELL, on_phone=Lying(7, 0)), "has changed on the phone"),
        (replace(WELL, record=replace(RECORD, state=State.UPLOADED)), "it is uploaded"),
        (
            replace(WELL, record=replace(RECORD, state=State.DUPLICATE, stands=State.FAILED)),
            "the same bytes is not in the library: it is failed",
        ),
        (replace(WELL, record=replace(RECORD, google_id="")), "not in the library"),
        (replace(WELL, record=replace(RECORD, settled_at=NOW - DAY)), "not old enough"),
        (replace(WELL, record=replace(RECORD, settled_at=NOW + DAY)), "not old enough"),
        (replace(WELL, record=replace(RECORD, taken_at=NOW - DAY)), "not old enough"),
        (replace(WELL, record=replace(RECORD, is_missing=True)), "photosync verify"),
        (replace(WELL, record=replace(RECORD, is_leased=True)), "worked on"),
    ],
)
def test_every_reason_is_said(facts: Facts, words: str) -> None:
    said = why_kept(facts, now=NOW, older_than_seconds=30 * DAY)
    assert words in said
    assert bool(words) == bool(said)


def test_a_time_of_change_counts_up() -> None:
    assert newest_at(replace(RECORD, settled_at=0, mtime_ns=5 * NANOSECONDS + 1)) == 6


def test_which_copies_were_read() -> None:
    assert kept_in(replace(WELL, backup_sha256=SHA256)) == "mirror and backup"
    assert kept_in(replace(WELL, mirror_sha256=OTHER, backup_sha256=SHA256)) == "backup"
