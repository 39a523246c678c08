"""Where measuring happens: a folder, how large and how often, and who to compare with."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ExifTags, Image

from photosync.emulator.options import Options
from photosync.emulator.server import Emulator
from tests.bench.link import Line, link
from tests.bench.measuring import ran
from tests.journeys.conftest import PROGRAM, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.bench.link import Link
    from tests.bench.measuring import Ran

MB = 1_000_000
OLD = (1_600_000_000, 1_600_000_000)
HOSTS = (
    "photoslibrary.googleapis.com",
    "oauth2.googleapis.com",
    "accounts.google.com",
    "www.googleapis.com",
)
GOOGLE = "127.84.1.1"
"""An address of this machine's that nobody else listens at: Google's names lead there."""
QUIET_SECONDS = 2.5
"""A file that was made a moment ago is left alone for two seconds; photos lie there for longer."""
UNLIMITED: dict[str, object] = {"writes_per_minute": 10_000_000, "daily_limit": 100_000_000}


@dataclass
class Place:
    """``scale`` 1 is full size; ``runs`` how often each thing is measured.

    ``folder`` is empty at first and goes away with all that is in it.
    """

    folder: Path
    scale: float = 1.0
    runs: int = 3
    _made: int = field(default=0, init=False)

    def count(self, full: int, least: int = 1) -> int:
        """So many of them at this scale."""
        return max(least, round(full * self.scale))

    def series(self, full: int, least: int = 1) -> list[int]:
        """1x, 10x and 100x; at small scales they may come closer, but never together."""
        few = self.count(full // 100, least)
        return [few, few * 10, few * 100]

    def fresh(self, name: str = "run") -> Path:
        """A folder of its own."""
        self._made += 1
        made = self.folder / f"{name}-{self._made}"
        made.mkdir(parents=True)
        return made

    @contextmanager
    def passing(self, name: str = "run") -> Iterator[Path]:
        """A folder for the block: disks are not endless."""
        made = self.fresh(name)
        try:
            yield made
        finally:
            shutil.rmtree(made)

    @cached_property
    def certificate(self) -> tuple[Path, Path]:
        """For Google's names, and the key to it; whoever trusts it trusts itself."""
        folder = self.fresh("certificate")
        names = ",".join([*(f"DNS:{host}" for host in HOSTS), f"IP:{GOOGLE}", "IP:127.0.0.1"])
        key, certificate = folder / "key.pem", folder / "cert.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
                *("-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=emulator"),
                *("-addext", f"subjectAltName={names}"),
                *("-keyout", str(key), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
        )
        return certificate, key


def can_be_google() -> str:
    """Why Google's names cannot lead to the emulator here, or nothing."""
    for program in ("unshare", "openssl", "mount"):
        if shutil.which(program) is None:
            return f"needs {program}"
    return "" if os.geteuid() == 0 else "needs root, for a mount namespace and port 443"


@dataclass
class Google:
    """A Google at the end of a link. ``url``: its API, encrypted, through the link."""

    emulator: Emulator
    link: Link
    certificate: Path

    @property
    def url(self) -> str:
        host, port = self.link.address
        return f"https://{host}" if port == 443 else f"https://{host}:{port}"

    def asked(self) -> int:
        """Requests so far that count against the day's quota."""
        counted = self.emulator.requests.counts().items()
        return sum(count for kind, count in counted if not kind.startswith(("token", "consent")))

    def took_bytes(self) -> int:
        """Bytes of photos that arrived, whatever became of them."""
        return sum(one.bytes for one in self.emulator.requests.all())


@contextmanager
def google(
    place: Place, options: Mapping[str, object], *, delay: float = 0.0, clear: bool = False
) -> Iterator[Google]:
    """A fresh one. ``delay``: seconds each way. It can be reached by its names with root alone."""
    tls = place.certificate
    listen = ("127.0.0.1", 0) if can_be_google() else (GOOGLE, 443)
    with place.passing("google") as folder:
        made = Options.from_mapping({"lenient_content_type": True, **options})
        with Emulator(folder, options=made, tls=None if clear else tls) as emulator:
            port = int(emulator.url.rpartition(":")[2])
            line = Line(reach=("127.0.0.1", port), listen=listen, delay=delay)
            with link(line) as between:
                yield Google(emulator, between, tls[0])


def user(home: Path, at: Google, pictures: Path, *, more: str = "") -> World:
    """Somebody who has signed in, with the web page off and no limits of their own."""
    world = World(
        home,
        at.emulator,
        {"PHOTOSYNC_GOOGLE__API_URL": at.url, "REQUESTS_CA_BUNDLE": str(at.certificate)},
    )
    world.pictures = pictures
    world.configure(google="daily_requests = 10000000", more=more)
    return world


def once(world: World, *, timeout: float = 900.0) -> Ran:
    """``run --once``, as a user has it."""
    return verb(world, "run", "--once", timeout=timeout)


def verb(world: World, *arguments: str, timeout: float = 900.0) -> Ran:
    """Any verb."""
    return ran(
        [*PROGRAM, *arguments, "--config", str(world.config)], world.environ(), timeout=timeout
    )


@contextmanager
def place(scale: float, runs: int) -> Iterator[Place]:
    """On the disk that ``TMPDIR`` names, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="photosync-bench-"))
    try:
        yield Place(folder, scale, runs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_photos(folder: Path, sizes: Sequence[int]) -> Path:
    """Photos of those sizes that lie there since long ago, each with content of its own.

    They say when they were taken, as those of phones and cameras do; what they show is noise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    head = _head()
    filler = os.urandom(max(sizes))
    for number, size in enumerate(sizes):
        file = folder / f"IMG_{number:06}.jpg"
        own = head + number.to_bytes(8, "big") + os.urandom(8)
        file.write_bytes(own + filler[: size - len(own) - 2] + b"\xff\xd9")
        os.utime(file, OLD)
    time.sleep(QUIET_SECONDS)
    return folder


def _head() -> bytes:
    """What a JPEG begins with, up to the middle of its picture."""
    exif, whole = Image.Exif(), BytesIO()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:09:13 12:26:40"
    Image.new("RGB", (64, 48), "gray").save(whole, "JPEG", exif=exif)
    return whole.getvalue().removesuffix(b"\xff\xd9")


def put_film(file: Path, size: int) -> Path:
    """A film of that size that lies there since long ago.

    Every byte is written: a hole would cost whoever reads it first, and nobody after.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    head = bytes.fromhex("0000001866747970") + b"mp42\x00\x00\x00\x00mp42isom"
    head += (1).to_bytes(4, "big") + b"mdat" + (size - len(head)).to_bytes(8, "big")
    filler = os.urandom(min(size, 16 << 20))
    with file.open("wb") as film:
        film.write(head)
        for done in range(len(head), size, len(filler)):
            film.write(filler[: size - done])
    os.utime(file, OLD)
    time.sleep(QUIET_SECONDS)
    return file
