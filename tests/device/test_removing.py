"""The one careful removal: only a regular file, only at its place, only if it is the very bytes."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from photosync.device.pushing import sweep, volume_of
from photosync.device.removing import PhoneRoom
from photosync.device.server import AdbServer
from photosync.domain.media import NANOSECONDS
from photosync.errors import (
    FileReplaced,
    FileUnreadable,
    FileVanished,
    PhoneGone,
    PhoneNotReady,
    PhotosyncError,
)
from tests.device.conftest import opened
from tests.device.names import ODD_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.device.phone import Phone
    from tests.lab.lab import LabPhone

THEN = 1_600_000_000
CONTENT = b"the very bytes"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def room(phone: Phone, lab_phone: LabPhone) -> Iterator[PhoneRoom]:
    made = PhoneRoom(AdbServer("127.0.0.1", lab_phone.host.port), phone)
    yield made
    made.end()


def put(lab_phone: LabPhone, path: str, content: bytes = CONTENT) -> Path:
    file = lab_phone.storage / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (THEN, THEN))
    return file


def remove(room: PhoneRoom, path: str, **other: object) -> None:
    wanted = {"size_bytes": len(CONTENT), "mtime_ns": THEN * NANOSECONDS, "sha256": SHA256}
    room.remove(path, **{**wanted, **other})  # type: ignore[arg-type] # numbers and text


def test_the_very_bytes_go_and_nothing_else(room: PhoneRoom, lab_phone: LabPhone) -> None:
    file, beside = put(lab_phone, "Gone/a.jpg"), put(lab_phone, "Gone/b.jpg")
    remove(room, "Gone/a.jpg")
    assert not file.exists()
    assert beside.exists()
    with pytest.raises(FileVanished):
        remove(room, "Gone/a.jpg")
    assert room.is_gone("Gone/a.jpg")
    assert not room.is_gone("Gone/b.jpg")
    assert not room.is_gone("No such folder/b.jpg"), "a card that was taken out shows nothing"


def test_odd_names_go_and_start_nothing(room: PhoneRoom, lab_phone: LabPhone) -> None:
    folder = lab_phone.storage / "OddGone"
    folder.mkdir()
    beside = put(lab_phone, "OddGone/beside.jpg")
    for name in ODD_NAMES:
        path = os.fsencode(folder) + b"/" + name
        with open(path, "wb") as file:  # noqa: PTH123 - bytes
            file.write(CONTENT)
        os.utime(path, (THEN, THEN))
    for name in ODD_NAMES:
        remove(room, "OddGone/" + os.fsdecode(name))
    assert list(folder.iterdir()) == [beside]
    assert not (lab_phone.storage / "pwned").exists()


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"sha256": "0" * 64}, "other bytes"),
        ({"size_bytes": 13}, "has changed"),
        ({"mtime_ns": (THEN + 1) * NANOSECONDS}, "has changed"),
    ],
)
def test_anything_else_stays(
    room: PhoneRoom, lab_phone: LabPhone, other: dict[str, object], words: str
) -> None:
    file = put(lab_phone, "Stays/a.jpg")
    with pytest.raises(FileReplaced, match=words):
        remove(room, "Stays/a.jpg", **other)
    assert file.read_bytes() == CONTENT


def test_links_and_folders_stay(room: PhoneRoom, lab_phone: LabPhone) -> None:
    real = put(lab_phone, "Real/a.jpg")
    link = lab_phone.storage / "Links/a.jpg"
    link.parent.mkdir()
    link.symlink_to("../Real/a.jpg")
    with pytest.raises(FileReplaced, match="is a link"):
        remove(room, "Links/a.jpg")
    (lab_phone.storage / "Detour").symlink_to("Real")
    with pytest.raises(FileReplaced, match="behind a link"):
        remove(room, "Detour/a.jpg")
    folder = lab_phone.storage / "Folders/a.jpg"
    folder.mkdir(parents=True)
    with pytest.raises(FileReplaced, match="no regular file"):
        remove(room, "Folders/a.jpg")
    assert real.exists()
    assert link.is_symlink()
    assert folder.is_dir()
    link.unlink()
    link.symlink_to("nowhere")
    with pytest.raises(FileReplaced, match="is a link"):
        remove(room, "Links/a.jpg")


def test_a_path_that_leads_elsewhere_is_never_tried(room: PhoneRoom) -> None:
    for path in ("../a.jpg", "DCIM/../../a.jpg", "a\0b"):
        with pytest.raises(ValueError, match="not a path"):
            remove(room, path)


def test_a_phone_that_cannot_hash_sends_the_file(
    room: PhoneRoom, lab_phone: LabPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lab's sha256sum cannot be taken away: its shell is asked for one that is not there."""
    from photosync.device import removing

    whole = removing.command

    def without(*asked: object, **more: object) -> bytes:
        return whole(*asked, **more).replace(b"sha256sum", b"no-such-program")  # type: ignore[arg-type]

    monkeypatch.setattr(removing, "command", without)
    file = put(lab_phone, "Unhashed/a.jpg")
    remove(room, "Unhashed/a.jpg")
    assert not file.exists()
    other = put(lab_phone, "Unhashed/b.jpg", b"other bytes ..")
    with pytest.raises(FileReplaced, match="other bytes"):
        remove(room, "Unhashed/b.jpg")
    assert other.exists()


