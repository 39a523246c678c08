from __future__ import annotations

import json
from threading import Event, Thread

import pytest

from photosync.errors import Stopping
from photosync.notify import sending
from photosync.notify.sending import NO_ANSWER, UNKNOWN, deliver
from tests.notify.receiver import Receiver


def test_every_address_is_told_in_plain_text() -> None:
    with Receiver() as one, Receiver() as other:
        found = deliver([one.address(), other.address()], "It's <b>", "A & B\nsecond *line*")
        assert [(str(each), each.reason) for each in found] == [("json://***", "")] * 2
        assert one.notices() == other.notices() == [("It's <b>", "A & B\nsecond *line*")]


def test_one_that_does_not_take_it_is_named_without_its_secret() -> None:
    with Receiver(500) as broken, Receiver() as good:
        found = deliver([broken.address(), "bogus://hush-hush", good.address()], "T", "b")
        assert len(good.notices()) == 1
    assert "500" in found[0].reason
    assert found[1].reason == UNKNOWN
    assert found[2].reason == ""
    assert "secret-word" not in "".join(map(str, found))
    assert "hush" not in "".join(map(str, found))


def test_nobody_is_asked_when_the_addresses_are_only_checked() -> None:
    with Receiver() as receiver:
        found = deliver([receiver.address(), "bogus://x"], "", "")
        assert receiver.heard == []
    assert [one.reason for one in found] == ["", UNKNOWN]
    assert deliver([], "T", "b") == []


def test_one_that_hangs_is_given_up_and_those_before_it_count() -> None:
    with Receiver() as good, Receiver() as slow:
        slow.hangs.set()
        found = deliver([good.address(), slow.address()], "T", "b", seconds=60.0)
        assert len(good.notices()) == 1
    assert found[0].reason == ""
    assert found[1].reason  # apprise's patience may end before ours
    assert NO_ANSWER in found[1].reason or "error" in found[1].reason.lower()


def test_an_order_to_stop_is_obeyed_while_one_hangs() -> None:
    halt = Event()
    with Receiver() as slow:
        slow.hangs.set()

        def order() -> None:
            assert slow.asked.wait(60)
            halt.set()

        ordering = Thread(target=order)
        ordering.start()
        with pytest.raises(Stopping):
            deliver([slow.address()], "T", "b", halt=halt, seconds=60.0)
        ordering.join()


def test_a_process_that_dies_told_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    said = """printf 'noise\\n{}\\n[0, ""]\\n[1]\\n[1, '; exit 1"""
    monkeypatch.setattr(sending, "COMMAND", ("/bin/sh", "-c", said))
    found = deliver(["a://1", "b://2"], "T", "b")
    assert [one.reason for one in found] == ["", NO_ANSWER]


def test_a_reason_holds_no_part_of_the_address_and_is_no_novel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = json.dumps([0, "POST https://api.example/botHUSH-TOKEN/send\n" + "x" * 500])
    monkeypatch.setattr(sending, "COMMAND", ("/bin/sh", "-c", f"printf '%s\\n' '{answer}'"))
    (found,) = deliver(["tgram://botHUSH-TOKEN/12345"], "T", "b")
    assert "HUSH" not in found.reason
    assert found.reason.startswith("POST https://api.example/***/send xxx")
    assert len(found.reason) < 320
