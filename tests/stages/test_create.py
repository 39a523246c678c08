from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photosync.domain.states import State
from photosync.errors import (
    AlbumGone,
    ConnectionLost,
    DatabaseError,
    DiskFull,
    FileRefused,
    ItemTrouble,
    RateLimited,
    RequestRefused,
    ServerTrouble,
    Stopping,
    StorageFull,
    TokenLost,
)
from photosync.google.ports import Created
from photosync.stages.create import Create

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from photosync.errors import PhotosyncError
    from photosync.google.ports import NewItem
    from tests.stages.conftest import House


def names(count: int, start: int = 0) -> list[str]:
    return [f"{number:03}.jpg" for number in range(start, start + count)]


def test_a_single_photo_is_created_at_once(house: House) -> None:
    house.uploaded("a.jpg")

    assert house.create().run_once()

    assert house.item("a.jpg").state == State.DONE
    assert house.item("a.jpg").google_id == next(iter(house.library.held.values()))
    assert not house.create().run_once()


def test_fifty_go_in_one_request(house: House) -> None:
    house.uploaded(*names(70))
    create = house.create()
    while create.run_once():
        pass

    assert [len(batch) for batch, _ in house.library.batches] == [50, 20]
    assert house.overview.counts().items(State.DONE) == 70


def test_it_waits_while_more_is_on_the_way_but_not_for_ever(house: House) -> None:
    house.uploaded("a.jpg")
    house.mirrored("b.jpg")

    assert not house.create().run_once()
    house.clock.pass_by(300)
    assert house.create().run_once()
    assert house.states() == {"a.jpg": State.DONE, "b.jpg": State.MIRRORED}


def test_it_waits_for_photos_that_are_about_to_be_found(house: House) -> None:
    house.uploaded("a.jpg")
    expected = [True]
    create = Create(
        items=house.items,
        albums=house.albums,
        library=house.library,
        control=house.control,
        gate=house.gate,
        bells=house.bells,
        small_bytes=16 << 20,
        clock=house.clock,
        more_expected=lambda: expected[0],
    )
    assert not create.run_once()
    expected[0] = False
    assert create.run_once()


def test_what_is_put_aside_is_not_waited_for(house: House) -> None:
    house.uploaded("a.jpg")
    house.mirrored("b.jpg")
    house.library.upload_errors = [ConnectionLost("dead")]
    house.upload().run_once()
    house.gate.passed()

    assert house.create().run_once()


def test_each_line_has_its_own_fate(house: House) -> None:
    house.uploaded("bad.jpg", "good.jpg", "later.jpg", "token.jpg")
    house.library.line_errors = {
        "bad.jpg": FileRefused("not an image"),
        "later.jpg": ItemTrouble("try again"),
        "token.jpg": TokenLost("expired"),
    }

    house.create().run_once()

    assert house.states() == {
        "bad.jpg": State.MIRRORED,
        "good.jpg": State.DONE,
        "later.jpg": State.UPLOADED,
        "token.jpg": State.MIRRORED,
    }
    assert house.item("later.jpg").not_before == house.clock() + 30
    assert house.item("token.jpg").upload_token is None

    # Google says the same of a token that is used up or another account's: sent once more
    while house.upload().run_once():
        pass
    house.create(linger_seconds=0).run_once()
    assert house.states()["bad.jpg"] == State.FAILED
    assert house.item("bad.jpg").error_code == "refused"


def test_a_bad_file_with_a_good_token_beside_good_files_is_not_sent_again(house: House) -> None:
    house.uploaded("bad.jpg", "good.jpg")
    house.library.tokens_are_good = True
    house.library.line_errors = {"bad.jpg": FileRefused("not an image")}

    house.create().run_once()

    assert house.states() == {"bad.jpg": State.FAILED, "good.jpg": State.DONE}
    assert house.item("bad.jpg").error_code == "refused"