def test_another_phone_by_the_same_address(own_phone: LabPhone) -> None:
    file = put(own_phone, "DCIM/a.jpg")
    with opened(own_phone) as phone:
        room = PhoneRoom(AdbServer("127.0.0.1", own_phone.host.port), phone)
        own_phone.unplug()
        own_phone.switch_off()
        own_phone.serial = "LAB0999"
        own_phone.switch_on()
        own_phone.plug()
        with opened(own_phone) as other:
            assert other.identity.serial == "LAB0999"
        with pytest.raises(PhoneGone):
            remove(room, "DCIM/a.jpg")
        with pytest.raises(PhoneGone, match="Another phone"):
            remove(room, "DCIM/a.jpg")
        with pytest.raises(PhoneGone, match="Another phone"):
            PhoneRoom(AdbServer("127.0.0.1", own_phone.host.port), phone)
    assert file.exists()


def test_a_cable_that_is_pulled(own_phone: LabPhone) -> None:
    put(own_phone, "DCIM/a.jpg")
    with opened(own_phone) as phone:
        room = PhoneRoom(AdbServer("127.0.0.1", own_phone.host.port), phone)
        own_phone.unplug()
        with pytest.raises((PhoneGone, PhoneNotReady)):
            remove(room, "DCIM/a.jpg")
        with pytest.raises(PhotosyncError):
            room.is_gone("DCIM/a.jpg")
    assert (own_phone.storage / "DCIM/a.jpg").exists()


def test_an_old_android_is_not_asked(phone: Phone, lab_phone: LabPhone) -> None:
    from dataclasses import replace

    phone.identity = replace(phone.identity, has_shell=False)
    with pytest.raises(FileUnreadable, match="that old"):
        PhoneRoom(AdbServer("127.0.0.1", lab_phone.host.port), phone)


def test_only_our_own_left_overs_are_swept(phone: Phone, lab_phone: LabPhone) -> None:
    folder = lab_phone.storage / "Swept"
    for name in (
        ".photosync-mine-0123456789abcdef.tmp",
        ".photosync-yours-0123456789abcdef.tmp",
        ".photosync-mine-0123.tmp",
        "a.photosync-mine-0123456789abcdef.tmp",
        "a.jpg",
    ):
        put(lab_phone, f"Swept/{name}")
    (folder / ".photosync-mine-fedcba9876543210.tmp").mkdir()
    assert sweep(phone, ["Swept", "No such folder", "Swept/a.jpg"], owner="mine") == 1
    assert sorted(one.name for one in folder.iterdir()) == [
        ".photosync-mine-0123.tmp",
        ".photosync-mine-fedcba9876543210.tmp",
        ".photosync-yours-0123456789abcdef.tmp",
        "a.jpg",
        "a.photosync-mine-0123456789abcdef.tmp",
    ]


def test_volumes_have_the_names_of_androids_media_store() -> None:
    """AOSP: MediaStore.VOLUME_EXTERNAL_PRIMARY; a card's is its number in lower case."""
    assert volume_of("") == b"external_primary"
    assert volume_of("sd:1A2B-3C4D") == b"1a2b-3c4d"
