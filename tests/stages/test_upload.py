from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photosync.domain.states import State
from photosync.errors import (
    ChecksumMismatch,
    ConnectionLost,
    DailyQuotaSpent,
    DatabaseError,
    DiskFull,
    FileRefused,
    Offline,
    RateLimited,
    ServerTrouble,
    SignInRequired,
    Stopping,
    StorageFull,
)
from photosync.stages.upload import AHEAD, FIRST_AHEAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.errors import PhotosyncError
    from photosync.google.ports import UploadFile
    from tests.stages.conftest import House


def test_the_bytes_are_sent_and_the_token_kept(house: House) -> None:
    house.mirrored("a.jpg")

    assert house.upload().run_once()

    item = house.item("a.jpg")
    assert (item.state, item.upload_token) == (State.UPLOADED, "token-1")
    assert item.token_at == house.clock()
    assert "create" in house.bells.rung
    assert not house.upload().run_once()


def test_nothing_is_taken_while_the_line_has_no_room(house: House) -> None:
    house.mirrored("a.jpg")

    assert not house.upload(has_room=lambda: False).run_once()

    assert house.states() == {"a.jpg": State.MIRRORED}


def test_an_item_error_fails_the_item_and_only_it(house: House) -> None:
    house.mirrored("bad.jpg", "good.jpg")
    house.library.upload_errors = [FileRefused("Google says no.")]

    while house.upload().run_once():
        pass

    assert house.states() == {"bad.jpg": State.FAILED, "good.jpg": State.UPLOADED}
    assert "Google says no." in (house.item("bad.jpg").error_message or "")


def test_a_transient_error_puts_the_item_aside_for_longer_each_time(house: House) -> None:
    house.mirrored("a.jpg")

    waits = []
    for _ in range(3):
        house.library.upload_errors = [ConnectionLost("the line went dead")]
        assert house.upload().run_once()
        assert not house.upload().run_once()  # not due yet
        waits.append(house.item("a.jpg").not_before - house.clock())
        house.clock.pass_by(waits[-1])

    assert waits == [30, 60, 120]
    assert house.upload().run_once()
    assert house.states() == {"a.jpg": State.UPLOADED}
    assert house.item("a.jpg").attempts == 0


def test_a_server_that_names_its_wait_is_obeyed(house: House) -> None:
    house.mirrored("a.jpg")
    house.library.upload_errors = [RateLimited("slowly", retry_after=700.0)]

    house.upload().run_once()

    assert house.item("a.jpg").not_before == house.clock() + 700


@pytest.mark.parametrize(
    ("error", "reopens_after"),
    [
        (Offline("no network"), 10),
        (StorageFull("full"), 3600),
        (DailyQuotaSpent("spent", until=1_800_009_000), 9000),
    ],
)
def test_a_block_lets_the_item_go_and_shuts_the_gate_for_a_while(
    house: House, error: Exception, reopens_after: int
) -> None:
    house.mirrored("a.jpg")
    house.library.upload_errors = [error]

    assert house.upload().run_once()
    assert not house.upload().run_once()
    item = house.item("a.jpg")
    assert (item.state, item.leased_by, item.attempts) == (State.MIRRORED, None, 0)

    house.clock.pass_by(reopens_after - 1)
    assert not house.upload().run_once()
    house.clock.pass_by(1)
    assert house.upload().run_once()
    assert house.states() == {"a.jpg": State.UPLOADED}


def test_a_lost_sign_in_waits_for_the_user(house: House) -> None:
    house.mirrored("a.jpg")
    house.library.upload_errors = [SignInRequired("revoked")]
    house.signed_in = False

    house.upload().run_once()
    house.clock.pass_by(1e6)
    assert not house.upload().run_once()
    assert house.problems() == ["auth_required"]

    house.signed_in = True
    assert house.upload().run_once()
    house.create().run_once()
    assert house.problems() == []


def test_bytes_that_changed_on_the_way_are_hashed_anew(house: House) -> None:
    house.mirrored("a.jpg")
    house.library.upload_errors = [ChecksumMismatch("other bytes")]

    house.upload().run_once()

    item = house.item("a.jpg")
    assert (item.state, item.sha1) == (State.FOUND, None)


def test_bytes_that_never_arrive_right_do_not_burn_the_quota(house: House) -> None:
    house.mirrored("a.jpg")
    sent = 0
    for _ in range(20):
        house.library.upload_errors = [ChecksumMismatch("other bytes")]
        sent += house.upload().run_once()
        house.clock.at = max(house.clock.at, house.item("a.jpg").not_before)
        house.mirror().run_once()

    assert house.states() == {"a.jpg": State.FAILED}
    assert house.item("a.jpg").error_code == "checksum_mismatch"
    assert sent == 6


def test_a_stop_lets_the_item_go(house: House) -> None:
    house.mirrored("a.jpg")
    house.library.upload_errors = [Stopping()]

    with pytest.raises(Stopping):
        house.upload().run_once()

    assert house.item("a.jpg").leased_by is None


