"""How many uploads go side by side, by a clock of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.errors import ConnectionLost
from photosync.google.width import FORGET_SECONDS, Width
from tests.google.conftest import QUARTER, content_of, nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.google.ports import UploadFile
    from tests.google.conftest import Google

FIRST, MOST = 4, 16
PHOTO = 3_000_000


class Line:
    """Requests over it take the time that they are said to take."""

    def __init__(self, most: int = MOST) -> None:
        self.at = 0.0
        self.grown = 0
        self.width = Width(FIRST, most, grown=self._grow, monotonic=lambda: self.at)

    def _grow(self) -> None:
        self.grown += 1

    def send(self, seconds: float, size: int = PHOTO, status: int = 200) -> None:
        with self.width.sending(size) as answered:
            self.at += seconds
            answered(status)

    def lose(self) -> None:
        with pytest.raises(ConnectionLost), self.width.sending(PHOTO):
            raise ConnectionLost("gone")

    def room(self) -> int:
        """So many workers may send."""
        return sum(self.width.has_room_for(number) for number in range(1, MOST + 2))


def test_four_at_first_and_never_more_than_wanted() -> None:
    assert Line().room() == FIRST
    assert Line(most=2).room() == 2


def test_a_quick_line_gets_more_and_they_are_woken() -> None:
    line = Line()
    for _ in range(20):
        line.send(seconds=0.3, size=50_000)  # a screenshot, 300 ms away
    assert line.room() == MOST
    assert line.grown == MOST - FIRST


def test_large_pieces_that_come_along_well_count_as_quick() -> None:
    line = Line()
    line.send(seconds=20, size=16 << 20)
    assert line.room() == FIRST + 1


def test_small_ones_that_wait_for_a_far_answer_leave_room() -> None:
    line = Line()
    for seconds in (2.5, 3.2, 2.4, 2.7) * 3:
        line.send(seconds, size=20_000)  # 8 KB/s, of which next to nothing is the line's doing
    assert line.room() == MOST


def test_small_ones_over_a_slow_line_get_fewer() -> None:
    line = Line()
    line.send(seconds=0.4, size=2_000)
    for _ in range(5):
        line.send(seconds=12, size=100_000)  # four at a time, 32 KB/s in all
    assert line.room() == 1


def test_answers_that_come_later_than_they_did_are_no_slow_line_for_long() -> None:
    line = Line()
    line.send(seconds=0.2, size=20_000)
    for _ in range(50):
        line.send(seconds=2.5, size=20_000)
    assert line.room() == MOST


def test_after_a_long_rest_the_wait_is_learned_anew() -> None:
    line = Line()
    line.send(seconds=0.1, size=20_000)
    line.at += FORGET_SECONDS + 1
    assert line.room() == FIRST
    line.send(seconds=2.5, size=20_000)
    assert line.room() == FIRST + 1


def test_a_slow_line_gets_one_after_the_other() -> None:
    line = Line()
    for _ in range(5):
        line.send(seconds=100)
    assert line.room() == 1


def test_a_line_that_is_just_full_stays_as_it_is() -> None:
    line = Line()
    line.send(seconds=25)
    assert line.room() == FIRST


@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_halves_it(status: int) -> None:
    line = Line()
    line.send(seconds=0.1, status=status)
    assert line.room() == FIRST // 2


def test_a_lost_connection_halves_it_down_to_one() -> None:
    line = Line()
    line.lose()
    assert line.room() == FIRST // 2
    line.lose()
    line.lose()
    assert line.room() == 1


def test_after_a_long_rest_it_begins_anew() -> None:
    line = Line()
    line.send(seconds=0.1)
    line.at += FORGET_SECONDS + 1
    assert line.room() == FIRST


def test_a_request_that_takes_long_is_no_rest() -> None:
    line = Line()
    for _ in range(5):
        line.send(seconds=100)
    with line.width.sending(PHOTO):
        line.at += FORGET_SECONDS + 1
        assert line.room() == 1


@given(
    most=st.integers(1, MOST),
    asked=st.lists(
        st.tuples(st.floats(0, 1000), st.integers(0, 64 << 20), st.sampled_from([200, 400, 429]))
    ),
)
def test_it_is_never_none_and_never_too_many(
    most: int, asked: list[tuple[float, int, int]]
) -> None:
    line = Line(most)
    for seconds, size, status in asked:
        line.send(seconds, size, status)
        assert 1 <= line.room() <= most


@pytest.mark.parametrize("size", [1000, 3 * QUARTER])
def test_uploads_tell_it(google: Google, make_file: Callable[..., UploadFile], size: int) -> None:
    line = Line()
    library = google.connect(width=line.width).library
    library.upload(make_file(content_of(size)), nothing)
    assert line.grown == (1 if size <= QUARTER else 3)


def test_a_broken_connection_is_trouble(
    google: Google, make_file: Callable[..., UploadFile]
) -> None:
    line = Line()
    library = google.connect(width=line.width).library
    google.emulator.faults.add({"fault": "reset-before", "on": "upload.raw"})
    library.upload(make_file(content_of(1000)), nothing)
    assert line.room() == FIRST // 2 + 1
