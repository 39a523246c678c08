"""The whole daemon in this process, by a clock that the test sets."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from threading import Event, Thread
from typing import TYPE_CHECKING

from photosync import config
from photosync.app.building import running
from photosync.app.state import opened
from photosync.domain.states import State
from photosync.emulator.server import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_SECONDS = 120.0


def until(what: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_uploads_begin_when_the_hour_comes_and_end_with_it(tmp_path: Path) -> None:
    pictures = tmp_path / "Pictures"
    pictures.mkdir()
    file = tmp_path / "config.toml"
    at = [datetime(2026, 6, 1, 0, 59).timestamp()]  # noqa: DTZ001 - the wall's

    def shoot(name: str) -> None:
        (pictures / name).write_bytes(b"\xff\xd8\xff" + name.encode() * 100)
        os.utime(pictures / name, (1, 1))

    with Emulator(tmp_path / "google") as emulator:
        file.write_text(
            f'state_dir = "state"\n[google]\napi_url = "{emulator.url}"\n[phone]\nenabled = false\n'
            f'[web]\nenabled = false\n[[folder]]\npath = "{pictures}"\n'
            '[upload]\nhours = "01:00-02:00"\n'
        )
        settings = config.load(file, {"HOME": str(tmp_path)})
        shoot("a.jpg")
        halt = Event()
        with opened(settings) as state:
            settings.google.token_file.write_text(json.dumps(emulator.grant()))
            settings.google.token_file.chmod(0o600)

            def mirrored() -> int:
                return state.overview.counts().items(State.MIRRORED)

            def runs() -> None:
                with running(settings, once=False, halt=halt, clock=lambda: at[0]) as supervisor:
                    supervisor.run(once=False)

            thread = Thread(target=runs)
            thread.start()
            try:
                until(lambda: mirrored() == 1)
                assert emulator.requests.count("upload.raw") == 0
                at[0] += 60
                until(lambda: len(emulator.library.items()) == 1)
                at[0] += 3600
                shoot("b.jpg")
                until(lambda: mirrored() == 1)
                assert emulator.requests.count("upload.raw") == 1
                at[0] += 23 * 3600
                until(lambda: len(emulator.library.items()) == 2)
            finally:
                halt.set()
                thread.join(PATIENCE_SECONDS)
