from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import Finding
from photosync.domain.media_types import UNKNOWN_MIME
from photosync.domain.states import State
from photosync.errors import Stopping
from photosync.store.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable

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
    house.found(*(f"{number}.jpg" for number in range(20)))
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
    real = house.folder.hash

    def hash_all_but_one(path: str, *rest: object, **more: object) -> object:
        if path == "a.jpg":
            raise ZeroDivisionError
        return real(path, *rest, **more)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(house.folder, "hash", hash_all_but_one)
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

    house.choices.retry([item.id], now=1)
    assert house.mirror().run_once()

    item = house.item("a.jpg")
    assert (item.state, item.error_code) == (State.FAILED, code)


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
