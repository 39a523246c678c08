"""Bytes to the emulator: once, in order, and on from where they stopped."""

from __future__ import annotations

import hashlib
import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pytest

from photosync.errors import (
    ChecksumMismatch,
    ConnectionLost,
    DailyQuotaSpent,
    FileReplaced,
    FileTooLarge,
    FileUnreadable,
    ItemTrouble,
    Offline,
    PhotosyncError,
    RateLimited,
    ServerTrouble,
    Stopping,
    TransientError,
)
from photosync.google.ports import NewItem, UploadFile
from tests.google.conftest import MIDNIGHT, QUARTER, content_of, http, nothing, stranger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.google.conftest import Google

    MakeFile = Callable[..., UploadFile]

SMALL = content_of(1000)
LARGE = content_of(3 * QUARTER + 1000)


def arrived(google: Google, token: str) -> bytes:
    """What Google makes of the token."""
    created = google.connect().library.create([NewItem(token, "photo.jpg")], album_id=None)
    assert created[0].error is None
    found = [item for item in google.emulator.library.items() if item.id == created[0].google_id]
    return found[0].file.read_bytes()


def sent_bytes(google: Google) -> int:
    return sum(one.bytes for one in google.emulator.requests.all() if one.kind != "token")


def upload(google: Google, file: UploadFile, **options: Any) -> str:
    return google.connect(**options).library.upload(file, nothing)


def test_a_small_file_is_one_request(google: Google, make_file: MakeFile) -> None:
    told: list[tuple[int, int]] = []
    token = google.connect().library.upload(
        make_file(SMALL, key=7), lambda key, sent_bytes: told.append((key, sent_bytes))
    )
    assert google.kinds() == ["upload.raw"]
    assert told == [(7, len(SMALL))]
    assert arrived(google, token) == SMALL


def test_a_large_file_goes_in_chunks(google: Google, make_file: MakeFile) -> None:
    told: list[int] = []
    token = google.connect().library.upload(
        make_file(LARGE), lambda key, sent_bytes: told.append(sent_bytes + 0 * key)
    )
    assert google.kinds() == ["upload.start", *["upload.chunk"] * 4]
    assert google.ledger.spent == ["start", *["chunk"] * 4]
    assert told == sorted(told)
    assert told[-1] == len(LARGE)
    assert google.shelf.held == {}
    assert arrived(google, token) == LARGE


@pytest.mark.parametrize("chunk_bytes", [1, QUARTER - 1, QUARTER + 1, 10 << 20])
def test_any_wish_for_the_size_of_chunks_works(
    google: Google, make_file: MakeFile, chunk_bytes: int
) -> None:
    assert arrived(google, upload(google, make_file(LARGE), chunk_bytes=chunk_bytes)) == LARGE


def test_a_coarse_granularity_is_kept_to(google: Google, make_file: MakeFile) -> None:
    google.emulator.options.granularity_bytes = 8 << 20
    content = content_of((16 << 20) + 5)
    assert arrived(google, upload(google, make_file(content))) == content
    assert google.emulator.requests.count("upload.chunk") == 3


def interrupt(google: Google, make_file: MakeFile, after: int = 2) -> UploadFile:
    """Begin an upload and lose the network for good after so many chunks."""
    google.emulator.faults.add(
        {"fault": "reset-middle", "on": "upload.chunk", "skip": after, "after_bytes": 100_000}
    )
    google.emulator.faults.add({"fault": "reset-before", "on": "upload.*", "times": 10, "skip": 0})
    google.emulator.faults.clear()
    google.emulator.faults.add({"fault": "hang", "on": "upload.chunk", "skip": after})
    file = make_file(LARGE)
    connection = google.connect()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(connection.library.upload, file, nothing)
        wait_until(lambda: google.emulator.requests.count("upload.chunk") > after)
        google.halt.event.set()
        connection.close()
        assert isinstance(running.exception(timeout=20), Stopping)
    google.halt.event.clear()
    google.emulator.faults.clear()
    assert 1 in google.shelf.held
    return file


