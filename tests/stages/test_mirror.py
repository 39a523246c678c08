from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import Finding
from photosync.domain.media_types import UNKNOWN_MIME
from photosync.domain.states import State
from photosync.errors import Stopping
from photosync.stages.mirror import AT_ONCE, ENOUGH_BYTES
from photosync.store.intake import Intake
from tests.stages.conftest import JPEG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from photosync.stages.mirror import Mirror
    from photosync.store.media import Hashed
    from tests.stages.conftest import House


def test_the_file_is_hashed_where_it_lies(house: House) -> None:
    house.found("a.jpg")

    assert house.mirror().run_once()

    item = house.item("a.jpg")
    content = (house.root / "a.jpg").read_bytes()
    assert item.state == State.MIRRORED
    assert item.sha256 == hashlib.sha256(content).hexdigest()
    assert item.sha1 == hashlib.sha1(content).hexdigest()
    assert item.leased_by is None
    assert house.bells.rung[-3:] == ["upload", "create", "backup"]
    assert not house.mirror().run_once()


def test_many_files_wake_who_comes_next_a_few_times_and_after_the_last(house: House) -> None:
    house.found(*(f"{number}.jpg" for number in range(2 * AT_ONCE + 20)))
    stage = house.mirror()
    house.bells.rung.clear()

    stage.run_once()
    first = list(house.bells.rung)
    while stage.run_once():
        pass
    at_once = house.bells.rung.count("upload")
    house.found("late.jpg")
    house.clock.pass_by(1)
    house.bells.rung.clear()
    stage.run_once()

    assert first == ["upload", "create", "backup"]
    assert at_once == 2
    assert house.bells.rung == ["upload", "create", "backup"]


def raise_at(
    house: House, monkeypatch: pytest.MonkeyPatch, broken: str, error: type[Exception]
) -> None:
    """Let hashing one of the files fail."""
    real = house.folder.hash

    def hash_all_but_one(path: str, *rest: object, **more: object) -> object:
        if path == broken:
            raise error
        return real(path, *rest, **more)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(house.folder, "hash", hash_all_but_one)


def test_what_was_hashed_stays_on_record_when_a_stop_comes_between(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.found("a.jpg", "b.jpg", "c.jpg")
    raise_at(house, monkeypatch, "b.jpg", Stopping)
    with pytest.raises(Stopping):
        house.mirror().run_once()

    assert house.states() == {
        "a.jpg": State.MIRRORED,
        "b.jpg": State.FOUND,
        "c.jpg": State.FOUND,
    }
    assert [house.item(name).leased_by for name in ("b.jpg", "c.jpg")] == [None, None]


def test_hashing_that_takes_long_holds_back_nothing_that_is_hashed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.found("a.jpg", "b.jpg", "c.jpg")
    real = house.folder.hash
    seen: list[dict[str, State]] = []

    def hash_slowly(path: str, *rest: object, **more: object) -> object:
        house.clock.pass_by(1)
        seen.append(house.states())
        return real(path, *rest, **more)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(house.folder, "hash", hash_slowly)
    house.mirror().run_once()

    assert [list(one.values()).count(State.MIRRORED) for one in seen] == [0, 1, 2]


def test_a_large_file_is_the_last_that_is_taken_at_once(house: House) -> None:
    for name in ("a.jpg", "c.jpg"):
        house.put(name)
    with (house.root / "b.jpg").open("wb") as file:
        file.write(JPEG)
        file.truncate(ENOUGH_BYTES)
    for number, name in enumerate(("a.jpg", "b.jpg", "c.jpg")):
        os.utime(house.root / name, (number, number))  # they are found in this order
    house.discover().look(house.watched)

    house.mirror().run_once()

    assert house.states() == {
        "a.jpg": State.MIRRORED,
        "b.jpg": State.MIRRORED,
        "c.jpg": State.FOUND,
    }


def test_one_that_cannot_go_on_record_spoils_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.found("a.jpg", "b.jpg", "c.jpg")
    real = house.items.mark_all_hashed

    def refuse_b(hashed: Sequence[Hashed], *, now: int) -> list[State]:
        if any(one.item.source_path == "b.jpg" for one in hashed):
            raise ZeroDivisionError
        return real(hashed, now=now)

    monkeypatch.setattr(house.items, "mark_all_hashed", refuse_b)
    house.mirror().run_once()

    states = [State.MIRRORED, State.FOUND, State.MIRRORED]
    assert [house.item(name).state for name in ("a.jpg", "b.jpg", "c.jpg")] == states
    assert house.item("b.jpg").error_code == "bug"


def test_two_at_work_never_take_the_same_file(house: House) -> None:
    house.found(*(f"{number}.jpg" for number in range(100)))
    one, other = house.mirror("mirror-1"), house.mirror("mirror-2")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_until_idle, (one, other)))
    house.database.close()

    assert set(house.states().values()) == {State.MIRRORED}
    moves = house.database.row("SELECT count(*) AS times FROM item_events WHERE after = 'mirrored'")
    assert moves is not None
    assert moves["times"] == 100


