from __future__ import annotations

import hashlib
import os
import struct
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from photosync.domain import media_types
from photosync.files import samples
from photosync.files.samples import clips, make_broken, make_samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def boxes(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Kind and size of each box on top of an ISO base media file; fails if one is cut."""
    at = 0
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        assert 8 <= size <= len(content) - at, f"box {kind!r} at {at} is cut"
        yield kind, size
        at += size


def test_every_sample_has_bytes_of_its_own(tmp_path: Path) -> None:
    files = make_samples(tmp_path, 60)
    assert len({one.name for one in files}) == 60
    assert len({hashlib.sha256(one.read_bytes()).digest() for one in files}) == 60


def test_number_and_seed_decide_the_bytes(tmp_path: Path) -> None:
    def content(folder: str, count: int, *, seed: int = 0, start: int = 1) -> dict[str, bytes]:
        written = make_samples(tmp_path / folder, count, seed=seed, start=start)
        return {one.name: one.read_bytes() for one in written}

    whole = content("a", 20)
    assert content("b", 8, start=13) == dict(list(whole.items())[12:])
    other = content("c", 20, seed=1)
    assert other.keys() == whole.keys()
    assert not set(other.values()) & set(whole.values())


def test_photos_open_and_carry_the_date_in_their_name(tmp_path: Path) -> None:
    photos = [one for one in make_samples(tmp_path, 20) if one.suffix == ".jpg"]
    assert len(photos) == 16
    for file in photos:
        with Image.open(file) as picture:
            picture.load()
            taken = picture.getexif().get_ifd(samples.EXIF_IFD)[samples.DATE_TIME_ORIGINAL]
            assert len(picture.convert("L").resize((32, 32)).getcolors() or []) > 10
        assert file.name.startswith("IMG_" + taken.replace(":", "").replace(" ", "_") + "_")


def test_pictures_look_different_from_each_other(tmp_path: Path) -> None:
    looks = set()
    for file in make_samples(tmp_path, 9):
        with Image.open(file) as picture:
            looks.add(picture.convert("RGB").resize((16, 12)).tobytes())
    assert len(looks) == 9


def test_screenshots_are_whole_pngs(tmp_path: Path) -> None:
    file = make_samples(tmp_path, 1, start=5)[0]
    assert file.suffix == ".png"
    with Image.open(file) as picture:
        picture.verify()


def test_videos_are_whole_and_end_with_a_box_to_skip(tmp_path: Path) -> None:
    for number in (10, 20, 30):
        content = make_samples(tmp_path, 1, start=number)[0].read_bytes()
        kinds = [kind for kind, _ in boxes(content)]
        assert kinds[:2] == [b"ftyp", b"moov"]  # plays before it is loaded whole
        assert b"mdat" in kinds
        assert kinds[-1] == b"free"


@pytest.mark.parametrize("name", clips.NAMES)
def test_clips_are_little(name: str) -> None:
    content = clips.clip(10 * clips.NAMES.index(name), 0)
    assert 5_000 < len(content) < 40 * 1024


def test_names_and_contents_agree_on_what_a_sample_is(tmp_path: Path) -> None:
    for file in make_samples(tmp_path, 10):
        head = file.read_bytes()[: media_types.HEAD_BYTES]
        named = media_types.BY_EXTENSION[media_types.extension_of(file.name)]
        assert media_types.mime_type(file.name, head) == named


def test_broken_files_claim_to_be_media_and_are_none(tmp_path: Path) -> None:
    broken = make_broken(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(broken)
    for name, wrong in broken.items():
        assert wrong
        assert media_types.claim(name) is media_types.Claim.MEDIA
        assert media_types.mime_type(name, (tmp_path / name).read_bytes()) is None
    assert (tmp_path / "empty.jpg").stat().st_size == 0


def test_an_atomic_sample_is_never_seen_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    replace = type(tmp_path).replace

    def watched(self: Path, target: Path) -> Path:
        seen.append([one.name for one in tmp_path.iterdir()])
        return replace(self, target)

    monkeypatch.setattr(type(tmp_path), "replace", watched)
    (file,) = make_samples(tmp_path, 1)
    assert all(name.startswith(".") for name in seen[0])
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


def test_without_atomic_a_sample_grows_where_it_stands(tmp_path: Path) -> None:
    (file,) = make_samples(tmp_path, 1)
    inode = file.stat().st_ino
    make_samples(tmp_path, 1, atomic=False)
    assert file.stat().st_ino == inode
    make_samples(tmp_path, 1)
    assert file.stat().st_ino != inode


def test_a_full_disk_leaves_no_hidden_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(type(tmp_path), "replace", full)
    with pytest.raises(OSError, match="No space"):
        make_samples(tmp_path, 1)
    assert list(tmp_path.iterdir()) == []
