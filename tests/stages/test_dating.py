from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photosync.domain.states import State
from photosync.files import dating
from photosync.stages.dating import AGAIN_SECONDS, FULL_SECONDS
from tests.samples import picture, want_exiftool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stages.conftest import House


@pytest.fixture
def house(house: House) -> House:
    """A picture that needs a date waits to be sent."""
    want_exiftool()
    house.fixes_dates = True
    (house.root / "a.jpg").write_bytes(picture(1))
    house.discover().look(house.watched)
    house.mirror().run_once()
    return house


def test_without_room_photos_wait_and_go_on_once_there_is_some(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = house.dating()
    upload = house.upload(stage)
    with monkeypatch.context() as full:
        full.setattr(dating, "SPARE_BYTES", 1 << 60)
        upload.run_once()
        stage.run_once()
    item = house.item("a.jpg")
    assert (item.state, item.error_code, item.attempts) == (State.MIRRORED, "dates_full", 0)
    assert item.not_before == house.clock() + FULL_SECONDS
    assert house.problems() == ["dates_full"]

    stage.run_once()

    assert house.problems() == []
    assert house.item("a.jpg").not_before == 0
    upload.run_once()
    stage.close()
    assert house.item("a.jpg").state == State.UPLOADED


def test_what_waited_for_exiftool_goes_on_after_a_restart_too(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        house.upload().run_once()
    assert house.item("a.jpg").not_before == house.clock() + AGAIN_SECONDS

    house.dating().run_once()  # of a new process, in which exiftool is there

    assert house.item("a.jpg").not_before == 0
