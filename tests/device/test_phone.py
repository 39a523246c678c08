"""Listing, pulling, looking at beginnings: against a real adbd."""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from photosync.device import phone as phone_module
from photosync.device.files import PhoneFiles
from photosync.device.phone import BLOCK_BYTES, MOST_IDLE
from photosync.device.sync import BLOCK_BYTES as GATHERED_BYTES
from photosync.device.sync import Dialect
from photosync.domain.media import Entry
from photosync.domain.selection import Selection
from photosync.errors import FileReplaced, FileVanished, PhoneGone, PhoneStalled
from tests.device.conftest import opened
from tests.device.names import ODD_NAMES
from tests.lab.lab import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.device.phone import Phone
    from tests.lab.lab import LabPhone

EVERYTHING = Selection()


def entries(phone: Phone, *folders: str, selection: Selection = EVERYTHING) -> dict[str, Entry]:
    with phone.walk(selection) as walk:
        return {one.path: one for one in walk.entries(folders)}


def entry(phone: Phone, path: str) -> Entry:
    return entries(phone, path.rpartition("/")[0])[path]


def fill(folder: Path, *names: str, content: bytes = b"\xff\xd8\xff") -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def test_every_odd_name_is_listed_and_pulled_exactly(phone: Phone, lab_phone: LabPhone) -> None:
    folder = os.fsencode(lab_phone.storage / "odd")
    os.mkdir(folder)  # noqa: PTH102 - bytes
    for number, name in enumerate(ODD_NAMES):
        with open(folder + b"/" + name, "wb") as file:  # noqa: PTH123 - bytes
            file.write(b"content %d" % number)
    found = entries(phone, "odd")
    assert {os.fsencode(path) for path in found} == {b"odd/" + name for name in ODD_NAMES}
    for number, name in enumerate(ODD_NAMES):
        target = io.BytesIO()
        phone.pull(found[os.fsdecode(b"odd/" + name)], target)
        assert target.getvalue() == b"content %d" % number


def test_sizes_beyond_4_gib_and_times_are_exact(phone: Phone, lab_phone: LabPhone) -> None:
    fill(lab_phone.storage / "large", "v.mp4")
    os.truncate(lab_phone.storage / "large/v.mp4", 5 * 2**30 + 1)  # sparse
    os.utime(lab_phone.storage / "large/v.mp4", (0, 1_234_567_890))
    assert entries(phone, "large") == {
        "large/v.mp4": Entry("large/v.mp4", 5 * 2**30 + 1, 1_234_567_890 * 10**9)
    }


@pytest.mark.parametrize(("stat", "lists"), [(2, 1), (1, 1)])
def test_an_older_phone_lists_and_gives_the_same(
    lab_phone: LabPhone, stat: int, lists: int
) -> None:
    """Before Android 11 listings have sizes of 32 bits; single questions have more since 8."""
    fill(lab_phone.storage / "older", "a.jpg", "odd 'name'\n.jpg", content=b"\xff\xd8\xff-older")
    fill(lab_phone.storage / "older/videos", "v.mp4")
    os.truncate(lab_phone.storage / "older/videos/v.mp4", 5 * 2**30 + 1)  # sparse
    with opened(lab_phone) as phone:
        phone.identity = replace(phone.identity, dialect=Dialect(stat, lists))
        found = entries(phone, "older")
        assert sorted(found) == ["older/a.jpg", "older/odd 'name'\n.jpg", "older/videos/v.mp4"]
        exact = stat == 2
        assert found["older/videos/v.mp4"].size_bytes == (5 if exact else 1) * 2**30 + 1
        target = io.BytesIO()
        phone.pull(found["older/a.jpg"], target)
        assert target.getvalue() == b"\xff\xd8\xff-older"