def _until_idle(stage: Mirror) -> None:
    while stage.run_once():
        pass


def test_equal_bytes_are_a_duplicate(house: House) -> None:
    house.put("a.jpg", b"same")
    house.put("b.jpg", b"same")
    house.discover().look(house.watched)

    while house.mirror().run_once():
        pass

    assert sorted(house.states().values()) == [State.DUPLICATE, State.MIRRORED]


def test_a_moved_file_is_not_sent_again(house: House) -> None:
    house.uploaded("a.jpg")
    house.create().run_once()
    (house.root / "sub").mkdir()
    (house.root / "a.jpg").rename(house.root / "sub" / "renamed.jpg")

    house.discover().look(house.watched)
    while house.mirror().run_once():
        pass

    assert house.states() == {"a.jpg": State.DONE, "sub/renamed.jpg": State.DUPLICATE}


def test_a_vanished_file_is_skipped(house: House) -> None:
    house.found("a.jpg", "b.jpg")
    (house.root / "a.jpg").unlink()

    while house.mirror().run_once():
        pass

    assert (house.item("a.jpg").state, house.item("a.jpg").error_code) == (
        State.SKIPPED,
        "vanished",
    )


def test_a_replaced_file_is_skipped_for_its_new_version(house: House) -> None:
    house.found("a.jpg")
    house.put("a.jpg", b"longer and different")

    house.mirror().run_once()

    assert house.item("a.jpg").error_code == "replaced"


def test_an_unmounted_disk_skips_nothing(house: House) -> None:
    house.found("a.jpg")
    (house.root / "a.jpg").unlink()  # the folder is bare now, like a mount point

    house.mirror().run_once()

    assert house.states() == {"a.jpg": State.FOUND}
    assert house.item("a.jpg").leased_by is None
    assert house.problems() == ["source_missing"]
    assert not house.mirror().run_once()


def test_a_stop_lets_the_item_go(house: House) -> None:
    house.found("a.jpg")
    house.halt.set()

    with pytest.raises(Stopping):
        house.mirror().run_once()

    assert house.item("a.jpg").leased_by is None
    assert house.states() == {"a.jpg": State.FOUND}


def test_the_album_is_named_by_folder_and_date(build: Callable[..., House]) -> None:
    house = build(album="{folder} {source} {year}")
    house.mirrored("holiday/a.jpg")

    assert house.item("holiday/a.jpg").album.startswith("holiday pictures 20")


def test_an_unforeseen_error_puts_the_item_aside(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house.found("a.jpg", "b.jpg")
    raise_at(house, monkeypatch, "a.jpg", ZeroDivisionError)
    while house.mirror().run_once():
        pass

    assert house.states() == {"a.jpg": State.FOUND, "b.jpg": State.MIRRORED}
    assert house.item("a.jpg").error_code == "bug"
    assert house.item("a.jpg").not_before == house.clock() + 30
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty"), (b"\0" * 100, "not_media"), (b"words", "not_media")]
)
def test_a_retry_sends_nothing_that_is_no_photo(house: House, content: bytes, code: str) -> None:
    (house.root / "a.jpg").write_bytes(content)
    house.discover().look(house.watched)
    item = house.item("a.jpg")
    assert (item.state, item.error_code) == (State.FAILED, code)
    said = item.error_message

    house.choices.retry([item.id], now=1)
    assert house.mirror().run_once()

    item = house.item("a.jpg")
    assert (item.state, item.error_code) == (State.FAILED, code)
    assert item.error_message == said  # what to do is said once, below all that failed


def test_a_retry_finds_out_what_could_not_be_read_at_first(house: House) -> None:
    file = house.put("a.jpg")
    finding = Finding("a.jpg", file.stat().st_size, file.stat().st_mtime_ns, UNKNOWN_MIME,
                      ("unreadable", "It may not be read."))  # fmt: skip
    Intake(house.database).add(house.source.id, [finding], first=State.FOUND, now=1)
    house.sources.set_connected(house.source.id, connected=True, now=1)

    house.choices.retry([house.item("a.jpg").id], now=1)
    house.mirror().run_once()

    item = house.item("a.jpg")
    assert (item.state, item.mime_type) == (State.MIRRORED, "image/jpeg")
