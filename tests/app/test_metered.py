"""The whole daemon in this process, on a network that NetworkManager calls metered."""

from __future__ import annotations

import json
import os
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from photosync import config
from photosync.app import building
from photosync.app.building import running
from photosync.app.report import exit_code, status
from photosync.app.state import opened
from photosync.daemon import metered
from photosync.emulator.server import Emulator
from tests.app.test_hours import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.config import Settings


class House:
    """Settings, a Google, and what NetworkManager says."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.emulator = emulator
        self.pictures = folder / "Pictures"
        self.pictures.mkdir()
        self.says = folder / "says"
        self.file = folder / "config.toml"
        self.put("a.jpg")
        self.say(1)

    def settings(self, more: str = "") -> Settings:
        self.file.write_text(
            f'state_dir = "state"\n[google]\napi_url = "{self.emulator.url}"\n'
            f"[phone]\nenabled = false\n[web]\nenabled = false\n"
            f'[[folder]]\npath = "{self.pictures}"\n[upload]\n{more}\n'
        )
        settings = config.load(self.file, {"HOME": str(self.file.parent)})
        settings.state_dir.mkdir(mode=0o700, exist_ok=True)
        settings.google.token_file.write_text(json.dumps(self.emulator.grant()))
        settings.google.token_file.chmod(0o600)
        return settings

    def say(self, number: int) -> None:
        self.says.write_text(json.dumps({"type": "u", "data": number}))

    def put(self, name: str) -> None:
        (self.pictures / name).write_bytes(b"\xff\xd8\xff" + name.encode() * 100)
        os.utime(self.pictures / name, (1, 1))

    def once(self, settings: Settings) -> None:
        with running(settings, once=True, halt=Event()) as supervisor:
            supervisor.run(once=True)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(metered, "ASK_SECONDS", 0.1)
    monkeypatch.setattr(building, "_is_elsewhere", lambda _: True)
    with Emulator(tmp_path / "google") as emulator:
        house = House(tmp_path, emulator)
        monkeypatch.setattr(metered, "COMMAND", ("/bin/cat", str(house.says)))
        yield house


def look(settings: Settings) -> dict[str, Any]:
    with opened(settings) as state:
        return status(settings, state, now=state.now())


def test_uploads_wait_on_a_metered_network_and_go_on_by_another(house: House) -> None:
    settings = house.settings()
    halt = Event()

    def runs() -> None:
        with running(settings, once=False, halt=halt) as supervisor:
            supervisor.run(once=False)

    daemon = Thread(target=runs)
    daemon.start()
    try:
        until(lambda: look(settings)["items"]["mirrored"] == 1)
        until(lambda: look(settings)["daemon"]["state"] == "waiting")
        document = look(settings)
        (problem,) = document["problems"]
        assert problem["message"] == "This network is metered: uploads wait for another one."
        assert exit_code(document) == 0
        house.say(4)
        until(lambda: look(settings)["items"]["done"] == 1)
        assert look(settings)["problems"] == []
    finally:
        halt.set()
        daemon.join(60)
    assert not daemon.is_alive()


def test_a_single_run_says_why_nothing_went(house: House) -> None:
    settings = house.settings()
    house.once(settings)
    document = look(settings)
    assert document["items"]["mirrored"] == 1
    assert [one["code"] for one in document["problems"]] == ["metered"]
    house.say(2)
    house.once(settings)
    document = look(settings)
    assert (document["items"]["done"], document["problems"]) == (1, [])


def test_the_settings_may_allow_it(house: House) -> None:
    settings = house.settings("metered = true")
    house.once(settings)
    assert look(settings)["items"]["done"] == 1


@pytest.mark.parametrize(
    ("url", "elsewhere"),
    [
        ("https://photoslibrary.googleapis.com", True),
        ("http://127.0.0.1:8080", False),
        ("http://[::1]:8080", False),
        ("http://localhost:1", False),
    ],
)
def test_the_emulator_is_reached_by_no_network(url: str, *, elsewhere: bool) -> None:
    assert building._is_elsewhere(url) is elsewhere
