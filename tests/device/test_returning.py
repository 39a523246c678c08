"""A phone that photos are put back to: cards, and a media library that is told once."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from photosync.device.announcing import MOST_ALONE, Announcements
from photosync.device.pushing import push
from photosync.device.returning import PhoneTarget
from photosync.device.shell import Answer
from photosync.domain.media import NANOSECONDS, Lying
from photosync.domain.restoring import Landed
from photosync.errors import FileUnreadable
from tests.device.conftest import opened

if TYPE_CHECKING:
    from photosync.device.phone import Phone
    from tests.lab.lab import LabPhone

CONTENT = os.urandom(1000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
THEN_NS = 1_600_000_000 * NANOSECONDS


def put(target: PhoneTarget, path: str) -> Landed:
    return target.put(
        path, lambda: iter([CONTENT]), size_bytes=1000, mtime_ns=THEN_NS, sha256=SHA256
    )


def test_a_card_that_is_there_and_one_that_is_not(own_phone: LabPhone) -> None:
    assert own_phone.card is not None
    with opened(own_phone) as phone:
        target = PhoneTarget(phone, owner="me")
        assert put(target, "sd:1A2B-3C4D/DCIM/a.jpg") == Landed(True, THEN_NS)
        assert put(target, "sd:1A2B-3C4D/DCIM/a.jpg") == Landed(False, THEN_NS)
        assert target.look(["sd:1A2B-3C4D/DCIM/a.jpg", "DCIM"]) == [Lying(1000, THEN_NS), None]
        with pytest.raises(FileUnreadable, match="SD card FFFF-0000 is not in the phone"):
            put(target, "sd:FFFF-0000/DCIM/a.jpg")
        assert target.sweep(["sd:FFFF-0000/DCIM", "sd:1A2B-3C4D/DCIM"]) == 0
    assert (own_phone.card / "DCIM/a.jpg").read_bytes() == CONTENT


def test_a_disk_that_keeps_another_time_is_believed(
    phone: Phone, lab_phone: LabPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """exFAT keeps two seconds; the lab's disk is made to by hand, after the push."""

    def coarse(*asked: object, **more: object) -> bool:
        done = push(*asked, **more)  # type: ignore[arg-type]
        os.utime(lab_phone.storage / "Coarse/a.jpg", (1_600_000_001, 1_600_000_001))
        return done

    monkeypatch.setattr("photosync.device.returning.push", coarse)
    landed = put(PhoneTarget(phone, owner="me"), "Coarse/a.jpg")
    assert landed == Landed(True, THEN_NS + NANOSECONDS)


@pytest.mark.parametrize(("android", "alone", "volumes"), [(34, MOST_ALONE, 2), (29, 50, 0)])
def test_many_changes_are_told_at_once(
    phone: Phone, monkeypatch: pytest.MonkeyPatch, android: int, alone: int, volumes: int
) -> None:
    """The lab has no media library: what it would be told is written down."""
    phone.identity = replace(phone.identity, android=android)
    said: list[bytes] = []

    def noted(line: bytes, *, seconds: float = 60.0) -> Answer:
        said.append(line)
        return Answer(0, b"", b"")

    monkeypatch.setattr(phone, "run", noted)
    announcements = Announcements(phone)
    for number in range(50):
        announcements.tell(f"{'' if number % 2 else 'sd:1A2B-3C4D/'}DCIM/{number}.jpg")
    announcements.end()
    announcements.end()
    whole = [line for line in said if b"scan_volume" in line]
    assert (len(said) - len(whole), len(whole)) == (alone, volumes)
