"""``photosync why`` in words, as JSON, and by its exit code."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from photosync.domain.states import State

if TYPE_CHECKING:
    from tests.cli.conftest import Home


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.DONE, 0),
        (State.DUPLICATE, 0),
        (State.HELD, 3),
        (State.FOUND, 3),  # nothing runs
        (State.MIRRORED, 3),
        (State.UPLOADED, 3),
        (State.FAILED, 1),
        (State.SKIPPED, 1),
    ],
)
def test_the_exit_code_says_whether_anything_is_to_do(home: Home, state: State, code: int) -> None:
    number = home.fill()[state]
    home.sign_in()
    said = home.say("why", str(number))
    assert said.code == code
    assert f"item {number}: {state}" in said.out
    assert f"photosync show {number}" in said.out
    assert ("  backed up: " in said.out) == (state == State.DONE)
    assert "\x1b" not in said.out


def test_a_file_that_is_left_out_in_words_and_as_json(home: Home) -> None:
    (home.pictures / "notes.txt").write_text("words")
    asked = str(home.pictures / "notes.txt")
    said = home.say("why", asked)
    assert said.code == 1
    assert said.out.splitlines()[1:3] == [
        "  left out: Files named .txt are neither photos nor videos.",
        "  decided by: names that are no photos",
    ]
    document = home.say("why", asked, "--json").json
    assert document["version"] == 1
    (answer,) = document["answers"]
    assert answer.pop("cure").startswith("Rename it")
    assert answer == {
        "source": str(home.pictures),
        "path": "notes.txt",
        "verdict": "left_out",
        "code": "other_type",
        "message": "Files named .txt are neither photos nor videos.",
        "rule": "names that are no photos",
        "items": [],
    }
    assert not home.state_dir.exists()  # looking leaves nothing behind


def test_names_that_are_no_text_are_shown_as_far_as_they_can_be(home: Home) -> None:
    home.fill()
    asked = os.fsdecode(b"found \xff\n.jpg")
    said = home.say("why", asked)
    assert (said.code, "\ufffd" in said.out) == (3, True)
    (answer,) = home.say("why", asked, "--json").json["answers"]
    assert answer["path_base64"] == "Zm91bmQg/wouanBn"


def test_what_nobody_knows_ends_with_two(home: Home) -> None:
    assert home.say("why", "nothing.jpg").code == 2
    home.fill()
    said = home.say("why", "99")
    assert (said.code, "There is no item 99." in said.err) == (2, True)


def test_of_several_files_of_one_name_all_are_told_of(home: Home) -> None:
    home.fill()
    from photosync.domain.media import Finding
    from photosync.store.database import Database
    from photosync.store.intake import Intake

    with Database(home.state_dir) as database:
        found = [Finding(f"{folder}/same.jpg", 5, 5, "image/jpeg") for folder in "ab"]
        Intake(database).add(1, found, first=State.HELD, now=1)
    answers = home.say("why", "same.jpg", "--json").json["answers"]
    assert {one["path"] for one in answers} == {"a/same.jpg", "b/same.jpg"}


def test_what_the_daemon_logs_of_phones_is_no_part_of_the_answer(home: Home) -> None:
    device = logging.getLogger("photosync.device")
    device.setLevel(logging.NOTSET)
    home.say("why", "nothing.jpg", "--verbose")
    assert device.level == logging.NOTSET
    home.say("why", "nothing.jpg")
    assert device.level == logging.ERROR
