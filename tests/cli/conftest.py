"""Verbs called in this process, on a state folder that the test fills."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from photosync.cli.main import outcome
from photosync.domain.media import Finding, Hashes, SourceKind
from photosync.domain.states import State
from photosync.store.control import Control
from photosync.store.database import Database
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_800_000_000


@dataclass
class Said:
    """What a verb answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Home:
    """A settings file, a state folder with items in every state, and the verbs."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.state_dir = folder / "state"
        self.pictures = folder / "pictures"
        self.pictures.mkdir()
        self.config = folder / "config.toml"
        self.config.write_text(
            f'state_dir = "{self.state_dir}"\n[phone]\nenabled = false\n'
            f'[[folder]]\npath = "{self.pictures}"\n'
        )

    def sign_in(self) -> None:
        """A token, as far as status looks."""
        self.state_dir.mkdir(mode=0o700, exist_ok=True)
        (self.state_dir / "token.json").write_text("{}")

    def fill(self) -> dict[State, int]:
        """An item in each state; their numbers."""
        self.state_dir.mkdir(mode=0o700, exist_ok=True)
        with Database(self.state_dir) as database:
            database.migrate()
            return _fill(database, str(self.pictures))

    def control(self) -> Control:
        return Control(Database(self.state_dir))

    def say(self, *arguments: str) -> Said:
        """Run one verb with this home's settings."""
        self._capsys.readouterr()
        code = outcome([*arguments, "--config", str(self.config)])
        captured = self._capsys.readouterr()
        return Said(code, captured.out, captured.err)


def _fill(database: Database, address: str) -> dict[State, int]:
    source = Sources(database).register(SourceKind.FOLDER, address, label="pictures", album="")
    Sources(database).set_connected(source.id, connected=True, now=NOW)
    intake, items = Intake(database), MediaItems(database)
    numbers: dict[State, int] = {}

    def new(name: str, first: State = State.FOUND) -> None:
        finding = Finding(name, 1000, NOW * 10**9, "image/jpeg")
        intake.add(source.id, [finding], first=first, now=NOW)

    def hashed(name: str, content: str) -> None:
        new(name)
        item = items.claim(State.FOUND, worker="w", now=NOW)[0]
        hashes = Hashes(1000, content * 64, content * 40)
        state = items.mark_hashed(item, hashes, album="", taken_at=None, mirror_path=None, now=NOW)
        numbers[state] = item.id

    hashed("done.jpg", "a")
    item = items.claim(State.MIRRORED, worker="w", now=NOW)[0]
    items.mark_uploaded(item, token="secret-token", now=NOW)
    batch = items.claim_batch(worker="w", now=NOW, limit=1)
    items.mark_done(batch[0], google_id="google-1", now=NOW)
    numbers[State.DONE] = item.id
    hashed("copy.jpg", "a")
    hashed("failed.jpg", "b")
    item = items.claim(State.MIRRORED, worker="w", now=NOW)[0]
    items.fail(item, code="refused", message="Google says \x1b[31mno.", now=NOW)
    numbers[State.FAILED] = item.id
    hashed("uploaded.jpg", "c")
    item = items.claim(State.MIRRORED, worker="w", now=NOW)[0]
    items.mark_uploaded(item, token="secret-token", now=NOW)
    numbers[State.UPLOADED] = item.id
    new("skipped.jpg")
    item = items.claim(State.FOUND, worker="w", now=NOW)[0]
    items.skip(item, code="vanished", message="It is gone.", now=NOW)
    numbers[State.SKIPPED] = item.id
    hashed("mirrored.jpg", "d")
    new("held.jpg", State.HELD)
    numbers[State.HELD] = numbers[State.MIRRORED] + 1
    new(os.fsdecode(b"found \xff\n.jpg"))
    numbers[State.FOUND] = numbers[State.HELD] + 1
    return numbers


@pytest.fixture
def home(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    for name in [one for one in os.environ if one.startswith("PHOTOSYNC")]:
        if name != "PHOTOSYNC_REQUIRE_ALL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    before = list(logging.getLogger().handlers)
    yield Home(tmp_path, capsys)
    logging.getLogger().handlers[:] = before