def test_junk_and_marked_folders_are_left_out(phone: Phone, lab_phone: LabPhone) -> None:
    root = lab_phone.storage / "junk"
    fill(root, "a.jpg", ".hidden.jpg", ".trashed-1-b.jpg", ".pending-1-c.jpg", "notes.txt")
    fill(root, ".thumbnails/t.jpg", "private/.nomedia", "private/p.jpg", "sub/s.jpg", "x.tmp")
    assert set(entries(phone, "junk")) == {"junk/a.jpg", "junk/sub/s.jpg"}
    assert set(entries(phone, "junk/private")) == {"junk/private/p.jpg"}, "the user named it"


def test_the_user_may_leave_out_more(phone: Phone, lab_phone: LabPhone) -> None:
    fill(lab_phone.storage / "choice", "a.jpg", "b.png", "old/c.jpg")
    assert set(entries(phone, "choice", selection=Selection(exclude=("*.png", "old/")))) == {
        "choice/a.jpg"
    }
    chosen = Selection(exclude=("choice/old/**",))
    assert set(entries(phone, "choice", selection=chosen)) == {"choice/a.jpg", "choice/b.png"}


def test_a_loop_of_links_leads_nowhere(phone: Phone, lab_phone: LabPhone) -> None:
    fill(lab_phone.storage / "loop", "a.jpg")
    (lab_phone.storage / "loop/again").symlink_to("../loop")
    (lab_phone.storage / "loop/etc.jpg").symlink_to("/system/etc/passwd")
    assert set(entries(phone, "loop")) == {"loop/a.jpg"}


def test_what_is_too_deep_or_too_long_is_told(phone: Phone, lab_phone: LabPhone) -> None:
    deep = lab_phone.storage / "deep"
    fill(deep.joinpath(*["d"] * 105), "a.jpg")
    long_path = deep.joinpath(*["l" * 200] * 5)
    fill(long_path, "b" * 200 + ".jpg", "c" * 200 + ".txt")
    with phone.walk(EVERYTHING) as walk:
        assert list(walk.entries(["deep"])) == []
    assert not walk.complete
    assert any("more than 100 folders" in why for why in walk.unreadable.values())
    assert any("too long" in why for why in walk.unreadable.values())


def test_many_files_in_one_folder(phone: Phone, lab_phone: LabPhone) -> None:
    folder = lab_phone.storage / "many"
    folder.mkdir()
    for number in range(5000):
        (folder / f"{number}.jpg").touch()
    found = entries(phone, "many", "not there")
    assert len(found) == 5000


def test_an_sd_card_is_a_storage_of_its_own(own_phone: LabPhone) -> None:
    assert own_phone.card is not None
    fill(own_phone.storage / "DCIM", "a.jpg")
    fill(own_phone.card / "DCIM", "a.jpg", content=b"\xff\xd8\xff on the card")
    with opened(own_phone) as phone:
        assert phone.tops() == ["", "sd:1A2B-3C4D"]
        files = PhoneFiles(phone, ["DCIM", "Pictures"])
        found = {one.path: one for one in files.entries()}
        assert set(found) == {"DCIM/a.jpg", "sd:1A2B-3C4D/DCIM/a.jpg"}
        target = io.BytesIO()
        phone.pull(found["sd:1A2B-3C4D/DCIM/a.jpg"], target)
        assert target.getvalue() == b"\xff\xd8\xff on the card"


def test_many_small_files_at_once_and_the_bad_ones_among_them(
    phone: Phone, lab_phone: LabPhone
) -> None:
    folder = lab_phone.storage / "row"
    for number in range(30):
        fill(folder, f"{number:02}.jpg", content=b"%d" % number * 1000)
    found = sorted(entries(phone, "row").values(), key=lambda one: one.path)
    (folder / "03.jpg").unlink()
    (folder / "11.jpg").write_bytes(b"longer than it was, and another time")
    (folder / "29.jpg").unlink()
    targets = [io.BytesIO() for _ in found]
    wrong = phone.pull_all(list(zip(found, targets, strict=True)))
    assert [type(wrong[at]) for at in (3, 11, 29)] == [FileVanished, FileReplaced, FileVanished]
    good = [at for at in range(30) if at not in (3, 11, 29)]
    assert all(wrong[at] is None for at in good)
    assert all(targets[at].getvalue() == b"%d" % at * 1000 for at in good)


