from __future__ import annotations

import io
import logging
import re
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

CONSOLE_HEAD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (debug|info|warning|error|critical) +")

# Each in the shape that Google gives it, and none of them real.
ACCESS = "ya29.a0AfH6SMBx_made-up.By-us"
REFRESH = "1//0gMadeUpByUs-x_yz"
CODE = "4/0AVMBsJmadeUpByUs-x_yz"
UPLOAD_ID = "ABPnzm6madeUpByUs_x-yz"


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    """What setup() changes is the process's own: put it back (levels are by every test)."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    yield
    root.handlers[:] = handlers


def record(
    message: str, *args: object, level: int = logging.INFO, error: BaseException | None = None
) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("photosync.stages.upload", level, __file__, 1, message, args, info)


def line(message: str, *args: object, journal: bool = True, level: int = logging.INFO) -> str:
    return logs.OneLine(journal=journal).format(record(message, *args, level=level))


def raised(message: str) -> Exception:
    def fail() -> None:
        raise ValueError(message)

    try:
        fail()
    except ValueError as error:
        return error
    raise AssertionError


# One record, one line


def test_the_event_comes_after_time_and_level_on_a_console() -> None:
    text = line("item.uploaded id=%d bytes=%d", 4711, 3145728, journal=False)
    head = CONSOLE_HEAD.match(text)
    assert head is not None
    assert text[head.end() :] == "item.uploaded id=4711 bytes=3145728"


@pytest.mark.parametrize(
    ("level", "prefix"),
    [
        (logging.DEBUG, "<7>"),
        (logging.INFO, "<6>"),
        (logging.WARNING, "<4>"),
        (logging.ERROR, "<3>"),
        (logging.CRITICAL, "<2>"),
        (15, "<6>"),  # a level of somebody else's
    ],
)
def test_the_journal_gets_its_priority_and_no_time(level: int, prefix: str) -> None:
    assert line("daemon.started", level=level) == f"{prefix}daemon.started"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nitem.done id=1", r"a\nitem.done id=1"),  # no forged event
        ("a\r<3>b", r"a\r<3>b"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),  # no orders to a terminal
        ("\x9b31m", r"\x9b31m"),
        ("a\u2028b", r"a\u2028b"),
        ("\u202egpj.exe", r"\u202egpj.exe"),  # no text that turns around
        ("\udcff.jpg", r"\udcff.jpg"),  # a name that is no UTF-8
        ("Übung 写真 😀.jpg", "Übung 写真 😀.jpg"),
    ],
)
def test_a_hostile_name_stays_on_its_line_and_readable(name: str, shown: str) -> None:
    assert line("item.found path=%s", name) == f"<6>item.found path={shown}"


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_one_printable_line_that_can_be_written(text: str) -> None:
    for journal in (True, False):
        told = line("%s", text, journal=journal)
        assert told.isprintable()
        told.encode("utf-8")


# Tracebacks


def test_a_traceback_follows_indented_line_by_line() -> None:
    told = logs.OneLine(journal=False).format(record("worker.bug", error=raised("x = 3")))
    first, *traceback = told.splitlines()
    assert first.endswith("worker.bug")
    assert traceback[0] == "    Traceback (most recent call last):"
    assert traceback[-1] == "    ValueError: x = 3"
    assert all(one.startswith("    ") for one in traceback)


def test_each_line_of_a_traceback_has_its_priority_in_the_journal() -> None:
    failed = record("worker.bug", level=logging.ERROR, error=raised("x"))
    told = logs.OneLine(journal=True).format(failed).splitlines()
    assert len(told) > 3
    assert all(one.startswith("<3>") for one in told)
    assert told[1].startswith("<3>    ")


def test_an_exception_cannot_forge_a_line_or_give_a_secret_away() -> None:
    failed = record("worker.bug", error=raised(f"\x1b[2J\n<6>item.done {ACCESS}"))
    first, *traceback = logs.OneLine(journal=True).format(failed).splitlines()
    assert first == "<6>worker.bug"
    assert all(one.startswith("<6>    ") for one in traceback)
    assert "\x1b" not in "".join(traceback)
    assert ACCESS not in "".join(traceback)


def test_a_stack_follows_like_a_traceback() -> None:
    told = record("worker.stuck")
    told.stack_info = f'Stack (most recent call last):\n  File "x.py"\n    f("{ACCESS}", "\x1b[2J")'
    first, *stack = logs.OneLine(journal=True).format(told).splitlines()
    assert first == "<6>worker.stuck"
    assert stack[0] == "<6>    Stack (most recent call last):"
    assert stack[-1] == r'<6>        f("ya29.***", "\x1b[2J")'


def test_an_empty_exception_adds_nothing() -> None:
    failed = record("worker.odd")
    failed.exc_info = (None, None, None)  # logger.exception() outside of an except block
    assert logs.OneLine(journal=True).format(failed).splitlines()[0] == "<6>worker.odd"


# Secrets


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        (ACCESS, f"Authorization: Bearer {ACCESS}"),
        ("opaque-token", "{'Authorization': 'Bearer opaque-token'}"),
        (ACCESS, f"token {ACCESS}, then"),
        (ACCESS, f'{{"access_token": "{ACCESS}", "expires_in": 3599}}'),
        ("opaque", "access_token=opaque&scope=x"),
        (REFRESH, f"{{'refresh_token': '{REFRESH}'}}"),
        (REFRESH, f"grant {REFRESH} was revoked"),
        ("GOCSPX-made-up", '{"client_secret":"GOCSPX-made-up"}'),
        ("GOCSPX-made-up", "client_secret = GOCSPX-made-up"),
        ("GOCSPX-made-up", "the secret GOCSPX-made-up is unknown"),
        (CODE, f"GET /?state=x&code={CODE}&scope=y"),
        (CODE, f"GET /?code={CODE}"),
        (CODE, f"code={CODE}&client_id=7"),
        (CODE, f'{{"code": "{CODE}"}}'),
        (CODE.replace("/", "%2F"), f"/?code={CODE.replace('/', '%2F')}"),
        ("made-up-verifier", "code_verifier=made-up-verifier&x=1"),
        (
            UPLOAD_ID,
            f"PUT https://photos.example/v1/uploads?upload_id={UPLOAD_ID}&upload_protocol=r",
        ),
        (UPLOAD_ID, f"{{'upload_id': '{UPLOAD_ID}'}}"),
    ],
)
def test_a_secret_is_blanked_out_whatever_it_is_wrapped_in(secret: str, text: str) -> None:
    told = line("http.odd %s", text)
    assert secret not in told
    assert "***" in told


def test_several_secrets_on_one_line_are_all_blanked_out() -> None:
    told = line("x access_token=%s refresh_token=%s id=7", ACCESS, REFRESH)
    assert told == "<6>x access_token=*** refresh_token=*** id=7"


@pytest.mark.parametrize(
    "text",
    [
        "item.failed id=7 code=not_media path=a.jpg",
        "http.answered status=429 code=8 retry_after=30",
        "item.found path=2021//IMG_20210131_120000.jpg",
        "item.uploaded id=1 sha256=9f86d081884c7d65 bytes=12",
        "sign_in.needed code=auth_required",
        "exit_code=3",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert line("%s", text) == f"<6>{text}"


# Set up


def told_by(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def test_what_matters_is_logged_and_only_that() -> None:
    stream = io.StringIO()
    logs.setup(verbose=False, stream=stream, journal=True)
    logging.getLogger("photosync.google.http").debug("http.sent")
    logging.getLogger("photosync.stages.create").info("item.done id=1")
    logging.getLogger("urllib3.connectionpool").info("Starting new connection")
    logging.getLogger("PIL").warning("odd picture")
    assert told_by(stream) == ["<6>item.done id=1", "<4>odd picture"]


def test_verbose_tells_our_own_details_and_nobody_elses() -> None:
    stream = io.StringIO()
    logs.setup(verbose=True, stream=stream, journal=True)
    logging.getLogger("photosync.google.http").debug("http.sent")
    logging.getLogger("requests_oauthlib").debug("Authorization: %s", REFRESH)
    assert told_by(stream) == ["<7>http.sent"]


def test_setting_up_again_replaces_our_handler_and_no_other() -> None:
    before, after = io.StringIO(), io.StringIO()
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    logs.setup(verbose=True, stream=before, journal=True)
    logs.setup(verbose=False, stream=after, journal=True)
    logging.getLogger("photosync").info("daemon.started")
    assert (told_by(before), told_by(after)) == ([], ["<6>daemon.started"])
    assert other in logging.getLogger().handlers


@pytest.mark.parametrize(
    ("environ", "journal", "expected"),
    [
        ({"JOURNAL_STREAM": "8:12345"}, None, "<6>"),
        ({}, None, "20"),
        ({"JOURNAL_STREAM": "8:12345"}, False, "20"),
        ({}, True, "<6>"),
    ],
)
def test_systemd_is_recognised_unless_somebody_says(
    environ: dict[str, str], journal: bool | None, expected: str
) -> None:
    stream = io.StringIO()
    logs.setup(verbose=False, stream=stream, journal=journal, environ=environ)
    logging.getLogger("photosync").info("daemon.started")
    assert stream.getvalue().startswith(expected)


def test_lines_of_several_threads_do_not_mix() -> None:
    stream = io.StringIO()
    logs.setup(verbose=False, stream=stream, journal=True)

    def tell(letter: str) -> None:
        for _ in range(50):
            logging.getLogger("photosync").info("event.%s", letter * 200)

    threads = [threading.Thread(target=tell, args=(letter,)) for letter in "abcd"]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    lines = told_by(stream)
    assert len(lines) == 200
    assert set(lines) == {f"<6>event.{letter * 200}" for letter in "abcd"}


def test_a_name_that_is_no_utf8_can_be_written_to_a_plain_stream(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.setup(verbose=False, stream=sys.stderr, journal=True)
    logging.getLogger("photosync").info("item.found path=%s", "\udce9t\udce9.jpg")
    assert capsys.readouterr().err == "<6>item.found path=\\udce9t\\udce9.jpg\n"