def test_a_token_from_a_clock_that_was_ahead_is_no_proof_of_a_bad_file(house: House) -> None:
    """Nobody knows how old it is, and Google refuses one that is too old like a bad file."""
    house.clock.pass_by(10 * 86_400)
    house.uploaded("old.jpg")
    house.clock.pass_by(-9 * 86_400)  # set right, and a day goes by while nothing can be created
    house.uploaded("new.jpg")
    house.library.tokens_are_good = True
    house.library.line_errors = {"old.jpg": FileRefused("there was an error")}

    house.create().run_once()

    assert house.item("old.jpg").state == State.MIRRORED, "its bytes are sent again"


def test_while_google_takes_no_other_a_good_token_proves_nothing(house: House) -> None:
    house.uploaded("bad.jpg", "worse.jpg")
    house.library.tokens_are_good = True
    house.library.line_errors = dict.fromkeys(("bad.jpg", "worse.jpg"), FileRefused("no image"))

    house.create().run_once()

    assert set(house.states().values()) == {State.MIRRORED}


def test_what_may_be_there_already_is_sent_again_whatever_its_token(house: House) -> None:
    house.uploaded("a.jpg", "good.jpg")
    house.library.create_errors = [ConnectionLost("no answer")]
    house.create().run_once()
    house.clock.pass_by(30)
    house.library.tokens_are_good = True
    house.library.line_errors = {"a.jpg": FileRefused("there was an error")}

    house.create().run_once()

    assert house.states() == {"a.jpg": State.MIRRORED, "good.jpg": State.DONE}


def test_trouble_that_never_passes_fails_the_item_in_the_end(house: House) -> None:
    house.uploaded("a.jpg")
    house.library.line_errors = {"a.jpg": ItemTrouble("try again")}

    for _ in range(20):
        house.create().run_once()
        house.clock.at = max(house.clock.at, house.item("a.jpg").not_before)

    assert house.states() == {"a.jpg": State.FAILED}
    assert len(house.library.batches) == 9


def test_tokens_refused_again_and_again_do_not_burn_the_quota(house: House) -> None:
    house.uploaded("a.jpg")
    house.library.line_errors = {"a.jpg": TokenLost("unknown")}

    for _ in range(20):
        house.create().run_once()
        house.clock.at = max(house.clock.at, house.item("a.jpg").not_before)
        house.upload().run_once()

    assert house.states() == {"a.jpg": State.FAILED}
    assert len(house.library.batches) == 6


def test_a_lost_answer_never_fails_what_may_be_there_already(house: House) -> None:
    house.uploaded("a.jpg")
    house.library.create_errors = [ConnectionLost("no answer")]
    house.create().run_once()
    assert house.item("a.jpg").not_before == house.clock() + 30
    house.clock.pass_by(30)

    # Google took the first one; its token is worthless now, which looks like a bad file
    house.library.line_errors = {"a.jpg": FileRefused("there was an error")}
    house.create().run_once()
    assert house.states() == {"a.jpg": State.MIRRORED}

    house.library.line_errors = {}
    house.clock.at = house.item("a.jpg").not_before
    house.upload().run_once()
    house.create().run_once()
    assert house.states() == {"a.jpg": State.DONE}
    assert len(house.library.held) == 1


def test_a_stop_in_the_middle_counts_as_a_lost_answer(house: House) -> None:
    house.uploaded("a.jpg")
    house.library.create_errors = [Stopping()]

    with pytest.raises(Stopping):
        house.create().run_once()

    item = house.item("a.jpg")
    assert (item.leased_by, item.maybe_created, item.attempts) == (None, True, 0)


def test_a_block_leaves_everything_as_it_was(house: House) -> None:
    house.uploaded("a.jpg", "b.jpg")
    house.library.create_errors = [StorageFull("full")]

    assert house.create().run_once()

    assert set(house.states().values()) == {State.UPLOADED}
    assert {one.maybe_created for one in house.overview.items()} == {False}
    assert house.problems() == ["storage_full"]
    assert not house.create().run_once()
    house.clock.pass_by(3600)
    assert house.create().run_once()
    assert house.problems() == []