def wait_until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends, "it never came true"
        time.sleep(0.005)


def test_after_a_restart_it_goes_on_from_where_google_is(
    google: Google, make_file: MakeFile
) -> None:
    file = interrupt(google, make_file)
    google.emulator.requests.clear()
    told: list[int] = []
    token = google.connect().library.upload(
        file, lambda key, sent_bytes: told.append(sent_bytes + 0 * key)
    )
    assert google.kinds()[0] == "upload.query"
    assert google.emulator.requests.count("upload.start") == 0
    assert told[0] >= 2 * QUARTER
    assert sent_bytes(google) == len(LARGE) - told[0]
    assert arrived(google, token) == LARGE


def test_other_bytes_begin_anew(google: Google, make_file: MakeFile) -> None:
    interrupt(google, make_file)
    google.emulator.requests.clear()
    other = content_of(len(LARGE), seed=2)
    assert arrived(google, upload(google, make_file(other))) == other
    assert google.kinds()[0] == "upload.start"


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://photoslibrary.googleapis.com/v1/uploads?upload_id=x"},
        {"url": "http://127.0.0.1:1/v1/uploads?upload_id=x"},
        {"url": ""},
        {"begun_at": 0},
        {"granularity_bytes": 0},
    ],
)
def test_a_session_of_elsewhere_or_of_old_is_not_used(
    google: Google, make_file: MakeFile, change: dict[str, Any]
) -> None:
    file = interrupt(google, make_file)
    google.shelf.held[1] = replace(google.shelf.held[1], **change)
    google.emulator.requests.clear()
    assert arrived(google, upload(google, file)) == LARGE
    assert google.kinds()[0] == "upload.start"


@pytest.mark.parametrize("code", [404, 410])
@pytest.mark.parametrize("on", ["upload.query", "upload.chunk"])
def test_an_expired_session_is_begun_anew(
    google: Google, make_file: MakeFile, code: int, on: str
) -> None:
    file = interrupt(google, make_file)
    google.emulator.requests.clear()
    google.emulator.faults.add({"fault": "expired-session", "on": on, "code": code})
    assert arrived(google, upload(google, file)) == LARGE
    assert google.emulator.requests.count("upload.start") == 1
    assert google.halt.waits == []


def test_a_session_that_google_does_not_know_is_begun_anew(
    google: Google, make_file: MakeFile
) -> None:
    file = interrupt(google, make_file)
    url = f"{google.emulator.url}/v1/uploads?upload_id=unknown&upload_protocol=resumable"
    google.shelf.held[1] = replace(google.shelf.held[1], url=url)
    assert arrived(google, upload(google, file)) == LARGE


def test_sessions_lost_again_and_again_put_the_file_aside(
    google: Google, make_file: MakeFile
) -> None:
    google.emulator.faults.add({"fault": "expired-session", "on": "upload.chunk", "times": 9})
    with pytest.raises(ItemTrouble, match="time after time"):
        upload(google, make_file(LARGE))
    assert google.emulator.requests.count("upload.start") == 3
    assert google.shelf.held == {}


@pytest.mark.parametrize("status", [400, 409, 412, 416])
@pytest.mark.parametrize("keep_prefix", ["arbitrary", "aligned", "none"])
def test_a_broken_chunk_goes_on_whatever_google_kept(
    google: Google, make_file: MakeFile, status: int, keep_prefix: str
) -> None:
    google.emulator.options.wrong_offset_status = status
    google.emulator.options.keep_prefix = keep_prefix
    google.emulator.faults.add(
        {"fault": "reset-middle", "on": "upload.chunk", "skip": 1, "after_bytes": 100_000}
    )
    assert arrived(google, upload(google, make_file(LARGE))) == LARGE
    assert google.emulator.requests.count("upload.start") == 1
    assert google.halt.waits == [1.0]


