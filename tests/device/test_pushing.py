"""A file put back on a phone: whole, checked, with its time, and never over another one."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from photosync.device import pushing
from photosync.device.pushing import heard_of, push, scan_command
from photosync.errors import FileExists, FileUnreadable, PhoneFull, PhoneGarbled, PhoneGone
from tests.device.conftest import opened
from tests.device.names import ODD_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.device.phone import Phone
    from photosync.device.shell import Answer
    from tests.lab.lab import LabPhone

CONTENT = os.urandom(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
THEN = 1_234_567_890


def put(phone: Phone, path: str, content: bytes = CONTENT) -> bool:
    sha256 = hashlib.sha256(content).hexdigest()
    return push(phone, path, [content], mtime=THEN, sha256=sha256)


def left_over(folder: Path) -> list[str]:
    return [one.name for one in folder.rglob(".photosync-*")]


def test_a_file_is_put_back_with_its_time(phone: Phone, lab_phone: LabPhone) -> None:
    assert put(phone, "Restored/sub/a.jpg")
    file = lab_phone.storage / "Restored/sub/a.jpg"
    assert file.read_bytes() == CONTENT
    assert file.stat().st_mtime == THEN
    assert left_over(lab_phone.storage) == []
    assert not put(phone, "Restored/sub/a.jpg"), "those very bytes lay there"


def test_odd_names_are_put_back(phone: Phone, lab_phone: LabPhone) -> None:
    for name in ODD_NAMES:
        assert put(phone, "Odd/" + os.fsdecode(name), name)
    folder = os.fsencode(lab_phone.storage / "Odd")
    assert set(os.listdir(folder)) == set(ODD_NAMES)  # noqa: PTH208 - bytes
    assert not (lab_phone.storage / "pwned").exists()


def test_another_file_is_never_overwritten(phone: Phone, lab_phone: LabPhone) -> None:
    file = lab_phone.storage / "Mine/a.jpg"
    file.parent.mkdir()
    file.write_bytes(b"the user's own")
    with pytest.raises(FileExists):
        put(phone, "Mine/a.jpg")
    (lab_phone.storage / "Mine/b.jpg").mkdir()
    with pytest.raises(FileExists):
        put(phone, "Mine/b.jpg")
    assert file.read_bytes() == b"the user's own"


def test_a_file_that_appears_in_the_last_moment_stays(
    phone: Phone, lab_phone: LabPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = pushing._verify

    def then_appears(*asked: object) -> None:
        verify(*asked)  # type: ignore[arg-type]
        (lab_phone.storage / "Race/a.jpg").write_bytes(b"the user's own")

    monkeypatch.setattr(pushing, "_verify", then_appears)
    with pytest.raises(FileExists, match="appeared"):
        put(phone, "Race/a.jpg")
    assert (lab_phone.storage / "Race/a.jpg").read_bytes() == b"the user's own"
    assert left_over(lab_phone.storage) == []


def test_a_local_copy_that_is_spoilt_is_not_put_back(phone: Phone, lab_phone: LabPhone) -> None:
    with pytest.raises(FileUnreadable, match="local copy"):
        push(phone, "Spoilt/a.jpg", [b"other bytes"], mtime=THEN, sha256=SHA256)
    assert list((lab_phone.storage / "Spoilt").iterdir()) == []


def test_what_arrives_is_checked_on_the_phone(
    phone: Phone, lab_phone: LabPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone, "sha256", lambda _path: "0" * 64)
    with pytest.raises(FileUnreadable, match="not what was sent"):
        put(phone, "Wrong/a.jpg")
    assert list((lab_phone.storage / "Wrong").iterdir()) == []


def test_a_phone_that_cannot_hash_sends_it_back(phone: Phone, lab_phone: LabPhone) -> None:
    phone.identity = replace(phone.identity, has_shell=True)
    own = phone.sha256
    phone.sha256 = lambda path: None  # type: ignore[method-assign] # noqa: ARG005
    assert put(phone, "Back/a.jpg")
    phone.sha256 = own  # type: ignore[method-assign]
    assert (lab_phone.storage / "Back/a.jpg").read_bytes() == CONTENT


def test_a_media_library_that_answers_nonsense_is_no_error(
    phone: Phone, lab_phone: LabPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = phone.run

    def garbled(line: bytes, *, seconds: float = 60.0) -> Answer:
        if line.startswith(b"content"):
            raise PhoneGarbled("nonsense")
        return run(line, seconds=seconds)

    phone.identity = replace(phone.identity, android=34)
    monkeypatch.setattr(phone, "run", garbled)
    assert put(phone, "Announced/a.jpg")
    assert (lab_phone.storage / "Announced/a.jpg").read_bytes() == CONTENT


def test_the_phone_will_not_have_it(phone: Phone, lab_phone: LabPhone) -> None:
    (lab_phone.storage / "file").write_bytes(b"no folder")
    with pytest.raises(FileUnreadable, match="cannot write"):
        put(phone, "file/a.jpg")


def test_a_full_phone(phone: Phone, lab_phone: LabPhone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said as adbd says it; the lab's disk is too large to fill."""
    from photosync.device.sync import Sync

    (lab_phone.storage / "file").write_bytes(b"no folder")
    monkeypatch.setattr(Sync, "_text", lambda *_: b"write failed: No space left on device")
    with pytest.raises(PhoneFull):
        put(phone, "file/a.jpg")
    named = b"cannot create /sdcard/No space left on device/a.jpg: Permission denied"
    monkeypatch.setattr(Sync, "_text", lambda *_: named)
    with pytest.raises(FileUnreadable, match="Permission denied"):
        put(phone, "file/a.jpg")


def test_a_cable_cut_in_the_middle_harms_nothing(own_phone: LabPhone) -> None:
    (own_phone.storage / "DCIM/a.jpg").write_bytes(b"the user's own")

    def blocks() -> Iterator[bytes]:
        yield CONTENT
        own_phone.unplug()
        for _ in range(5000):  # as much as fits into the buffers between here and there
            yield CONTENT

    with opened(own_phone) as phone, pytest.raises(PhoneGone):
        push(phone, "DCIM/b.jpg", blocks(), mtime=THEN, sha256=SHA256)
    assert not (own_phone.storage / "DCIM/b.jpg").exists()
    assert (own_phone.storage / "DCIM/a.jpg").read_bytes() == b"the user's own"


def test_the_scanner_is_told_in_the_words_of_each_android() -> None:
    """The lab has no media library: commands and answers are those of AOSP's sources."""
    path = b"/storage/emulated/0/DCIM/it's \xff.jpg"
    new = scan_command(path, android=34)
    assert new.startswith(b"content call --uri content://media --method scan_file --arg '")
    assert new.endswith(b"it'\\''s \xff.jpg'")
    old = scan_command(path, android=29)
    uri = PurePosixPath("/storage/emulated/0/DCIM").as_uri().encode()
    assert old.endswith(b"'" + uri + b"/it%27s%20%FF.jpg'")
    heard = b"Result: Bundle[{uri=content://media/external_primary/images/media/42}]\n"
    assert heard_of(heard)
    assert not heard_of(b"Result: Bundle[{uri=null}]\n")
    assert heard_of(b"Broadcasting: Intent { }\nBroadcast completed: result=0\n")
    assert not heard_of(b"Error while accessing provider:media\n")
