"""Copies with a date: by the real exiftool, held against their originals by other means."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import stat
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageCms

from photosync.domain.dating import Dated, Origin
from photosync.errors import ChecksumMismatch, CopyUnproven, DatesFull, ExiftoolMissing, Stopping
from photosync.files import dating
from photosync.files.dates import taken_at
from photosync.files.dating import DatedCopies
from photosync.files.servant import Servant, ServantFailed
from tests.samples import film, picture, want_exiftool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = int(datetime(2021, 1, 31, 9, 11, 12, tzinfo=UTC).timestamp())
DATED = Dated(AT, 3600, Origin.NAME)
WEST = Dated(AT, -(3 * 3600 + 1800), Origin.NAME)


@pytest.fixture(autouse=True)
def _exiftool() -> None:
    want_exiftool()


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[DatedCopies]:
    made = DatedCopies(tmp_path / "cache", halt=Event())
    with closing(made):
        yield made
    assert not list((tmp_path / "cache").glob("*"))


def dated(
    copies: DatedCopies, content: bytes, mime: str, moment: Dated = DATED, number: int = 7
) -> bytes:
    sha256 = hashlib.sha256(content).hexdigest()
    with copies.copy(
        io.BytesIO(content),
        number=number,
        size_bytes=len(content),
        sha256=sha256,
        mime_type=mime,
        dated=moment,
    ) as copy:
        copy.file.seek(0)
        made = copy.file.read()
        assert copy.size_bytes == len(made)
        assert copy.sha256 == hashlib.sha256(made).hexdigest()
        assert copy.sha1 == hashlib.sha1(made).hexdigest()
    return made


def tags(content: bytes, folder: Path) -> dict[str, Any]:
    file = folder / "looked-at"
    file.write_bytes(content)
    said = subprocess.run(
        ["exiftool", "-config", "", "-j", "-G1", "-a", str(file)], check=True, capture_output=True
    ).stdout
    found: dict[str, Any] = json.loads(said)[0]
    return found


def pixels(content: bytes) -> list[bytes]:
    with Image.open(io.BytesIO(content)) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(image.convert("RGBA").tobytes())
    return frames


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "image/jpeg": ("JPEG", {}),
    "image/png": ("PNG", {}),
    "image/tiff": ("TIFF", {}),
    "image/gif": ("GIF", {}),
    "image/heic": ("HEIF", {}),
    "image/avif": ("AVIF", {}),
    "image/webp": ("WEBP", {}),
}


@pytest.mark.parametrize("how", [{}, {"lossless": True}, {"icc_profile": SRGB}, {"save_all": True}])
def test_a_webp_of_every_kind_keeps_each_chunk(
    copies: DatedCopies, tmp_path: Path, how: dict[str, Any]
) -> None:
    frames = [Image.new("RGBA", (64, 48), (number * 50, 9, 9, 100)) for number in range(3)]
    more = {"append_images": frames[1:], "duration": [40, 80, 120]} if "save_all" in how else {}
    out = io.BytesIO()
    frames[0].save(out, "WEBP", **how, **more)
    content = out.getvalue()

    made = dated(copies, content, "image/webp")

    assert pixels(made) == pixels(content)
    assert tags(made, tmp_path)["ExifIFD:DateTimeOriginal"] == "2021:01:31 10:11:12"
    for kind in (b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"):
        assert made.count(kind) == content.count(kind)


def test_what_a_death_in_the_midst_leaves_beside_a_webp_is_in_nobodys_way(
    copies: DatedCopies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """exiftool writes in place beside the file, and never over what lies there."""
    real, died = shutil.which("exiftool"), tmp_path / "died"
    left = tmp_path / "cache" / "7.dated.webp_exiftool_tmp"
    first = f'if [ ! -e "{died}" ]; then touch "{died}" "{left}"; exit 1; fi'
    _program(tmp_path, f'{first}; exec "{real}" "$@"', monkeypatch)
    out = io.BytesIO()
    Image.new("RGB", (64, 48)).save(out, "WEBP")

    made = dated(copies, out.getvalue(), "image/webp")

    assert died.exists()
    assert tags(made, tmp_path)["ExifIFD:DateTimeOriginal"] == "2021:01:31 10:11:12"


@pytest.mark.parametrize("mime", KINDS)
def test_a_picture_gets_its_date_and_keeps_each_pixel(
    copies: DatedCopies, tmp_path: Path, mime: str
) -> None:
    kind, how = KINDS[mime]
    content = picture(1, kind, **how)

    made = dated(copies, content, mime)

    assert made != content
    assert pixels(made) == pixels(content)
    found = tags(made, tmp_path)
    if mime == "image/gif":
        assert found["XMP-exif:DateTimeOriginal"] == "2021:01:31 10:11:12+01:00"
    else:
        assert found["ExifIFD:DateTimeOriginal"] == "2021:01:31 10:11:12"
        assert found["ExifIFD:CreateDate"] == "2021:01:31 10:11:12"
        assert found["ExifIFD:OffsetTimeOriginal"] == "+01:00"
        assert found["ExifIFD:OffsetTimeDigitized"] == "+01:00"
        assert taken_at(io.BytesIO(made), "") == AT


def test_west_of_greenwich_and_half_hours(copies: DatedCopies, tmp_path: Path) -> None:
    made = dated(copies, picture(), "image/jpeg", WEST)

    found = tags(made, tmp_path)
    assert found["ExifIFD:DateTimeOriginal"] == "2021:01:31 05:41:12"
    assert found["ExifIFD:OffsetTimeOriginal"] == "-03:30"
    assert taken_at(io.BytesIO(made), "") == AT


def test_a_film_gets_its_date_in_utc_and_plays_the_same_bytes(
    copies: DatedCopies, tmp_path: Path
) -> None:
    content = film()

    made = dated(copies, content, "video/mp4")

    found = tags(made, tmp_path)
    for name in ("QuickTime:CreateDate", "Track1:TrackCreateDate", "Track1:MediaCreateDate"):
        assert found[name] == "2021:01:31 09:11:12"
    assert taken_at(io.BytesIO(made), "") == AT
    assert mdat(made) == mdat(content)


def mdat(content: bytes) -> bytes:
    at = 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] == b"mdat":
            return content[at + 8 : at + size]
        at += size
    raise AssertionError


def test_all_other_metadata_stays(copies: DatedCopies, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x010F], exif[0x0112] = "A cat", "Maker", 6
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 1.5), 3: "E", 4: (11.0, 34.0, 0.0)})
    content = picture(2, exif=exif, comment=b"a note", dpi=(300, 300), icc_profile=_profile())

    before, after = tags(content, tmp_path), tags(dated(copies, content, "image/jpeg"), tmp_path)

    kept = {
        name: value
        for name, value in before.items()
        if name.partition(":")[0] not in ("System", "SourceFile", "Composite")
    }
    assert kept.items() <= after.items()
    assert after["IFD0:Orientation"] == "Rotate 90 CW"
    assert after["GPS:GPSLatitude"] == before["GPS:GPSLatitude"]


def _profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_a_gif_that_moves_and_a_picture_with_holes_stay_as_they_are(copies: DatedCopies) -> None:
    frames = [Image.new("P", (40, 30), number) for number in range(5)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=[50, 90] * 2 + [9])
    clear = io.BytesIO()
    Image.new("RGBA", (20, 20), (1, 2, 3, 77)).save(clear, "PNG")

    moved = dated(copies, out.getvalue(), "image/gif")
    holes = dated(copies, clear.getvalue(), "image/png")

    assert pixels(moved) == pixels(out.getvalue())
    assert pixels(holes) == pixels(clear.getvalue())


def test_the_same_original_and_date_give_the_same_bytes(tmp_path: Path) -> None:
    """At any time, in any process: what is sent again is the same photo to Google."""
    originals = [(mime, picture(3, kind, **how)) for mime, (kind, how) in KINDS.items()]
    with (
        closing(DatedCopies(tmp_path / "one", halt=Event())) as one,
        closing(DatedCopies(tmp_path / "two", halt=Event())) as other,
    ):
        for mime, content in [*originals, ("video/mp4", film())]:
            assert dated(one, content, mime) == dated(other, content, mime, number=8), mime


DAMAGED = {
    "cut": (picture(4)[:-300], "image/jpeg"),
    "no picture": (b"\xff\xd8\xff\xe0" + bytes(100), "image/jpeg"),
    "a cut PNG": (picture(4, "PNG")[:-40], "image/png"),
    "a film without an index": (
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x10mdat" + bytes(8),
        "video/mp4",
    ),
    "a film in fragments": (film() + b"\0\0\0\x10moof" + bytes(8), "video/mp4"),
    "not what it says": (picture(4, "PNG"), "video/mp4"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_what_cannot_be_proven_is_left_as_it_is(copies: DatedCopies, what: str) -> None:
    content, mime = DAMAGED[what]
    with pytest.raises(CopyUnproven):
        dated(copies, content, mime)
    assert dated(copies, picture(5), "image/jpeg")  # and the next one is none the worse for it


def test_a_date_that_our_own_reader_does_not_know_is_left_alone(
    copies: DatedCopies, tmp_path: Path
) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(picture(6))
    subprocess.run(
        [
            "exiftool",
            "-q",
            "-overwrite_original",
            "-XMP:DateTimeOriginal=1955:05:05 10:00:00",
            file,
        ],
        check=True,
    )
    assert taken_at(io.BytesIO(file.read_bytes()), "") is None

    with pytest.raises(CopyUnproven, match="a date of its own"):
        dated(copies, file.read_bytes(), "image/jpeg")


def test_a_date_that_is_none_is_replaced(copies: DatedCopies, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "0000:00:00 00:00:00"

    made = dated(copies, picture(7, exif=exif), "image/jpeg")

    assert tags(made, tmp_path)["ExifIFD:DateTimeOriginal"] == "2021:01:31 10:11:12"


def test_an_original_that_is_not_what_was_hashed_is_never_sent(copies: DatedCopies) -> None:
    with (
        pytest.raises(ChecksumMismatch),
        copies.copy(
            io.BytesIO(picture(8)),
            number=1,
            size_bytes=10,
            sha256="0" * 64,
            mime_type="image/jpeg",
            dated=DATED,
        ),
    ):
        pass


def test_without_exiftool_nothing_is_dated(
    copies: DatedCopies, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExiftoolMissing, match="exiftool") as told:
        dated(copies, picture(), "image/jpeg")
    assert "libimage-exiftool-perl" in told.value.hint


def test_without_room_nothing_is_dated(
    copies: DatedCopies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dating, "SPARE_BYTES", 1 << 60)
    with pytest.raises(DatesFull, match="lacks"):
        dated(copies, picture(), "image/jpeg")


def _program(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exiftool of the test's own, before the real one."""
    file = folder / "bin" / "exiftool"
    file.parent.mkdir()
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{file.parent}:{os.environ['PATH']}")