@pytest.mark.parametrize("status", [400, 409, 412, 416])
def test_a_wrong_offset_is_asked_about_without_a_wait(
    google: Google, make_file: MakeFile, status: int
) -> None:
    """The answer to the first chunk has no status header: nobody knows what it meant."""
    google.emulator.options.wrong_offset_status = status
    file = interrupt(google, make_file, after=1)
    session = google.shelf.held[1]
    wrong = google.connect()
    with wrong._wire as wire:
        from photosync.google.http import Call

        answer = wire.send(
            Call(
                "POST",
                session.url,
                {"X-Goog-Upload-Command": "upload", "X-Goog-Upload-Offset": "7"},
                body=lambda: bytes(QUARTER),
            )
        )
    assert answer.status == status
    assert arrived(google, upload(google, file)) == LARGE
    assert google.halt.waits == []


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "lost-answer", "503", "html"])
@pytest.mark.parametrize("on", ["upload.start", "upload.chunk"])
def test_a_passing_trouble_is_sat_out(
    google: Google, make_file: MakeFile, fault: str, on: str
) -> None:
    google.emulator.faults.add({"fault": fault, "on": on})
    assert arrived(google, upload(google, make_file(LARGE))) == LARGE
    assert sent_bytes(google) < len(LARGE) + 2 * QUARTER + 2000
    assert len(google.halt.waits) <= 1


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "lost-answer", "503", "401"])
def test_a_passing_trouble_of_a_small_file_is_sat_out(
    google: Google, make_file: MakeFile, fault: str
) -> None:
    google.emulator.faults.add({"fault": fault, "on": "upload.raw"})
    assert arrived(google, upload(google, make_file(SMALL))) == SMALL


@pytest.mark.parametrize("on", ["upload.start", "upload.chunk"])
def test_an_answer_without_the_status_is_asked_about(
    google: Google, make_file: MakeFile, on: str
) -> None:
    google.emulator.faults.add({"fault": "missing-status-header", "on": on, "skip": 0})
    assert arrived(google, upload(google, make_file(LARGE))) == LARGE
    assert google.emulator.requests.count("upload.start") == 1


@pytest.mark.parametrize("tells", [True, False])
def test_a_lost_last_answer(google: Google, make_file: MakeFile, tells: bool) -> None:
    google.emulator.options.final_query_token = tells
    google.emulator.faults.add({"fault": "lost-answer", "on": "upload.chunk", "skip": 3})
    assert arrived(google, upload(google, make_file(LARGE))) == LARGE
    assert google.emulator.requests.count("upload.start") == (1 if tells else 2)


@pytest.mark.parametrize(("content", "times"), [(SMALL, 1), (LARGE, 3)])
def test_bytes_that_google_received_differently(
    google: Google, make_file: MakeFile, content: bytes, times: int
) -> None:
    google.emulator.faults.add({"fault": "wrong-hash", "on": "upload.*", "times": 4 * times})
    with pytest.raises(ChecksumMismatch):
        upload(google, make_file(content))
    assert google.shelf.held == {}


def test_a_hash_that_google_misunderstands_does_not_keep_large_files_out(
    google: Google, make_file: MakeFile
) -> None:
    google.emulator.faults.add({"fault": "wrong-hash", "on": "upload.*", "times": 8})
    assert arrived(google, upload(google, make_file(LARGE))) == LARGE
    assert google.emulator.requests.count("upload.start") == 3


def test_a_hash_misunderstood_for_two_files_is_left_out_for_good(
    google: Google, make_file: MakeFile
) -> None:
    library = google.connect().library
    for number in range(2):
        google.emulator.faults.add({"fault": "wrong-hash", "on": "upload.*", "times": 8})
        library.upload(make_file(LARGE, key=number), nothing)
    assert google.emulator.requests.count("upload.start") == 3 + 3
    unhashed = make_file(LARGE, key=2, sha1=hashlib.sha1(b"other").hexdigest())
    assert arrived(google, library.upload(unhashed, nothing)) == LARGE


