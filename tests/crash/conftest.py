"""The programs, and the ways of a photo on which they die."""

from __future__ import annotations

import io
import time
from contextlib import ExitStack, closing
from threading import Event
from typing import TYPE_CHECKING

import pyrage
import pytest

from photosync.domain.dating import date_of
from photosync.files.dating import DatedCopies
from tests.crash.staging import LONG_AGO, Program, Stage, age, started
from tests.journeys.conftest import jpeg, mp4, sha256
from tests.lab import lab
from tests.samples import film, picture, want_exiftool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.journeys.conftest import World
    from tests.lab.lab import AdbHost

SIDE_BY_SIDE = 4
UPLOAD = '[upload]\nresumable_above = "256 KiB"\nchunk = "256 KiB"\n'


@pytest.fixture(scope="module")
def programs() -> Iterator[list[Program]]:
    """Several, for worlds side by side: much of a run is waiting."""
    with ExitStack() as stack:
        yield [stack.enter_context(started()) for _ in range(SIDE_BY_SIDE)]


@pytest.fixture
def program(programs: list[Program]) -> Program:
    return programs[0]


@pytest.fixture(scope="module")
def folder_stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("crash")
    pictures = folder / "Pictures"
    contents = [*(jpeg(number) for number in range(6)), mp4(1, 700_000)]
    for number, content in enumerate(contents):
        file = pictures / f"{number % 2}" / f"{number}.{'mp4' if number == 6 else 'jpg'}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        age(file)
    raw = b"II*\0" + bytes(1000)  # left out: its JPEG stands for it
    for name, content in (("twin.jpg", jpeg(3)), ("empty.jpg", b""), ("0/4.dng", raw)):
        (pictures / name).write_bytes(content)
        age(pictures / name)

    def configure(world: World) -> None:
        (world.home / "backup").mkdir()
        select = '[select]\nraw_with_jpeg = "jpeg"\n'
        backup = f'[backup]\nto = "{world.home}/backup"\n'
        world.configure(folder='album = "Trip"', more=select + UPLOAD + backup)

    return Stage(folder, configure, contents, duplicates=1, failed=1, skipped=1)


@pytest.fixture(scope="module")
def dated_stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A picture and a film that say no date; the film goes in pieces, each death making it anew."""
    want_exiftool()
    folder = tmp_path_factory.mktemp("crash-dates")
    pictures = folder / "Pictures"
    pictures.mkdir()
    name, padding = "IMG-20210131-WA0007.jpg", (600_000).to_bytes(4, "big") + b"free"
    long_film = film(1) + padding + bytes(600_000 - 8)
    originals = {name: (picture(1), "image/jpeg"), "film.mp4": (long_film, "video/mp4")}
    expected = []
    with closing(DatedCopies(folder / "copies", halt=Event())) as copies:
        for number, (one, (content, mime)) in enumerate(originals.items()):
            (pictures / one).write_bytes(content)
            age(pictures / one)
            dated = date_of(one, LONG_AGO * 10**9, now=time.time())
            assert dated is not None
            with copies.copy(
                io.BytesIO(content),
                number=number,
                size_bytes=len(content),
                sha256=sha256(content),
                mime_type=mime,
                dated=dated,
            ) as copy:
                copy.file.seek(0)
                expected.append(copy.file.read())

    def configure(world: World) -> None:
        (world.home / "backup").mkdir()
        backup = f'[backup]\nto = "{world.home}/backup"\n'
        world.configure(folder='album = "Trip"', more=f"{UPLOAD}fix_dates = true\n{backup}")

    kept = [content for content, _ in originals.values()]
    return Stage(folder, configure, expected, duplicates=0, failed=0, originals=kept)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdbHost]:
    with lab.host(tmp_path_factory.mktemp("adb-home")) as made:
        yield made


@pytest.fixture(scope="module")
def phone_stage(host: AdbHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One film is large enough to be gone on with; copies are taken away once they are safe."""
    folder = tmp_path_factory.mktemp("crash-phone")
    (folder / "Pictures").mkdir()
    contents = [*(jpeg(number) for number in range(4)), mp4(1, 33 << 20)]
    with lab.phone(host, folder / "phone", "LAB1111") as phone:
        camera = phone.storage / "DCIM/Camera"
        for number, content in enumerate([*contents, jpeg(2), b"no picture"]):
            file = camera / f"{number}.{'mp4' if number == 4 else 'jpg'}"
            file.write_bytes(content)
            age(file)
        (phone.storage / "Download").mkdir()
        (phone.storage / "Download/other.jpg").write_bytes(jpeg(9))

        key = str(pyrage.x25519.Identity.generate())

        def configure(world: World) -> None:
            (world.home / "backup").mkdir()
            (world.state / "backup-key.txt").write_text(key)
            backup = f'[backup]\nto = "{world.home}/backup"\nencrypt = true\n'
            world.configure(
                phone=f'adb_port = {host.port}\nalbum = "Trip"',
                more=f'[mirror]\npath = "{world.home}/mirror"\nmin_free = 0\n'
                f'keep = "until-done"\n{backup}',
            )

        yield Stage(folder, configure, contents, duplicates=1, failed=1, key=key)