def test_an_exiftool_that_hangs_is_given_up(
    copies: DatedCopies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path, f'echo $$ >> "{tmp_path}/pids"; exec sleep 1000', monkeypatch)
    monkeypatch.setattr(dating, "LEAST_SECONDS", 5.0)  # enough for it to begin

    with pytest.raises(CopyUnproven, match="in time"):
        dated(copies, picture(), "image/jpeg")

    pids = [int(one) for one in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    for pid in pids:
        assert _ends(pid), "exiftool outlived what started it"


def _ends(pid: int) -> bool:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_an_exiftool_that_lies_is_found_out(
    copies: DatedCopies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that all is well, but what it made is another picture."""
    other = tmp_path / "other.jpg"
    other.write_bytes(picture(99))
    tool = tmp_path / "liar.py"
    tool.write_text(
        "import json, shutil, sys\n"
        "lines = []\n"
        "for line in iter(sys.stdin.readline, ''):\n"
        "    line = line.rstrip('\\n')\n"
        "    if line != '-execute':\n"
        "        lines.append(line)\n"
        "        continue\n"
        "    if '-o' in lines:\n"
        f"        shutil.copy({str(other)!r}, lines[lines.index('-o') + 1])\n"
        "        print('    1 image files created')\n"
        "    else:\n"
        "        print(json.dumps([{'SourceFile': lines[-1]}]))\n"
        "    print('{ready}', flush=True)\n"
        "    lines = []\n"
    )
    _program(tmp_path, f'exec python3 "{tool}"', monkeypatch)

    with pytest.raises(CopyUnproven):
        dated(copies, picture(1), "image/jpeg")


def test_a_servant_that_is_killed_is_started_anew(copies: DatedCopies) -> None:
    dated(copies, picture(1), "image/jpeg")
    assert copies._servant is not None
    assert copies._servant._process is not None
    os.kill(copies._servant._process.pid, signal.SIGKILL)

    assert dated(copies, picture(1), "image/jpeg")


def test_many_at_once_do_not_get_into_each_others_way(copies: DatedCopies) -> None:
    made: dict[int, bytes] = {}

    def one(number: int) -> None:
        made[number] = dated(copies, picture(number), "image/jpeg", number=number)

    threads = [Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {number: pixels(one) for number, one in made.items()} == {
        number: pixels(picture(number)) for number in range(12)
    }


def test_the_end_of_the_program_is_not_waited_for(tmp_path: Path) -> None:
    halt = Event()
    servant = Servant(("sleep", "1000"), halt=halt)
    halt.set()
    with pytest.raises(Stopping):
        servant.ask({}, seconds=60)


@pytest.mark.parametrize("answer", ["nonsense", "[1]", "x" * 100_000, ""])
def test_an_answer_that_is_none(answer: str) -> None:
    servant = Servant(("sh", "-c", f"read line; echo '{answer}'"), halt=Event())
    if not answer:
        servant = Servant(("true",), halt=Event())
    with closing(servant), pytest.raises(ServantFailed):
        servant.ask({}, seconds=10)


def test_what_a_death_left_behind_is_swept(tmp_path: Path) -> None:
    left = tmp_path / "cache" / "7.dated.jpg_exiftool_tmp"
    left.parent.mkdir()
    left.write_bytes(b"half")
    DatedCopies(left.parent, halt=Event()).sweep()
    assert not left.exists()
