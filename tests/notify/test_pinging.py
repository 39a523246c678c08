from __future__ import annotations

import pytest
import requests

from photosync.notify.pinging import LONGEST_BODY, ping
from tests.notify.receiver import Receiver


@pytest.mark.parametrize(
    ("path", "is_well", "asked"),
    [
        ("/ping/abc", True, "/ping/abc"),
        ("/ping/abc", False, "/ping/abc/fail"),
        ("/ping/abc/", False, "/ping/abc/fail"),
        ("/ping/abc?rid=1", False, "/ping/abc/fail?rid=1"),
    ],
)
def test_what_is_asked_for(path: str, asked: str, *, is_well: bool) -> None:
    with Receiver() as receiver:
        assert ping(receiver.url + path, is_well=is_well, text="über") == ""
        assert receiver.heard == [(asked, "über")]


def test_a_long_story_is_cut() -> None:
    with Receiver() as receiver:
        ping(f"{receiver.url}/ping", is_well=False, text="x" * 50_000)
        assert len(receiver.heard[0][1]) == LONGEST_BODY


@pytest.mark.parametrize("answer", [404, 500, 302])
def test_it_has_to_be_heard_there_and_nowhere_else(answer: int) -> None:
    with Receiver(answer) as receiver:
        reason = ping(f"{receiver.url}/ping/hush", is_well=True, text="")
        assert reason == f"it answered {answer}"
        assert len(receiver.heard) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (requests.ConnectTimeout("https://hush"), "it did not answer in time"),
        (requests.ReadTimeout("https://hush"), "it did not answer in time"),
        (requests.ConnectionError("https://hush"), "it cannot be reached"),
        (requests.exceptions.InvalidURL("https://hush"), "it cannot be asked (InvalidURL)"),
    ],
)
def test_what_goes_wrong_is_said_without_the_address(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(requests, "post", fail)
    assert ping("https://hush", is_well=True, text="") == reason