def test_several_threads_use_one_phone_at_once(lab_phone: LabPhone) -> None:
    folder = lab_phone.storage / "threads"
    contents = {f"threads/{number}.jpg": os.urandom(300_000) for number in range(24)}
    for path, content in contents.items():
        fill(folder, path.rpartition("/")[2], content=content)
    with opened(lab_phone) as phone:
        found = entries(phone, "threads")
        together = Barrier(6)

        def copied(number: int) -> dict[str, bytes]:
            targets = {path: io.BytesIO() for path in list(found)[number::6]}
            together.wait(timeout=60)
            assert phone.pull_all([(found[path], targets[path]) for path in targets]) == [None] * 4
            return {path: target.getvalue() for path, target in targets.items()}

        with ThreadPoolExecutor(6) as pool:
            for some in pool.map(copied, range(6)):
                assert all(contents[path] == content for path, content in some.items())
        kept = list(phone._idle)
        assert 1 <= len(kept) <= MOST_IDLE
        assert all(one.usable for one in kept)
    assert not any(one.usable for one in kept)


class Blocks:
    """Notes how large the blocks are that it gets."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def write(self, block: memoryview) -> None:
        self.sizes.append(len(block))


def test_a_large_file_comes_in_large_blocks(phone: Phone, lab_phone: LabPhone) -> None:
    size_bytes = 5 * GATHERED_BYTES // 2 + 7
    fill(lab_phone.storage / "blocks", "v.mp4", content=bytes(size_bytes))
    target = Blocks()
    phone.pull(entry(phone, "blocks/v.mp4"), target)
    assert sum(target.sizes) == size_bytes
    assert max(target.sizes) <= GATHERED_BYTES
    assert len(target.sizes) <= 4


def test_a_file_that_vanishes_between_the_look_and_its_turn(
    phone: Phone, lab_phone: LabPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal ends the connection; the others come on another one."""
    fill(lab_phone.storage / "turn", "a.jpg", "b.jpg", "c.jpg")
    found = sorted(entries(phone, "turn").values(), key=lambda one: one.path)
    looked = phone_module._difference

    def then_gone(*asked: object) -> object:
        answer = looked(*asked)  # type: ignore[arg-type]
        (lab_phone.storage / "turn/b.jpg").unlink(missing_ok=True)
        return answer

    monkeypatch.setattr(phone_module, "_difference", then_gone)
    targets = [io.BytesIO() for _ in found]
    wrong = phone.pull_all(list(zip(found, targets, strict=True)))
    assert [type(one) for one in wrong] == [type(None), FileVanished, type(None)]
    assert targets[2].getvalue() == b"\xff\xd8\xff"


def test_a_file_that_is_gone_or_another_one(phone: Phone, lab_phone: LabPhone) -> None:
    fill(lab_phone.storage / "gone", "a.jpg", "b.jpg")
    gone, replaced = entry(phone, "gone/a.jpg"), entry(phone, "gone/b.jpg")
    (lab_phone.storage / "gone/a.jpg").unlink()
    fill(lab_phone.storage / "gone", "b.jpg", content=b"\xff\xd8\xff more")
    with pytest.raises(FileVanished):
        phone.pull(gone, io.BytesIO())
    with pytest.raises(FileReplaced):
        phone.pull(replaced, io.BytesIO())