@pytest.mark.parametrize(
    ("error", "state"),
    [(RequestRefused("bad"), State.FAILED), (TokenLost("bad"), State.MIRRORED)],
)
def test_a_request_refused_as_a_whole_is_halved_until_the_one_is_found(
    house: House, error: Exception, state: State
) -> None:
    house.uploaded(*names(50))
    house.library.poison = {"017.jpg"}
    house.library.poison_error = error

    house.create().run_once()

    states = house.states()
    assert states.pop("017.jpg") == state
    assert set(states.values()) == {State.DONE}
    assert len(house.library.batches) == 13  # the whole, then two halves six times


def test_trouble_while_halving_lets_everything_go(house: House) -> None:
    house.uploaded(*names(4))
    house.library.create_errors = [RequestRefused("bad"), ConnectionLost("dead")]

    house.create().run_once()

    assert house.overview.in_hand() == {}
    house.clock.pass_by(30)
    while house.create().run_once():
        pass
    assert set(house.states().values()) == {State.DONE}


def test_an_unforeseen_error_puts_the_batch_aside(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.uploaded("a.jpg")
    house.library.create_errors = [ZeroDivisionError("oops")]

    house.create().run_once()

    assert (house.item("a.jpg").state, house.item("a.jpg").error_code) == (State.UPLOADED, "bug")
    assert "ZeroDivisionError" in caplog.text


def test_an_answer_that_makes_no_sense_is_no_success(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.uploaded("a.jpg")
    monkeypatch.setattr(
        house.library,
        "create",
        lambda _items, album_id: [Created(None, None)],  # noqa: ARG005
    )

    house.create().run_once()

    assert (house.item("a.jpg").state, house.item("a.jpg").error_code) == (State.UPLOADED, "bug")


def test_albums_are_created_once_and_never_mixed(build: Callable[..., House]) -> None:
    house = build(album="{folder}")
    house.uploaded("x/1.jpg", "y/2.jpg", "x/3.jpg")
    create = house.create()
    while create.run_once():
        pass

    by_album = {album: files for files, album in house.library.batches}
    titles = house.library.album_titles
    assert by_album == {titles["x"]: ["1.jpg", "3.jpg"], titles["y"]: ["2.jpg"]}
    house.uploaded("x/4.jpg")
    create.run_once()
    assert house.library.batches[-1] == (["4.jpg"], titles["x"])


def test_an_album_whose_creation_got_no_answer_is_looked_for_first(
    build: Callable[..., House],
) -> None:
    house = build(album="Trip")
    house.uploaded("1.jpg")
    real = house.library.create_album

    def lost(title: str) -> str:
        real(title)
        raise ConnectionLost("no answer")

    house.library.create_album = lost  # type: ignore[method-assign]  # its answer gets lost
    house.create().run_once()
    first = house.library.album_titles["Trip"]
    house.clock.pass_by(30)
    house.create().run_once()

    assert house.library.batches == [(["1.jpg"], first)]


def test_a_deleted_album_is_made_anew(build: Callable[..., House]) -> None:
    house = build(album="Trip")
    house.uploaded("1.jpg")
    house.library.create_errors = [AlbumGone("deleted")]
    house.albums.remember("Trip", "old", now=1)

    house.create().run_once()
    house.create().run_once()

    assert house.states() == {"1.jpg": State.DONE}
    assert house.library.batches[-1][1] == house.library.album_titles["Trip"] != "old"


def test_old_tokens_are_renewed_before_they_are_used(house: House) -> None:
    house.uploaded("a.jpg")
    house.clock.pass_by(23 * 3600 + 1)

    assert not house.create().run_once()

    assert house.states() == {"a.jpg": State.MIRRORED}
    assert house.library.batches == []


def test_trouble_of_a_whole_batch_closes_the_gate_for_all(house: House) -> None:
    house.uploaded("a.jpg", "b.jpg")
    house.mirrored("c.jpg")
    for wait in (30, 60, 120, 240, 480, 600, 600):
        house.library.create_errors = [ServerTrouble("503")]
        house.create(linger_seconds=0).run_once()
        assert house.problems() == ["server_trouble"]
        assert not house.upload().run_once()
        until = house.control.problems()[0].until
        assert until is not None
        assert until - house.clock() == wait
        house.clock.at = max(until, house.item("a.jpg").not_before)
    assert (house.item("a.jpg").attempts, house.item("b.jpg").attempts) == (0, 0)

    house.create(linger_seconds=0).run_once()
    assert house.states() == {
        "a.jpg": State.DONE,
        "b.jpg": State.DONE,
        "c.jpg": State.MIRRORED,
    }
    assert house.problems() == []


def test_a_long_retry_after_is_cut_and_told(house: House) -> None:
    house.uploaded("a.jpg")
    house.library.create_errors = [RateLimited("slow down", retry_after=86_400.0)]
    house.create().run_once()
    (problem,) = house.control.problems()
    assert (problem.code, problem.needs_user) == ("rate_limited", False)
    assert problem.until == house.clock() + 600


def test_lines_that_all_say_later_are_trouble_of_google(house: House) -> None:
    house.uploaded("a.jpg", "b.jpg")
    house.library.line_errors = dict.fromkeys(["a.jpg", "b.jpg"], ItemTrouble("internal"))
    for _ in range(20):
        house.create().run_once()
        house.clock.pass_by(3600)
    house.library.line_errors = {}
    house.create().run_once()
    assert set(house.states().values()) == {State.DONE}


def test_a_request_that_is_always_refused_is_not_the_photos_fault(house: House) -> None:
    house.uploaded(*names(50))
    house.library.poison = set(names(50))
    house.library.poison_error = RequestRefused("the field is unknown")
    create = house.create()

    create.run_once()

    assert set(house.states().values()) == {State.UPLOADED}
    assert house.overview.in_hand() == {}
    assert house.problems() == ["requests_refused"]
    assert "the field is unknown" in house.control.problems()[0].message
    assert len(house.library.batches) < 12
    house.mirrored("new.jpg")
    house.clock.pass_by(3600)
    assert not house.upload().run_once()  # only creating can tell whether it is over

    house.library.poison = set()
    assert create.run_once()
    assert house.problems() == []
    assert house.upload().run_once()


@pytest.mark.parametrize("bad", [["000.jpg", "001.jpg", "002.jpg"], ["000.jpg", "049.jpg"]])
def test_a_few_bad_photos_at_the_ends_are_not_taken_for_all(house: House, bad: list[str]) -> None:
    house.uploaded(*names(60))
    house.library.poison = set(bad)
    house.library.poison_error = RequestRefused("a bad name")
    create = house.create()
    for _ in range(5):
        while create.run_once():
            pass
        house.clock.pass_by(3600)

    states = house.states()
    assert {states.pop(name) for name in bad} == {State.FAILED}
    assert set(states.values()) == {State.DONE}
    assert len(house.library.batches) < 40


def test_the_next_batch_asks_with_others(house: House) -> None:
    house.uploaded(*names(60))
    house.library.poison = set(names(50))  # so many that the good ones are not in the batch
    house.library.poison_error = RequestRefused("a bad name")
    create = house.create()
    for _ in range(20):
        while create.run_once():
            pass
        house.clock.pass_by(3600)

    states = house.states()
    assert {states[name] for name in names(10, 50)} == {State.DONE}
    assert {states[name] for name in names(50)} <= {State.FAILED, State.UPLOADED}


def test_lone_bad_photos_do_not_keep_a_good_one_out(house: House) -> None:
    house.library.poison = set(names(3))
    house.library.poison_error = RequestRefused("a bad name")
    create = house.create(linger_seconds=0)
    for name in names(3):
        house.uploaded(name)
        create.run_once()
        house.clock.pass_by(86_000)
    assert house.problems() == ["requests_refused"]

    house.uploaded("good.jpg")
    create.run_once()
    assert house.item("good.jpg").state == State.DONE
    assert house.problems() == []


def test_the_same_shows_with_one_photo_at_a_time(house: House) -> None:
    house.library.poison = set(names(5))
    house.library.poison_error = RequestRefused("the field is unknown")
    create = house.create()
    for name in names(4):
        house.uploaded(name)
        create.run_once()

    states = list(house.states().values())
    assert (states.count(State.FAILED), states.count(State.UPLOADED)) == (2, 1)
    assert house.problems() == ["requests_refused"]


def test_photos_go_without_an_album_that_is_always_gone(build: Callable[..., House]) -> None:
    house = build(album="Trip")
    house.uploaded("1.jpg")
    real = house.library.create

    def refuse(items: Sequence[NewItem], *, album_id: str | None) -> list[Created]:
        if album_id is not None:
            raise AlbumGone("no such album")
        return real(items, album_id=album_id)

    house.library.create = refuse  # type: ignore[method-assign]  # no album is good enough
    create = house.create()
    for _ in range(3):
        create.run_once()
        house.clock.pass_by(60)

    assert house.states() == {"1.jpg": State.DONE}
    assert house.problems() == ["album_gone"]
    made = len(house.library.album_titles)
    house.uploaded("2.jpg")
    create.run_once()
    assert house.item("2.jpg").state == State.DONE
    assert len(house.library.album_titles) == made


def test_those_put_aside_hold_up_nobody(house: House) -> None:
    house.uploaded(*names(100))
    house.library.line_errors = dict.fromkeys(names(99), ItemTrouble("internal"))
    create = house.create()
    for _ in range(2):
        create.run_once()
    house.gate.passed()
    house.mirrored("new.jpg")
    assert house.upload().run_once()


def all_day(house: House, hours: int = 24, *, step: int = 300) -> None:
    """Uploads and creates what it can, every few minutes."""
    upload, create, mirror = house.upload(), house.create(linger_seconds=0), house.mirror()
    for _ in range(hours * 3600 // step):
        for _ in range(500):
            if not any([mirror.run_once(), upload.run_once(), create.run_once()]):
                break
        else:
            pytest.fail("it spins")
        house.clock.pass_by(step)


@pytest.mark.parametrize("whole", [True, False])
def test_tokens_that_are_all_unknown_are_not_the_photos_fault(house: House, whole: bool) -> None:
    house.mirrored(*names(100))
    if whole:
        house.library.poison = set(names(100))
    else:
        house.library.line_errors = dict.fromkeys(names(100), TokenLost("unknown"))
    all_day(house, 12)
    assert State.FAILED not in house.states().values()
    assert house.problems() == ["requests_refused"]
    assert len(house.library.tokens) < 300  # uploads
    assert len(house.library.batches) < 300

    house.library.poison.clear()
    house.library.line_errors.clear()
    all_day(house, 12)
    assert set(house.states().values()) == {State.DONE}


def test_while_google_refuses_all_nobody_is_blamed(build: Callable[..., House]) -> None:
    house = build(album="{folder}")
    house.uploaded(*(f"x/{number}.jpg" for number in range(3)))
    house.library.poison = {f"{number}.jpg" for number in range(5)}
    house.library.poison_error = RequestRefused("no")
    create = house.create(linger_seconds=0)
    create.run_once()
    assert house.problems() == ["requests_refused"]
    house.mirrored("y/3.jpg", "z/4.jpg")
    all_day(house, 48)
    assert State.FAILED not in house.states().values()


def test_who_is_refused_again_after_others_were_made_is_at_fault(
    build: Callable[..., House],
) -> None:
    house = build(album="{folder}")
    bad = [f"bad/{name}" for name in names(5)]
    house.library.poison = set(names(5))
    house.library.poison_error = RequestRefused("a bad name")
    house.mirrored(*bad)
    for day in range(3):
        house.mirrored(f"{day}/good-{day}.jpg")
        all_day(house)
        assert house.item(f"{day}/good-{day}.jpg").state == State.DONE
    states = house.states()
    assert {states[name] for name in bad} == {State.FAILED}
    assert house.problems() == []


def test_an_album_that_takes_no_more_is_not_the_photos_fault(build: Callable[..., House]) -> None:
    house = build(album="Trip")
    house.library.album_titles["Trip"] = "full"
    house.albums.remember("Trip", "full", now=1)
    real = house.library.create

    def refuse(items: Sequence[NewItem], *, album_id: str | None) -> list[Created]:
        if album_id == "full":
            raise RequestRefused("the album is full")
        return real(items, album_id=album_id)

    house.library.create = refuse  # type: ignore[method-assign]  # it holds 20,000 already
    house.mirrored(*names(10))
    all_day(house, 1)
    assert set(house.states().values()) == {State.DONE}
    assert house.problems() == []
    assert [album for _, album in house.library.batches].count(None) == 1
    assert house.library.album_titles["Trip"] != "full"


@pytest.mark.parametrize("error", [ServerTrouble("500"), StorageFull("full"), Stopping()])
def test_trouble_while_the_album_is_doubted(build: Callable[..., House], error: Exception) -> None:
    house = build(album="Trip")
    house.uploaded(*names(10))
    real = house.library.create
    errors = [error]

    def refuse(items: Sequence[NewItem], *, album_id: str | None) -> list[Created]:
        if album_id is not None:
            raise RequestRefused("no")
        if errors:
            raise errors.pop()
        return real(items, album_id=album_id)

    house.library.create = refuse  # type: ignore[method-assign]  # with an album, never
    create = house.create(linger_seconds=0)
    if isinstance(error, Stopping):
        with pytest.raises(Stopping):
            create.run_once()
    else:
        create.run_once()
    assert house.overview.in_hand() == {}
    all_day(house, 4)
    assert set(house.states().values()) == {State.DONE}


def test_one_photo_that_is_too_much_for_google_does_not_hold_up_the_rest(house: House) -> None:
    house.uploaded(*names(60))
    real = house.library.create

    def stumble(items: Sequence[NewItem], *, album_id: str | None) -> list[Created]:
        if any(one.file_name == "010.jpg" for one in items):
            house.library.batches.append(([one.file_name for one in items], None))
            raise ServerTrouble("500")
        return real(items, album_id=album_id)

    house.library.create = stumble  # type: ignore[method-assign]  # it chokes on one of them
    all_day(house, 12)

    states = house.states()
    assert states.pop("010.jpg") == State.UPLOADED
    assert set(states.values()) == {State.DONE}
    assert len(house.library.batches) < 80


def test_tries_for_another_cause_condemn_nobody(house: House) -> None:
    house.mirrored("a.jpg")
    upload, create = house.upload(), house.create(linger_seconds=0)
    upload.run_once()
    for hour in range(10):  # uploads pass, creating does not
        house.mirrored(f"b{hour}.jpg")
        house.library.create_errors = [ServerTrouble("503")]
        upload.run_once()
        create.run_once()
        house.clock.pass_by(3600)
    house.library.create_errors = []
    house.library.line_errors = {"a.jpg": ItemTrouble("code 14")}
    while create.run_once():
        pass
    assert house.item("a.jpg").state == State.UPLOADED

    house.library.line_errors = {}
    all_day(house, 8)
    assert set(house.states().values()) == {State.DONE}


def test_who_was_refused_alone_was_certainly_not_created(house: House) -> None:
    house.uploaded(*names(5))
    house.library.poison = set(names(5))
    house.library.poison_error = RequestRefused("no")
    house.create(linger_seconds=0).run_once()
    assert not any(one.maybe_created for one in house.overview.items())


def test_a_line_that_shuts_the_gate_ends_the_round(house: House) -> None:
    house.uploaded(*names(50))
    house.library.poison = set(names(50)[::2])
    house.library.poison_error = RequestRefused("no")
    house.library.line_errors = dict.fromkeys(names(50), StorageFull("full"))
    house.create(linger_seconds=0).run_once()
    assert len(house.library.batches) < 12
    assert house.overview.in_hand() == {}


@pytest.mark.parametrize("error", [DiskFull("full"), DatabaseError("locked")])
def test_trouble_on_this_computer_fails_no_photo(
    house: House, monkeypatch: pytest.MonkeyPatch, error: PhotosyncError
) -> None:
    """A database that another program held while an album was begun failed the whole batch."""
    house.album = "Trip"
    house.uploaded("a.jpg", "b.jpg")
    house.clock.pass_by(1000)

    def refuse(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(house.library, "create", refuse)
        with pytest.raises(type(error)):
            house.create().run_once()
    assert house.gate.is_open()
    assert set(house.states().values()) == {State.UPLOADED}
    assert all(one.leased_by is None for one in house.overview.items())
    assert house.create().run_once()
    assert set(house.states().values()) == {State.DONE}


def test_a_full_album_is_followed_by_another_and_no_photo_is_lost(
    build: Callable[..., House],
) -> None:
    """20,000 an album; here 60. Batches stay whole, and counting is ours until Google is asked."""
    house = build(album="Trip")
    house.album_limit = 60
    house.mirrored(*names(130))

    all_day(house, 130 // 50 + 1)

    assert set(house.states().values()) == {State.DONE}
    titles = house.library.album_titles
    sizes = {title: house.library.album_size(one) for title, one in titles.items()}
    assert list(sizes) == ["Trip", "Trip (2)", "Trip (3)"]
    assert sum(size or 0 for size in sizes.values()) == 130
    assert all(0 < (size or 0) <= 60 for size in sizes.values())


def test_a_count_that_is_too_high_closes_no_album(build: Callable[..., House]) -> None:
    house = build(album="Trip")
    house.album_limit = 60
    house.mirrored(*names(5))
    all_day(house, 1)
    house.albums.measure("Trip", 60)  # photos that were in it already were counted twice
    house.mirrored("later.jpg")

    all_day(house, 1)

    assert list(house.library.album_titles) == ["Trip"]
    assert house.albums.current("Trip").items == 6


def test_albums_of_an_earlier_life_are_found_again_by_one_listing(
    build: Callable[..., House],
) -> None:
    """The state was lost: "Trip" is full, "Trip (2)" is not, and "Sea" is another's turn."""
    house = build(album="{folder}")
    house.album_limit = 60
    house.library.album_titles |= {"Trip": "one", "Trip (2)": "two", "Sea": "three"}
    house.library.batches += [(["old.jpg"] * 60, "one"), (["old.jpg"] * 5, "two")]
    lists: list[int] = []
    real = house.library.albums

    def listing() -> dict[str, tuple[str, int]]:
        lists.append(1)
        return real()

    house.library.albums = listing  # type: ignore[method-assign]  # counted
    house.mirrored("Trip/a.jpg", "Sea/b.jpg", "New/c.jpg")

    all_day(house, 3)

    assert set(house.states().values()) == {State.DONE}
    by_file = {files[0]: album for files, album in house.library.batches[2:]}
    assert (by_file["a.jpg"], by_file["b.jpg"]) == ("two", "three")
    assert by_file["c.jpg"] == house.library.album_titles["New"]
    assert len(lists) == 1


def test_an_album_that_was_filled_by_others_refuses_a_batch_once(
    build: Callable[..., House],
) -> None:
    """Our count says that there is room; Google refuses; its own count says why."""
    house = build(album="Trip")
    house.album_limit = 60
    house.mirrored("first.jpg")
    all_day(house, 1)
    full = house.library.album_titles["Trip"]
    house.library.batches.append((["by hand"] * 59, full))
    real = house.library.create
    refused: list[int] = []

    def create(items: Sequence[NewItem], *, album_id: str | None) -> list[Created]:
        if album_id == full:
            refused.append(len(items))
            raise RequestRefused("Request contains an invalid argument.")
        return real(items, album_id=album_id)

    house.library.create = create  # type: ignore[method-assign]  # as Google is, we think
    house.mirrored(*names(20))
    all_day(house, 1)

    assert set(house.states().values()) == {State.DONE}
    assert len(refused) == 1
    assert house.library.album_size(house.library.album_titles["Trip (2)"]) == 20