def test_a_session_lost_between_two_mismatches_is_no_mismatch(
    google: Google, make_file: MakeFile
) -> None:
    faults = google.emulator.faults
    faults.add({"fault": "wrong-hash", "on": "upload.*", "times": 4})
    faults.add({"fault": "expired-session", "on": "upload.chunk", "skip": 3, "times": 1})
    faults.add({"fault": "wrong-hash", "on": "upload.*", "skip": 1, "times": 4})
    assert arrived(google, upload(google, make_file(LARGE))) == LARGE


def test_a_bit_that_falls_over_once_leaves_the_hash_in_use(
    google: Google, make_file: MakeFile
) -> None:
    library = google.connect().library
    for number in range(3):  # each time one session in two is garbled
        google.emulator.faults.add({"fault": "wrong-hash", "on": "upload.*", "times": 4})
        assert arrived(google, library.upload(make_file(LARGE, key=number), nothing)) == LARGE
    with pytest.raises(ChecksumMismatch):
        library.upload(make_file(LARGE, sha1=hashlib.sha1(b"other").hexdigest()), nothing)


def test_a_failing_disk_while_the_hash_is_looked_into(google: Google, tmp_path: Path) -> None:
    path = tmp_path / "dying.jpg"
    path.write_bytes(LARGE)

    class Dying(io.FileIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            if self.reads > 4:  # once for each chunk
                raise FileUnreadable("The disk is dying.")
            return super().read(-1 if size is None else size) or b""

    google.emulator.faults.add({"fault": "wrong-hash", "on": "upload.*"})
    with Dying(path) as dying:
        file = UploadFile(1, "f", cast("BinaryIO", dying), len(LARGE), "0" * 40, "image/jpeg")
        with pytest.raises(FileUnreadable, match="dying"):
            upload(google, file)


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_bytes_that_are_not_what_was_hashed(
    google: Google, make_file: MakeFile, content: bytes
) -> None:
    with pytest.raises(ChecksumMismatch):
        upload(google, make_file(content, sha1=hashlib.sha1(b"other").hexdigest()))
    assert google.emulator.library.items() == []


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_a_file_that_became_shorter(google: Google, make_file: MakeFile, content: bytes) -> None:
    file = make_file(content, size_bytes=len(content) + 10)
    with pytest.raises(FileReplaced):
        upload(google, file)
    assert google.shelf.held == {}
    assert google.halt.waits == []


def test_a_file_that_google_finds_too_large(google: Google, make_file: MakeFile) -> None:
    google.emulator.options.max_video_bytes = 2000
    with pytest.raises(FileTooLarge):
        upload(google, make_file(LARGE))


def test_a_minute_without_quota_is_waited_for(google: Google, make_file: MakeFile) -> None:
    google.emulator.faults.add({"fault": "quota-minute", "on": "upload.raw"})
    google.emulator.faults.add({"fault": "uploads-quota", "on": "upload.raw"})
    assert arrived(google, upload(google, make_file(SMALL))) == SMALL
    assert len(google.halt.waits) == 2
    assert min(google.halt.waits) >= 30.0


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_a_spent_day_is_noted_and_the_session_kept(
    google: Google, make_file: MakeFile, content: bytes
) -> None:
    google.emulator.faults.add({"fault": "quota-day", "on": "upload.[rc]*"})
    file = make_file(content)
    with pytest.raises(DailyQuotaSpent) as raised:
        upload(google, file)
    assert raised.value.until == MIDNIGHT
    assert google.ledger.noted == 1
    assert len(google.shelf.held) == (content is LARGE)
    assert arrived(google, upload(google, file)) == content


def test_our_own_budget_ends_the_day_without_a_request(google: Google, make_file: MakeFile) -> None:
    google.ledger.budget = 2
    with pytest.raises(DailyQuotaSpent) as raised:
        upload(google, make_file(LARGE))
    assert raised.value.until == MIDNIGHT - 1
    assert google.ledger.noted == 0
    assert google.kinds() == ["upload.start", "upload.chunk"]
    assert 1 in google.shelf.held


@pytest.mark.parametrize(("content", "kind"), [(SMALL, "upload.raw"), (LARGE, "upload.chunk")])
def test_a_hanging_upload_ends_at_once_when_asked_to(
    google: Google, make_file: MakeFile, content: bytes, kind: str
) -> None:
    google.emulator.faults.add({"fault": "hang", "on": kind, "seconds": 60})
    connection = google.connect()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(connection.library.upload, make_file(content), nothing)
        wait_until(lambda: google.emulator.requests.count(kind) > 0)
        google.halt.event.set()
        connection.close()
        assert isinstance(running.exception(timeout=20), Stopping)  # it hangs for 60 s


def test_a_stop_during_a_wait_ends_it(google: Google, make_file: MakeFile) -> None:
    google.emulator.faults.add({"fault": "503", "on": "upload.raw", "times": 9})
    google.halt.stop_in_wait = True
    with pytest.raises(Stopping):
        upload(google, make_file(SMALL))
    assert google.kinds() == ["upload.raw"]


def test_no_network_keeps_the_session(google: Google, make_file: MakeFile) -> None:
    file = interrupt(google, make_file)
    google.emulator.__exit__()
    with pytest.raises((Offline, ConnectionLost)):
        upload(google, file)
    assert 1 in google.shelf.held


def test_trouble_that_does_not_pass_keeps_the_session(google: Google, make_file: MakeFile) -> None:
    file = interrupt(google, make_file)
    google.emulator.faults.add({"fault": "503", "on": "upload.*", "times": 50})
    with pytest.raises(TransientError):
        upload(google, file)
    assert 1 in google.shelf.held
    assert google.halt.waits == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("body", [b"", b"  ", b"<html>hello</html>", b'{"a":1}', b"\xff"])
def test_success_without_a_token_is_trouble(
    google: Google, make_file: MakeFile, body: bytes
) -> None:
    with stranger(http("200 OK", body)) as one, pytest.raises(ServerTrouble):
        upload(google, make_file(SMALL), url=one.url)
    assert len(one.heard) == 4


def test_a_session_on_a_foreign_host_gets_nothing(google: Google, make_file: MakeFile) -> None:
    with stranger(http("200 OK", b"token")) as evil:
        begun = http("200 OK", X_Goog_Upload_URL=f"{evil.url}/x", X_Goog_Upload_Status="active")
        with (
            stranger(begun) as one,
            pytest.raises(ServerTrouble, match="proper address"),
        ):
            upload(google, make_file(LARGE), url=one.url)
        assert evil.heard == []
    assert google.shelf.held == {}


def test_a_server_that_says_nothing_for_ever_is_left(google: Google, make_file: MakeFile) -> None:
    with stranger(http("200 OK")) as one:
        file = make_file(LARGE)
        interrupted = google.connect(url=one.url)
        with pytest.raises(ServerTrouble):
            interrupted.library.upload(file, nothing)
    assert len(one.heard) < 20


def test_nothing_secret_is_logged(
    google: Google, make_file: MakeFile, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    granted = google.sign_in(expiry="2020-01-01T00:00:00Z")
    for fault in ("503", "html", "reset-middle", "expired-session", "401", "missing-status-header"):
        google.emulator.faults.add({"fault": fault, "on": "upload.chunk"})
    errors: list[PhotosyncError] = []
    for _ in range(3):
        try:
            token = upload(google, make_file(LARGE))
        except (TransientError, RateLimited) as error:
            errors.append(error)
    photosync = " ".join(
        one.getMessage() for one in caplog.records if not one.name.startswith("photosync.emulator")
    )
    for secret in (granted["refresh_token"], granted["token"], "upload_id", "ya29", token):
        assert secret not in photosync
        assert not any(secret in str(error) for error in errors)
    assert "upload.begun_anew" in photosync