class Growing(io.BytesIO):
    """A target during whose first write the file on the phone grows."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file: Path | None = file

    def write(self, block: object) -> int:
        if self.file is not None:
            with self.file.open("ab") as more:
                more.write(b"and more")
            self.file = None
        return super().write(block)  # type: ignore[arg-type]


def test_a_file_that_grows_while_it_is_pulled(phone: Phone, lab_phone: LabPhone) -> None:
    fill(lab_phone.storage / "grow", "v.mp4", content=bytes(3_000_000))
    with pytest.raises(FileReplaced):
        phone.pull(entry(phone, "grow/v.mp4"), Growing(lab_phone.storage / "grow/v.mp4"))


def test_a_pull_goes_on_where_it_broke_off(phone: Phone, lab_phone: LabPhone) -> None:
    content = os.urandom(10 * BLOCK_BYTES + 123)
    fill(lab_phone.storage / "resume", "it's $(odd).mp4", content=content)
    target = io.BytesIO()
    found = entry(phone, "resume/it's $(odd).mp4")
    phone.pull(found, target, have_bytes=7 * BLOCK_BYTES)
    assert target.getvalue() == content[7 * BLOCK_BYTES :]


def test_the_phone_can_hash(phone: Phone, lab_phone: LabPhone) -> None:
    content = os.urandom(100_000)
    fill(lab_phone.storage / "hash", "-it's.jpg", content=content)
    assert phone.sha256("hash/-it's.jpg") == hashlib.sha256(content).hexdigest()
    with pytest.raises(FileVanished):
        phone.sha256("hash/not there.jpg")


def test_beginnings_of_many_files(phone: Phone, lab_phone: LabPhone) -> None:
    folder = lab_phone.storage / "heads"
    names = [f"{number}'s $(x).jpg" for number in range(50)]
    for name in names:
        fill(folder, name, content=name.encode() * 2000)
    fill(folder, "empty.jpg", content=b"")
    paths = [f"heads/{name}" for name in [*names, "empty.jpg", "not there.jpg"]]
    heads = list(phone.heads(paths, size_bytes=5000))
    assert heads[:50] == [(name.encode() * 2000)[:5000] for name in names]
    assert heads[50:] == [b"", None]


def test_a_phone_without_a_shell_gives_beginnings_too(lab_phone: LabPhone) -> None:
    with opened(lab_phone) as phone:
        phone.identity = replace(phone.identity, has_shell=False)
        fill(lab_phone.storage / "old", "a.jpg", content=b"0123456789" * 100)
        assert list(phone.heads(["old/a.jpg", "old/b.jpg"], size_bytes=5)) == [b"01234", None]
        assert phone.sha256("old/a.jpg") is None


def test_a_cut_cable_ends_a_pull_at_once(own_phone: LabPhone) -> None:
    fill(own_phone.storage / "DCIM", "v.mp4", content=bytes(50_000_000))
    with opened(own_phone) as phone:
        found = entry(phone, "DCIM/v.mp4")
        cut = own_phone.cable.cut_after(10_000_000)
        target = io.BytesIO()
        with pytest.raises(PhoneGone):
            phone.pull(found, target)
        assert cut.wait(timeout=60)
        assert 0 < len(target.getvalue()) < 50_000_000
        own_phone.plug()
        eventually(lambda: _pulls(phone, found), "the pull after the replug")


def _pulls(phone: Phone, found: Entry) -> bool:
    try:
        phone.pull(found, io.BytesIO())
    except PhoneGone:
        return False
    return True


def test_a_stalled_cable_does_not_hang_us(own_phone: LabPhone) -> None:
    fill(own_phone.storage / "DCIM", "a.jpg")
    with opened(own_phone, timeout_seconds=5.0) as phone:
        found = entry(phone, "DCIM/a.jpg")
        own_phone.cable.stall()
        with pytest.raises(PhoneStalled):
            phone.pull(found, io.BytesIO())


def test_a_killed_adb_server_is_a_phone_that_is_gone(built: None, tmp_path: Path) -> None:
    from tests.lab import lab

    host = lab.AdbHost(tmp_path)
    host.start()
    with lab.phone(host, tmp_path / "phone", "LAB0003") as made:
        fill(made.storage / "DCIM", "a.jpg")
        with opened(made) as phone:
            found = entry(phone, "DCIM/a.jpg")
            host.stop()
            with pytest.raises(PhoneGone):
                phone.pull(found, io.BytesIO())
            with pytest.raises(PhoneGone):
                phone.pull(found, io.BytesIO())
            host.start()
            made.plug()
            eventually(lambda: _pulls(phone, found), "the pull from the new server")
    host.stop()
