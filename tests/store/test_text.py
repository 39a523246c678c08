"""Paths of any bytes come back as they were; text of any characters never raises."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from photosync.domain.media import Entry, Finding, SourceKind, readable
from photosync.domain.states import State
from photosync.domain.uploads import UploadSession
from photosync.store.control import Beat, Problem
from photosync.store.mapping import from_int64, to_int64
from photosync.store.sessions import UploadSessions
from tests.store.conftest import NOW, SIZE, Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATHS = st.binary(min_size=1, max_size=255).filter(lambda raw: b"\0" not in raw)
HALVES = [os.fsdecode(b"caf\xe9"), json.loads('"\\ud83d"'), "\udfff\ud800", "a\nb\x1b[2J\x00c"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=PATHS)
@example(raw=b"\xff" * 255)
@example(raw=b"a\nb/\xe9\x80\r")
@example(raw="\u0065\u0301 \u00e9".encode())
def test_a_path_comes_back_as_it_was(shelf: Shelf, raw: bytes) -> None:
    path = os.fsdecode(raw)
    shelf.intake.add(shelf.here, [Finding(path, SIZE, 7, "image/jpeg")], first=State.FOUND, now=NOW)

    (known,) = shelf.intake.known(shelf.here, [Entry(path, SIZE, 7)])
    assert known is not None
    assert os.fsencode(shelf.item(known.id).source_path) == raw
    assert [one.id for one in shelf.overview.items_at(shelf.here, path)] == [known.id]
    assert shelf.item(known.id).file_name.encode().decode().isprintable()


def test_a_source_comes_back_as_it_was(shelf: Shelf) -> None:
    address = os.fsdecode(b"/mnt/\xe9\n\xff")
    source = shelf.sources.register(SourceKind.FOLDER, address, label=address, album=address)
    again = shelf.sources.register(SourceKind.FOLDER, address, label="other", album="")

    assert (source.address, source.id) == (address, again.id)
    assert source.label == "/mnt/\ufffd\n\ufffd"
    assert again.label == "other"
    assert shelf.sources.register(SourceKind.PHONE, address, label="", album="").id != source.id


@pytest.mark.parametrize("text", HALVES)
def test_no_text_stops_an_item(shelf: Shelf, text: str) -> None:
    """A message that could not be written would leave its item at the head of the queue."""
    items, facts = shelf.items, {"code": text, "message": text, "now": NOW}
    ids = shelf.found("a", "b", "c", "d")
    items.fail(shelf.held(ids[0]), **facts)  # type: ignore[arg-type]  # one dict for all moves
    items.skip(shelf.held(ids[1]), **facts)  # type: ignore[arg-type]  # likewise
    items.defer(shelf.held(ids[2]), not_before=0, **facts)  # type: ignore[arg-type]  # likewise
    shelf.hashed(ids[3], "d", album=text)
    items.mark_uploaded(shelf.held(ids[3]), token=text, now=NOW)
    items.send_again(shelf.held(ids[3]), not_before=0, **facts)  # type: ignore[arg-type]  # likewise
    items.find_again(shelf.held(ids[3]), **facts)  # type: ignore[arg-type]  # likewise
    done = shelf.uploaded("e")
    items.mark_done(shelf.held(done), google_id=text, now=NOW)

    for item in shelf.overview.items():
        assert "\ufffd" in (item.error_message or item.google_id or "") or "\n" in text
    assert shelf.overview.reasons(State.FAILED)[0][1] == 1
    assert items.claim(State.FOUND, worker=text, now=NOW)
    assert items.release_of(text) == 1


@pytest.mark.parametrize("text", HALVES)
def test_no_text_stops_anything_else(shelf: Shelf, text: str) -> None:
    control = shelf.control
    control.pause(text, now=NOW)
    assert control.flag("paused") is not None
    control.set_flag(text, text, now=NOW)
    assert control.flag(text) is not None
    control.drop_flag(text)
    assert control.flag(text) is None
    problem = Problem(text, text, text, text, "", needs_user=True, since=NOW, until=None)
    control.raise_problem(problem)
    assert len(control.problems()) == 1
    control.clear_problem(text, text)
    assert control.problems() == []
    control.tell([Beat(text, NOW, text)], rate=1, now=NOW)
    assert len(control.heartbeats()) == 1
    shelf.albums.begin(text, now=NOW)
    assert shelf.albums.current(text).began
    shelf.albums.remember(text, text, now=NOW)
    assert shelf.albums.current(text).google_id
    shelf.albums.forget(text)
    assert not shelf.albums.current(text).began
    (item_id,) = shelf.found("a")
    sessions = UploadSessions(shelf.database)
    sessions.save(item_id, UploadSession(text, 1, text, NOW))
    assert sessions.load(item_id) is not None
    finding = Finding("b", 1, 1, text, (text, text))
    assert shelf.intake.add(shelf.here, [finding], first=State.FOUND, now=NOW) == 1


@pytest.mark.parametrize("text", HALVES)
def test_text_for_people_can_be_printed(text: str) -> None:
    shown = readable(text)

    assert shown.isprintable()
    assert shown.encode()


@given(st.integers(-(2**31) * 10**9, 2**64 - 2**31 * 10**9 - 1))
@example(10_413_792_000_000_000_000)  # the year 2300
@example(2**63)
@example(2**63 - 1)
def test_any_time_that_a_disk_can_hold_comes_back(mtime_ns: int) -> None:
    stored = to_int64(mtime_ns)

    assert -(2**63) <= stored < 2**63
    assert from_int64(stored) == mtime_ns


@given(st.integers(-(2**80), 2**80))
def test_no_time_is_too_much_for_the_database(mtime_ns: int) -> None:
    assert -(2**63) <= to_int64(mtime_ns) < 2**63


def test_one_file_of_the_far_future_does_not_hold_up_its_folder(
    shelf: Shelf, tmp_path: Path
) -> None:
    file = tmp_path / "future.jpg"
    file.write_bytes(b"x")
    os.utime(file, ns=(10_413_792_000 * 10**9, 10_413_792_000 * 10**9))
    mtime_ns = file.stat().st_mtime_ns
    assert mtime_ns >= 2**63
    findings: Iterator[Finding] = (
        Finding(name, 1, mtime_ns, "image/jpeg") for name in ("future.jpg", "b.jpg")
    )

    entry = Entry("future.jpg", 1, mtime_ns)
    assert shelf.intake.known(shelf.here, [entry]) == [None]
    assert shelf.intake.add(shelf.here, findings, first=State.FOUND, now=NOW) == 2
    (known,) = shelf.intake.known(shelf.here, [entry])
    assert known is not None
    assert shelf.item(known.id).source_mtime_ns == mtime_ns
