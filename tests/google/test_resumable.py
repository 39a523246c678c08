"""The upload protocol against a server of any mood: each byte once, in order, or a clear word."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.errors import (
    ChecksumMismatch,
    DailyQuotaSpent,
    EmptyFile,
    FileTooLarge,
    PhotosyncError,
    RateLimited,
    RequestRefused,
    ScopeMissing,
    ServerTrouble,
    SessionLost,
    TransientError,
)
from photosync.google.faults import Answer
from photosync.google.resumable import (
    DEFAULT_GRANULARITY,
    LARGEST_GRANULARITY,
    LONGEST_TOKEN,
    MOST_CHUNKS,
    MOST_IDLE,
    MOST_STEPS,
    Done,
    Query,
    Send,
    Step,
    Transfer,
    begun_by,
    belongs,
    chunk_bytes,
    token_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

API = "https://photoslibrary.googleapis.com"
ACTIVE = {"x-goog-upload-status": "active"}
FINAL = {"x-goog-upload-status": "final"}
CANCELLED = {"x-goog-upload-status": "cancelled"}
OK = Answer(200, ACTIVE)


def held(size_bytes: int) -> Answer:
    return Answer(200, ACTIVE | {"x-goog-upload-size-received": str(size_bytes)})


def transfer(
    size_bytes: int = 10, *, chunk: int = 4, grain: int = 1, fresh: bool = True
) -> Transfer:
    return Transfer(size_bytes, chunk_bytes=chunk, granularity_bytes=grain, fresh=fresh)


def next_of(one: Transfer) -> Step:
    return one.step


def test_a_small_upload_is_one_request() -> None:
    one = transfer(3)
    assert next_of(one) == Send(0, 3, last=True)
    one.sent(Answer(200, FINAL, b" token \n"), now=0)
    assert next_of(one) == Done("token")


def test_a_large_one_goes_in_chunks() -> None:
    one = transfer(10)
    steps = []
    while isinstance(one.step, Send):
        steps.append(one.step)
        one.sent(Answer(200, FINAL, b"t") if one.step.last else OK, now=0)
    assert steps == [Send(0, 4, last=False), Send(4, 4, last=False), Send(8, 2, last=True)]


def test_an_interrupted_one_asks_first_and_goes_on_from_there() -> None:
    one = transfer(10, fresh=False)
    assert next_of(one) == Query()
    one.queried(held(7), now=0)
    assert next_of(one) == Send(7, 3, last=True)
    assert one.offset == 7


def test_all_bytes_there_but_not_final_is_finalized_without_bytes() -> None:
    one = transfer(10, fresh=False)
    one.queried(held(10), now=0)
    assert next_of(one) == Send(10, 0, last=True)


def test_a_broken_connection_leads_to_a_query() -> None:
    one = transfer()
    one.broke()
    assert next_of(one) == Query()


@pytest.mark.parametrize("status", [400, 409, 412, 416])
@pytest.mark.parametrize("headers", [ACTIVE, {}])
def test_a_wrong_offset_is_asked_about_at_once(status: int, headers: dict[str, str]) -> None:
    one = transfer()
    one.sent(Answer(status, headers, b"Invalid offset: expected 2, got 0"), now=0)
    assert next_of(one) == Query()
    one.queried(held(2), now=0)
    assert next_of(one) == Send(2, 4, last=False)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(500), ServerTrouble),
        (Answer(503, ACTIVE, b"x"), ServerTrouble),
        (Answer(408), ServerTrouble),
        (Answer(302), ServerTrouble),
        (Answer(429, ACTIVE), RateLimited),
        (Answer(404, {}, b"gone"), SessionLost),
        (Answer(404, {}, b"<html>"), SessionLost),
        (Answer(410, {}, b""), SessionLost),
        (Answer(410, CANCELLED), SessionLost),
        (Answer(200, CANCELLED), SessionLost),
        (Answer(503, FINAL), SessionLost),
        (Answer(400, FINAL, b"no"), RequestRefused),
        (Answer(400, FINAL, b"the checksum differs"), ChecksumMismatch),
        (Answer(400, ACTIVE, b"Payload must not be empty"), EmptyFile),
        (Answer(413), FileTooLarge),
        (Answer(401, {}, b'{"code":16,"message":"x"}'), ScopeMissing),
        (Answer(429, {}, b"... limit 'All requests per day'"), DailyQuotaSpent),
        (Answer(200, FINAL, b""), SessionLost),
        (Answer(200, FINAL, b"<html>"), SessionLost),
    ],
)
def test_what_an_answer_to_bytes_means(answer: Answer, error: type[PhotosyncError]) -> None:
    one = transfer()
    with pytest.raises(PhotosyncError) as raised:
        one.sent(answer, now=0)
    assert type(raised.value) is error
    assert next_of(one) == Query()


@pytest.mark.parametrize(
    "answer", [Answer(200), Answer(204), Answer(200, {"x-goog-upload-status": "?"}), OK]
)
def test_an_answer_without_a_word_on_the_last_chunk_leads_to_a_query(answer: Answer) -> None:
    one = transfer(3)
    one.sent(answer, now=0)
    assert next_of(one) == Query()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(404, {}, b"Upload session not found"), SessionLost),
        (Answer(404, {}, b"<html>Error 404 (Not Found)!!1</html>"), SessionLost),
        (Answer(410), SessionLost),
        (Answer(400, {}, b"no"), SessionLost),
        (Answer(400, CANCELLED), SessionLost),
        (Answer(200, CANCELLED), SessionLost),
        (Answer(500), ServerTrouble),
        (Answer(503, ACTIVE), ServerTrouble),
        (Answer(503, FINAL), SessionLost),
        (Answer(429), RateLimited),
        (Answer(403, {}, b"<html>"), ServerTrouble),
        (Answer(401, ACTIVE, b'{"code":16}'), ScopeMissing),
        (Answer(200), ServerTrouble),
        (Answer(200, ACTIVE), SessionLost),
        (Answer(200, ACTIVE | {"x-goog-upload-size-received": "11"}), SessionLost),
        (Answer(200, ACTIVE | {"x-goog-upload-size-received": "-1"}), SessionLost),
        (Answer(200, ACTIVE | {"x-goog-upload-size-received": "9" * 30}), SessionLost),
        (Answer(200, FINAL), SessionLost),
    ],
)
def test_what_an_answer_to_a_query_means(answer: Answer, error: type[PhotosyncError]) -> None:
    one = transfer(10, fresh=False)
    with pytest.raises(PhotosyncError) as raised:
        one.queried(answer, now=0)
    assert type(raised.value) is error
    assert next_of(one) == Query()


def test_a_query_of_a_finished_session_may_tell_the_token() -> None:
    one = transfer(10, fresh=False)
    one.queried(Answer(200, FINAL, b"token"), now=0)
    assert next_of(one) == Done("token")


def test_a_query_may_change_the_granularity() -> None:
    one = transfer(100, chunk=4, fresh=False)
    answer = held(3)
    one.queried(Answer(200, {**answer.headers, "x-goog-upload-chunk-granularity": "10"}), now=0)
    assert next_of(one) == Send(3, 10, last=False)


def forget_all(one: Transfer) -> None:
    """The server takes a chunk, and has lost it when the next one comes."""
    if isinstance(one.step, Query):
        one.queried(held(0), now=0)
    else:
        one.sent(OK if one.offset == 0 else Answer(409, ACTIVE), now=0)


def take_one_byte(one: Transfer) -> None:
    """The connection breaks after every byte."""
    if isinstance(one.step, Query):
        one.queried(held(one.offset + 1), now=0)
    else:
        one.broke()


def steps_until_trouble(one: Transfer, move: Callable[[Transfer], None]) -> int:
    for count in range(10 * MOST_STEPS):
        try:
            move(one)
        except ServerTrouble:
            return count
    pytest.fail("it went on for ever")


def test_a_server_that_forgets_again_and_again_is_left() -> None:
    assert steps_until_trouble(transfer(100, chunk=10), forget_all) < 4 * MOST_IDLE


def test_a_server_that_takes_a_file_by_the_byte_is_left() -> None:
    one = transfer(10**9, chunk=10**6, fresh=False)
    assert steps_until_trouble(one, take_one_byte) <= 2 * MOST_STEPS


# Beginning


def begun(headers: dict[str, str], status: int = 200, body: bytes = b"", api: str = API) -> str:
    return begun_by(Answer(status, headers, body), api_url=api, now=0).url


URL = f"{API}/v1/uploads?upload_id=AEnB2U-_x&upload_protocol=resumable"


def test_a_session_has_an_address_and_a_granularity() -> None:
    headers = ACTIVE | {"x-goog-upload-url": URL, "x-goog-upload-chunk-granularity": "8388608"}
    found = begun_by(Answer(200, headers), api_url=API, now=0)
    assert (found.url, found.granularity_bytes) == (URL, 8_388_608)
    assert "upload_id" not in repr(ServerTrouble("x"))


@pytest.mark.parametrize("told", ["", "0", "-1", "x", "1e3", "٣", "9" * 30, str((64 << 20) + 1)])
def test_a_nonsense_granularity_is_the_usual_one(told: str) -> None:
    headers = ACTIVE | {"x-goog-upload-url": URL, "x-goog-upload-chunk-granularity": told}
    found = begun_by(Answer(200, headers), api_url=API, now=0)
    assert found.granularity_bytes == DEFAULT_GRANULARITY


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "//photoslibrary.googleapis.com/v1",
        "http://photoslibrary.googleapis.com/v1/uploads?upload_id=1",
        "https://evil.example/v1/uploads?upload_id=1",
        "https://photoslibrary.googleapis.com.evil.example/",
        "https://evilgoogleapis.com/",
        "https://photoslibrary.googleapis.com@evil.example/",
        "https://photoslibrary.googleapis.com:x@evil.example/",
        "https://me:pass@upload.googleapis.com/",
        "https://evil.example\\.googleapis.com/",
        "https://evil.example\\@photoslibrary.googleapis.com/",
        "https://evil.example#.googleapis.com/",
        "https://evil.example?.googleapis.com/",
        "https://evil.example\t.googleapis.com/",
        "https://evil.example%2f.googleapis.com/",
        "https://[::1/.googleapis.com",
        "https://evil。example/.googleapis.com",
        f"{URL}\r\nX-Evil: 1",
        f" {URL}",
        "ftp://photoslibrary.googleapis.com/",
    ],
)
def test_no_foreign_host_gets_our_token(url: str) -> None:
    assert not belongs(url, API)
    with pytest.raises(ServerTrouble) as raised:
        begun(ACTIVE | {"x-goog-upload-url": url})
    assert not url or url not in str(raised.value)


def test_googles_other_hosts_may_take_an_upload() -> None:
    assert belongs("https://upload.googleapis.com/x?upload_id=1", API)
    assert belongs("https://photos-upload.clients.google.com/x", API)
    assert not belongs("https://upload.googleapis.com/x", "http://127.0.0.1:8000")
    assert belongs("http://127.0.0.1:8000/x?y", "http://127.0.0.1:8000")
    assert belongs("http://[::1]:8000/x?y", "http://[::1]:8000")
    assert not belongs("http://127.0.0.1:8001/x?y", "http://127.0.0.1:8000")


@given(st.text(max_size=60), st.sampled_from(["", "https://", API, URL, API.replace("s:", ":")]))
def test_any_address_is_judged(text: str, before: str) -> None:
    from urllib3.util import parse_url

    url = before + text
    if belongs(url, API):
        host = parse_url(url).host or ""
        assert host.endswith((".googleapis.com", ".google.com"))
        assert parse_url(url).scheme == "https"


@pytest.mark.parametrize(
    ("status", "headers", "body", "error"),
    [
        (200, FINAL | {"x-goog-upload-url": URL}, b"", RequestRefused),
        (200, CANCELLED | {"x-goog-upload-url": URL}, b"", RequestRefused),
        (400, {}, b"no", RequestRefused),
        (413, {}, b"", FileTooLarge),
        (503, {}, b"", ServerTrouble),
        (200, {}, b"", ServerTrouble),
    ],
)
def test_a_start_that_fails(
    status: int, headers: dict[str, str], body: bytes, error: type[PhotosyncError]
) -> None:
    with pytest.raises(error):
        begun(headers, status, body)


@given(st.integers(0, 20 * 1024**3), st.integers(1, 2**30), st.integers(1, LARGEST_GRANULARITY))
def test_the_size_of_chunks(size: int, wanted: int, grain: int) -> None:
    found = chunk_bytes(size, wanted, grain)
    assert found % grain == 0
    assert found >= wanted
    assert -(-size // found) <= MOST_CHUNKS
    assert found - grain < max(wanted, -(-size // MOST_CHUNKS), 1)  # and no larger than needed


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (b"CAIS", "CAIS"),
        (b" CAIS\r\n", "CAIS"),
        (b"", None),
        (b"  ", None),
        (b"<html>", None),
        (b'{"token":"x"}', None),
        (b"[1]", None),
        (b"a\x00b", None),
        ("ä".encode(), None),
        (b"x" * (LONGEST_TOKEN + 1), None),
    ],
)
def test_what_can_be_an_upload_token(body: bytes, token: str | None) -> None:
    assert token_of(Answer(200, {}, body)) == token
    assert token_of(Answer(200, {}, body, is_whole=False)) is None


# The whole, against a server of any mood


@dataclass
class Server:
    """Holds to the protocol, but does to each request what ``moods`` says."""

    size: int
    grain: int
    moods: list[str]
    keeps_token: bool
    got: bytearray = field(default_factory=bytearray)
    is_final: bool = False

    def mood(self) -> str:
        return self.moods.pop(0) if self.moods else "fine"

    def take(self, content: bytes, step: Send) -> Answer | None:
        """None: the connection broke."""
        mood = self.mood()
        if mood.isdigit():
            return Answer(int(mood), {}, b"trouble")
        if mood == "lost-before":
            return None
        if mood == "forget" and not self.is_final:
            del self.got[len(self.got) // 2 :]
        answer = self._judged(content, step)
        if answer is None and mood == "prefix":
            self.got += content[: len(content) // 2]
        elif answer is None:
            self.got += content
            self.is_final = step.last
            answer = Answer(200, FINAL, b"token") if step.last else OK
            answer = Answer(200, {}, answer.body) if mood == "mute" else answer
        return None if mood == "lost-after" else answer

    def _judged(self, content: bytes, step: Send) -> Answer | None:
        """What is wrong with a chunk, if anything."""
        if self.is_final:
            return Answer(400, FINAL, b"over")
        if step.offset != len(self.got):
            return Answer((400, 409, 412, 416)[step.offset % 4], ACTIVE, b"Invalid offset")
        if not step.last and len(content) % self.grain:
            return Answer(400, ACTIVE, b"not a multiple")
        return None

    def query(self) -> Answer | None:
        mood = self.mood()
        if mood in ("lost-before", "lost-after"):
            return None
        if mood.isdigit():
            return Answer(int(mood), {}, b"trouble")
        headers = {**(FINAL if self.is_final else ACTIVE)}
        headers["x-goog-upload-size-received"] = str(len(self.got))
        headers["x-goog-upload-chunk-granularity"] = str(self.grain)
        if mood == "mute":
            del headers["x-goog-upload-status"]
        return Answer(200, headers, b"token" if self.is_final and self.keeps_token else b"")


PASSING = ("lost-before", "lost-after", "prefix", "mute", "forget", "500", "503", "408", "429")
MOODS = st.sampled_from(("fine", "fine", *PASSING, "404", "410", "400", "412"))
SERVERS = st.builds(
    Server,
    size=st.integers(1, 400),
    grain=st.integers(1, 40),
    moods=st.lists(MOODS, max_size=40),
    keeps_token=st.booleans(),
)


def exchange(one: Transfer, server: Server, content: bytes) -> None:
    step = one.step
    if isinstance(step, Send):
        answer = server.take(content[step.offset : step.offset + step.length], step)
        if answer is None:
            one.broke()
        else:
            one.sent(answer, now=0)
    else:
        answer = server.query()
        if answer is not None:
            one.queried(answer, now=0)


@given(server=SERVERS, wanted=st.integers(1, 100), kept=st.none() | st.integers(0, 400))
def test_each_byte_arrives_once_or_the_caller_is_told(
    server: Server, wanted: int, kept: int | None
) -> None:
    content = bytes(number % 251 for number in range(server.size))
    server.got += content[: kept or 0]
    chunk = chunk_bytes(server.size, wanted, server.grain)
    one = transfer(server.size, chunk=chunk, grain=server.grain, fresh=kept is None)
    exchanges = troubles = 0
    while not isinstance(one.step, Done) and troubles < 4:
        exchanges += 1
        assert exchanges < 1000
        try:
            exchange(one, server, content)
        except SessionLost:
            return  # begun anew by the caller
        except TransientError:
            troubles += 1  # the caller waits, and at last puts the file aside
    if isinstance(one.step, Done):
        assert one.step.token == "token"
        assert server.is_final
        assert bytes(server.got) == content