def test_a_file_gone_before_its_turn_makes_way_for_its_copy(house: House) -> None:
    house.put("a.jpg", b"same")
    house.put("b.jpg", b"same")
    house.discover().look(house.watched)
    while house.mirror().run_once():
        pass
    first = next(one for one in house.overview.items() if one.state == State.MIRRORED)
    (house.root / first.source_path).unlink()

    house.upload().run_once()
    while house.mirror().run_once():
        pass
    house.upload().run_once()

    assert sorted(house.states().values()) == [State.SKIPPED, State.UPLOADED]


def test_before_the_first_photo_is_made_few_bytes_are_sent_ahead(house: House) -> None:
    """The account may be full, which creating alone can tell."""
    house.mirrored(*(f"{number}.jpg" for number in range(FIRST_AHEAD + 3)))
    while house.upload().run_once():
        pass

    assert house.items.uploaded_count() == FIRST_AHEAD
    house.bells.rung.clear()
    house.create().run_once()
    assert "upload" in house.bells.rung
    while house.upload().run_once():
        pass
    assert house.items.uploaded_count() == 3


def test_of_several_albums_what_there_is_is_created_once_uploads_stop(
    build: Callable[..., House],
) -> None:
    house = build(album="{folder}")
    house.mirrored(*(f"{number % 3}/{number}.jpg" for number in range(FIRST_AHEAD + 10)))
    while house.upload().run_once():
        pass

    assert house.create().run_once()

    assert [len(files) for files, _ in house.library.batches] == [20]


def test_tokens_are_not_hoarded(house: House) -> None:
    house.gate.passed()
    house.mirrored(*(f"{number}.jpg" for number in range(AHEAD + 3)))
    while house.upload().run_once():
        pass

    assert house.items.uploaded_count() == AHEAD
    house.create().run_once()
    assert house.upload().run_once()


def test_nothing_is_sent_while_paused(house: House) -> None:
    house.mirrored("a.jpg")
    house.control.pause("", now=1)
    assert not house.upload().run_once()
    house.control.resume(now=2)
    assert house.upload().run_once()


def test_one_request_asks_for_all_whether_it_is_over(house: House) -> None:
    house.mirrored("a.jpg", "b.jpg", "c.jpg")
    house.library.upload_errors = [ServerTrouble("503")]
    one, two = house.upload(), house.upload()
    one.run_once()
    assert not two.run_once()
    house.clock.pass_by(30)

    with house.gate.turn() as may_send:  # somebody is asking now
        assert may_send
        assert not one.run_once()
        assert not two.run_once()
        assert house.overview.in_hand() == {}
        house.clock.pass_by(60)  # and is not heard of
        assert two.run_once()
    assert one.run_once()


def test_a_photo_that_alone_is_trouble_waits_longer_and_longer(house: House) -> None:
    house.mirrored("bad.jpg", *(f"{number}.jpg" for number in range(6)))
    waits = []
    real = house.library.upload

    def refuse(file: UploadFile, progress: Callable[[int, int], None]) -> str:
        if file.key == house.item("bad.jpg").id:
            raise ServerTrouble("500")
        return real(file, progress)

    house.library.upload = refuse  # type: ignore[method-assign]  # one photo makes Google stumble
    for number in range(4):
        while house.item("bad.jpg").attempts == number:
            house.upload().run_once()
        waits.append(house.item("bad.jpg").not_before - house.clock())
        house.clock.pass_by(30)
        house.mirrored(f"more-{number}.jpg")
        while house.item(f"more-{number}.jpg").state == State.MIRRORED:
            house.upload().run_once()
        house.clock.at = house.item("bad.jpg").not_before
    assert waits == [30, 60, 120, 240]


def test_an_outage_costs_a_handful_of_requests(house: House) -> None:
    house.mirrored(*(f"{number}.jpg" for number in range(20)))
    calls = 0

    def down(file: UploadFile, progress: Callable[[int, int], None]) -> str:
        nonlocal calls
        calls += 1
        raise ServerTrouble("503")

    house.library.upload = down  # type: ignore[method-assign]  # Google is down
    ends = house.clock() + 6 * 3600
    while house.clock() < ends:
        house.upload().run_once()
        house.clock.pass_by(5)
    assert calls < 50
    assert sum(one.attempts for one in house.overview.items()) == 1


@pytest.mark.parametrize("error", [DiskFull("full"), DatabaseError("locked")])
def test_trouble_on_this_computer_is_no_trouble_with_the_library(
    house: House, monkeypatch: pytest.MonkeyPatch, error: PhotosyncError
) -> None:
    """A disk that was full for a second kept everything from the library for an hour."""
    house.mirrored("a.jpg", "b.jpg")

    def refuse(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(house.items, "mark_uploaded", refuse)
        with pytest.raises(type(error)):
            house.upload().run_once()
    assert house.gate.is_open()
    assert house.problems() == []
    assert all(one.leased_by is None for one in house.overview.items())
    assert all(one.attempts == 0 for one in house.overview.items())
    assert house.upload().run_once()
