from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photosync.daemon.reports import Board, Rate, Troubles
from photosync.errors import ConnectionLost, DatabaseDamaged, DiskFull, PhotosyncError
from photosync.store.control import Beat, Control
from photosync.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    with Database(tmp_path) as database:
        database.migrate()
        yield Control(database)


def test_the_board_shows_what_is_in_hand_and_forgets_the_rest() -> None:
    board = Board()
    board.progress(1, 10)
    board.progress(1, 500)
    board.progress(2, 7)
    board.progress(3, 99)
    beats = board.under_way({1: ("upload-1", 400), 2: ("upload-2", 70), 9: ("mirror", 5)}, now=5)
    assert beats == [
        Beat("upload-1", 5, "upload", 1, 400, 400),
        Beat("upload-2", 5, "upload", 2, 7, 70),
    ]
    assert board.under_way({3: ("upload-1", 100)}, now=6) == []


def test_a_copy_from_a_phone_is_no_upload_of_the_same_item() -> None:
    board = Board()
    board.copied(1, 300)
    leased = {1: ("pull-2", 400)}
    assert board.under_way(leased, now=5) == [Beat("pull-2", 5, "pull", 1, 300, 400)]
    assert board.under_way({1: ("upload-1", 400)}, now=6) == []
    board.progress(1, 20)
    assert board.under_way({1: ("upload-1", 400)}, now=7) == [
        Beat("upload-1", 7, "upload", 1, 20, 400)
    ]


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    at = [0.0]
    rate = Rate(lambda: at[0])
    assert rate.sample(1_000_000) == 0.0
    at[0] = 10.0
    assert rate.sample(1_001_000) == 100.0
    at[0] = 100.0
    assert rate.sample(1_001_000) == 0.0
    at[0] = 101.0
    assert rate.sample(0) == 0.0  # never negative


def test_trouble_is_on_record_until_it_is_over(control: Control) -> None:
    fatal: list[PhotosyncError] = []
    troubles = Troubles(control, clock=lambda: 5.0, fatal=fatal.append)
    troubles.trouble("upload-1", DiskFull("full"))
    troubles.trouble("mirror", ZeroDivisionError())
    assert {(one.code, one.needs_user) for one in control.problems()} == {
        ("disk_full", True),
        ("bug", False),
    }
    troubles.well("upload-1")
    troubles.well("mirror")
    troubles.well("create")
    assert control.problems() == []
    assert fatal == []


def test_what_passes_by_itself_is_no_problem(control: Control) -> None:
    troubles = Troubles(control, clock=lambda: 5.0, fatal=print)
    troubles.trouble("create", ConnectionLost("x"))
    assert control.problems() == []


def test_a_damaged_database_ends_the_daemon(control: Control) -> None:
    fatal: list[PhotosyncError] = []
    Troubles(control, clock=lambda: 5.0, fatal=fatal.append).trouble(
        "mirror", DatabaseDamaged("damaged")
    )
    assert [type(one) for one in fatal] == [DatabaseDamaged]


def test_a_problem_that_cannot_be_written_down_does_not_hurt(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise DiskFull("full")

    monkeypatch.setattr(control, "raise_problem", full)
    Troubles(control, clock=lambda: 5.0, fatal=print).trouble("mirror", DiskFull("full"))
