"""A web server with everything real behind it, but for workers: what is found stays where it is."""

from __future__ import annotations

import http.client
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from photosync import config
from photosync.app import report
from photosync.app.site import DaemonSide, site_of
from photosync.app.state import WEB_PORT, opened
from photosync.domain.media import SourceKind
from photosync.domain.states import State
from photosync.errors import PhoneGone
from photosync.files.folder import Folder
from photosync.files.mirroring import MirrorDisk
from photosync.stages.discover import Discover, Watched
from photosync.stages.originals import LocalOriginals
from photosync.store.intake import Intake
from photosync.store.source_choices import SourceChoices
from photosync.store.sources import Sources
from photosync.web.server import Web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.device.phone import Phone

TOKEN = re.compile(r'<meta name="token" content="([0-9a-f]+)">')


class NoBells:
    """Nobody waits for them here."""

    def ring(self, *names: str) -> None:
        """Nothing."""


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """As text."""
        return self.content.decode()


@dataclass
class House:
    """A folder of photos, its state, and the page in front."""

    home: Path
    settings: Settings
    state: OpenState
    more: dict[str, Any] = field(default_factory=dict)
    first: State = State.FOUND

    def __post_init__(self) -> None:
        self.pictures = self.settings.folder[0].path
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.sources = Sources(self.state.database)
        self.source = self.sources.register(
            SourceKind.FOLDER, str(self.pictures), label="Pictures", album=""
        )
        self.files = Folder(self.pictures, clock=lambda: 4e9)  # all files are long settled
        disk = MirrorDisk(self.settings.mirror.path, least_free_bytes=0)
        self.originals = LocalOriginals({self.source.id: self.files}, mirror=disk, halt=Event())
        side = DaemonSide(self.originals, self._phone)
        self.web = Web(
            host="127.0.0.1",
            port=0,
            status=self.status,
            silent=dict,
            site=lambda: site_of(self.settings, self.state, side, status=self.status),
            **self.more,
        )
        self.state.control.set_flag(WEB_PORT, str(self.web.port), now=self.state.now())

    def _phone(self, _source_id: int) -> Phone:
        raise PhoneGone("The phone is not plugged in.")

    def status(self) -> dict[str, Any]:
        """The document of a daemon that runs."""
        told = report.status(self.settings, self.state, now=self.state.now())
        return {**told, "daemon": {**told["daemon"], "state": "idle"}}

    def put(self, name: str, content: bytes) -> int:
        """A file, found; its number."""
        file = self.pictures / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.look()
        return self.state.overview.items_at(self.source.id, name)[0].id

    def look(self) -> None:
        """What the daemon does when something changes in the folder."""
        discover = Discover(
            intake=Intake(self.state.database),
            sources=self.sources,
            control=self.state.control,
            first=lambda _: self.first,
            bells=NoBells(),
            halt=Event(),
            clock=time.time,
            choice_of=SourceChoices(self.state.database).of,
        )
        discover.look(Watched(self.source, self.files))

    def ask(
        self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: Any
    ) -> Answer:
        """One request; "_" in a header's name stands for "-"."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=30)
        sent = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        connection.request(method, path, body=body, headers=sent)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        content = answer.read()
        connection.close()
        return Answer(answer.status, told, content)

    def page(self, path: str, **headers: Any) -> str:
        """A page that has to be there."""
        answer = self.ask(path, accept="text/html", **headers)
        assert answer.status == 200, answer
        return answer.text

    def token(self, **headers: Any) -> str:
        """That of our own pages."""
        found = TOKEN.search(self.page("/", **headers))
        assert found is not None
        return found[1]

    def send(self, path: str, fields: dict[str, Any] | None = None, **headers: Any) -> Answer:
        """A form of our own pages, as a browser sends it."""
        values = {"token": self.token(), **(fields or {})}
        own: dict[str, Any] = {
            "origin": f"http://127.0.0.1:{self.web.port}",
            "content_type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        body = urlencode(values, doseq=True).encode()
        whole: dict[str, Any] = own | headers
        return self.ask(path, method="POST", body=body, **whole)


@contextmanager
def house_in(
    home: Path, *, toml: str = "", first: State = State.FOUND, **more: Any
) -> Iterator[House]:
    """A house with these settings; ``more`` goes to its web server."""
    home.mkdir(parents=True, exist_ok=True)
    file = home / "config.toml"
    file.write_text(
        f'state_dir = "{home}/state"\n[[folder]]\npath = "{home}/Pictures"\n'
        f'[phone]\nenabled = false\n[mirror]\npath = "{home}/mirror"\n{toml}'
    )
    settings = config.load(file, {"HOME": str(home)})
    with opened(settings) as state:
        made = House(home, settings, state, more, first)
        with made.web:
            yield made


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path / "home") as made:
        yield made
