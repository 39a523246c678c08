"""Parts of shots: whatever the order they come in, one part of each shot is backed up."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from photosync.domain.shots import AWAITS_PARTS, OTHER_PART, Part, Rules, left_out
from photosync.domain.states import State
from photosync.errors import FileRefused
from photosync.store.backups import Backups
from photosync.store.database import Database
from photosync.store.intake import AWAIT_SECONDS, LONGEST_AWAIT_SECONDS
from tests.stages.conftest import House

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JPEG = Rules(raw_with_jpeg="jpeg")
TIFF = b"II*\x00"
MOVIE = b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  "
LONG_AGO = 1_000_000_000


def put(house: House, name: str) -> None:
    """A file of the kind that its name says."""
    head = {"dng": TIFF, "mov": MOVIE}.get(name.rpartition(".")[2], b"\xff\xd8\xff\xe0")
    (house.root / name).write_bytes(head + name.encode() + bytes(100))
    os.utime(house.root / name, (LONG_AGO, LONG_AGO))


def look(house: House, rules: Rules = JPEG) -> None:
    house.discover(rules=rules).look(house.watched)


def drain(house: House, rules: Rules = JPEG) -> None:
    """Everything that can be done is done, whoever waits for whatever."""
    for _ in range(6):
        house.clock.pass_by(LONGEST_AWAIT_SECONDS)
        while house.parts(rules).run_once():
            pass
        for stage in (house.mirror(), house.upload(), house.create(linger_seconds=0)):
            while stage.run_once():
                pass


def test_a_raw_waits_for_its_jpeg_and_goes_without_it_if_there_is_none(house: House) -> None:
    put(house, "1.dng")
    look(house)
    item = house.item("1.dng")
    assert (item.state, item.error_code) == (State.FOUND, AWAITS_PARTS)
    assert item.not_before == int(house.clock()) + AWAIT_SECONDS
    assert not house.mirror().run_once()
    drain(house)
    assert house.states() == {"1.dng": State.DONE}


def test_a_jpeg_that_comes_seconds_after_its_raw_stands_for_it(house: House) -> None:
    put(house, "1.dng")
    look(house)
    house.clock.pass_by(AWAIT_SECONDS - 1)
    put(house, "1.jpg")
    look(house)
    drain(house)
    assert house.states() == {"1.dng": State.SKIPPED, "1.jpg": State.DONE}
    item = house.item("1.dng")
    assert item.error_code == OTHER_PART
    assert item.error_message == '1.jpg (item 2) stands for it: select.raw_with_jpeg = "jpeg".'
    before = house.overview.history(item.id)
    look(house)  # it lies there still
    drain(house)
    assert house.overview.history(item.id) == before


def test_a_look_that_breaks_off_holds_up_nothing_for_ever(house: House) -> None:
    put(house, "1.dng")
    look(house)
    house.database.run("UPDATE media_items SET not_before = :at", {"at": int(house.clock()) + 3000})
    look(house)
    assert house.item("1.dng").not_before == int(house.clock()) + AWAIT_SECONDS


@pytest.mark.parametrize("trouble", ["refused", "skipped", "vanished"])
def test_a_raw_is_taken_after_all_when_its_jpeg_drops_out(house: House, trouble: str) -> None:
    put(house, "1.dng")
    put(house, "1.jpg")
    look(house)
    house.parts(JPEG).run_once()
    assert house.item("1.dng").state == State.SKIPPED
    if trouble == "refused":
        house.library.line_errors = {"1.jpg": FileRefused("there was an error")}
    elif trouble == "skipped":
        house.choices.skip([house.item("1.jpg").id], now=int(house.clock()))
    else:
        (house.root / "1.jpg").unlink()
    drain(house)
    assert house.item("1.dng").state == State.DONE
    assert house.item("1.jpg").state in (State.FAILED, State.SKIPPED)


def test_a_jpeg_whose_bytes_google_refused_elsewhere_stands_for_no_raw(house: House) -> None:
    put(house, "0.jpg")
    (house.root / "1.jpg").write_bytes((house.root / "0.jpg").read_bytes())
    os.utime(house.root / "1.jpg", (LONG_AGO, LONG_AGO))
    put(house, "1.dng")
    house.library.line_errors = {"0.jpg": FileRefused("there was an error")}
    look(house)
    drain(house)
    assert house.states() == {
        "0.jpg": State.FAILED,
        "1.jpg": State.DUPLICATE,
        "1.dng": State.DONE,
    }


def test_what_the_user_chose_goes_up_beside_the_other(house: House) -> None:
    put(house, "1.dng")
    put(house, "1.jpg")
    look(house)
    house.parts(JPEG).run_once()
    house.choices.choose([house.item("1.dng").id], now=int(house.clock()))
    drain(house)
    assert set(house.states().values()) == {State.DONE}


def test_a_copy_that_was_left_out_goes_on_without_its_phone(house: House) -> None:
    put(house, "1.dng")
    put(house, "1.jpg")
    look(house)
    house.clock.pass_by(LONGEST_AWAIT_SECONDS)
    for _ in range(2):
        house.mirror().run_once()
    raw = house.item("1.dng")
    house.database.run(
        "UPDATE media_items SET mirror_path = :path WHERE id = :id",
        {"path": b"phone/1.dng", "id": raw.id},
    )
    backups = Backups(house.database)
    disk = backups.aim("/mnt/disk")
    house.parts(JPEG).run_once()
    assert house.item("1.dng").state == State.SKIPPED
    backups.drop(disk, raw.id)  # as the second copy does with what is left out
    house.choices.skip([house.item("1.jpg").id], now=int(house.clock()))
    house.parts(JPEG).run_once()
    waiting = house.database.rows("SELECT item_id FROM backup_waiting")
    assert raw.id in {row["item_id"] for row in waiting}, "it belongs in the second copy again"
    back = house.item("1.dng")
    assert (back.state, back.mirror_path, back.sha256) == (
        State.MIRRORED,
        "phone/1.dng",
        raw.sha256,
    )


def test_rules_that_change_hold_for_what_waits(house: House) -> None:
    for name in ("1.dng", "1.jpg", "2.jpg", "2.mov"):
        put(house, name)
    house.discover().look(house.watched)
    house.parts(Rules()).apply()
    assert set(house.states().values()) == {State.FOUND}
    assert house.control.flag("parts") is None  # nothing was ever asked for

    def left(rules: Rules) -> set[str]:
        house.parts(rules).apply()
        return {name for name, state in house.states().items() if state == State.SKIPPED}

    assert left(JPEG) == {"1.dng"}
    assert left(Rules(raw_with_jpeg="raw")) == {"1.jpg"}
    assert left(Rules(live_video=False)) == {"2.mov"}
    assert left(Rules()) == set()


def test_held_items_are_left_out_and_come_back_held(house: House) -> None:
    put(house, "1.dng")
    put(house, "1.jpg")
    house.discover(State.HELD, JPEG).look(house.watched)
    parts = house.parts(JPEG, State.HELD)
    parts.run_once()
    assert house.states() == {"1.dng": State.SKIPPED, "1.jpg": State.HELD}
    house.choices.skip([house.item("1.jpg").id], now=int(house.clock()))
    parts.run_once()
    assert house.item("1.dng").state == State.HELD


def test_what_a_worker_has_in_hand_is_decided_later(house: House) -> None:
    put(house, "1.dng")
    look(house)
    house.clock.pass_by(AWAIT_SECONDS)
    (claimed,) = house.items.claim(State.FOUND, worker="mirror", now=int(house.clock()))
    put(house, "1.jpg")
    look(house)
    parts = house.parts(JPEG)
    parts.run_once()
    assert house.item("1.dng").state == State.FOUND
    house.items.defer(
        claimed, not_before=int(house.clock()), code="in_use", message="", now=int(house.clock())
    )
    parts.run_once()
    assert house.item("1.dng").state == State.SKIPPED


NAMES = (
    *("IMG_1.dng", "IMG_1.jpg", "IMG_1.mov", "IMG_2.dng", "IMG_3.jpg"),
    *("b_BURST001_COVER.jpg", "b_BURST002.jpg", "b_BURST002.dng"),
)
SHOTS = (("IMG_1",), ("IMG_2",), ("IMG_3",), ("b_BURST",))
RULES = st.builds(
    Rules,
    st.sampled_from(["both", "jpeg", "raw"]),
    st.booleans(),
    st.sampled_from(["all", "cover"]),
)
STEPS = st.lists(
    st.sampled_from(
        [*(f"put {name}" for name in NAMES), "parts", "mirror", "upload", "create", "wait"]
        + [f"{verb} {name}" for verb in ("skip", "gone", "break") for name in NAMES]
    ),
    max_size=25,
)
FRESH = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def fresh() -> Iterator[House]:
    with tempfile.TemporaryDirectory() as folder:
        root, state = Path(folder, "pictures"), Path(folder, "state")
        root.mkdir()
        state.mkdir()
        (root / "notes.txt").write_text("or it would look like a disk that is not mounted")
        with Database(state) as database:
            database.migrate()
            yield House(database, root)


def step(house: House, rules: Rules, what: str) -> None:
    verb, _, name = what.partition(" ")
    if verb == "put":
        put(house, name)
        look(house, rules)
    elif verb == "wait":
        house.clock.pass_by(AWAIT_SECONDS + 1)
    elif verb == "break":
        house.library.line_errors[name] = FileRefused("there was an error")
    elif verb == "gone":
        (house.root / name).unlink(missing_ok=True)
    elif verb == "skip":
        found = house.overview.items_at(house.source.id, name)
        house.choices.skip([one.id for one in found], now=int(house.clock()))
    else:
        stages: dict[str, Callable[[], bool]] = {
            "parts": house.parts(rules).run_once,
            "mirror": house.mirror().run_once,
            "upload": house.upload().run_once,
            "create": house.create(linger_seconds=0).run_once,
        }
        stages[verb]()


def shot_of(name: str) -> str:
    return name.partition(".")[0].partition("_BURST")[0]


@FRESH
@given(RULES, STEPS)
@example(JPEG, ["put IMG_1.dng", "wait", "mirror", "put IMG_1.jpg", "break IMG_1.jpg"])
@example(JPEG, ["put IMG_1.jpg", "put IMG_1.dng", "parts", "gone IMG_1.jpg"])
def test_no_shot_is_lost_whatever_happens_in_whatever_order(rules: Rules, steps: list[str]) -> None:
    for house in fresh():
        for one in steps:
            step(house, rules, one)
        drain(house, rules)
        items = house.overview.items(limit=1000)
        for item in items:
            if item.state != State.SKIPPED or item.error_code != OTHER_PART:
                continue
            of_shot = [
                one for one in items if shot_of(one.source_path) == shot_of(item.source_path)
            ]
            assert any(one.state in (State.DONE, State.DUPLICATE) for one in of_shot), steps
        assert {one.state for one in items} <= {
            *(State.DONE, State.SKIPPED, State.FAILED, State.DUPLICATE)
        }


@FRESH
@given(
    RULES,
    st.permutations(NAMES),
    st.lists(st.sampled_from(["parts", "mirror", "upload", "create", "none"]), min_size=8),
    st.sets(st.sampled_from(NAMES)),
)
def test_the_order_in_which_parts_come_within_seconds_does_not_matter(
    rules: Rules, order: list[str], between: list[str], broken: set[str]
) -> None:
    files = [
        Part(number, name, 100, 0, State.FAILED if name in broken else State.FOUND)
        for number, name in enumerate(NAMES)
    ]
    out = left_out(files, rules, first=State.FOUND)
    expected = {one.path for one in files if one.id not in out} - broken
    for house in fresh():
        house.library.line_errors = {name: FileRefused("there was an error") for name in broken}
        for name, what in zip(order, between, strict=False):
            step(house, rules, f"put {name}")
            if what != "none":
                step(house, rules, what)
        drain(house, rules)
        states = house.states()
        assert {name for name, state in states.items() if state == State.DONE} == expected
