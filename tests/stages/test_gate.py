"""What keeps one request from Google keeps them all, and one request finds out that it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photosync.domain.states import State
from photosync.errors import (
    BlockedError,
    ConnectionLost,
    DailyQuotaSpent,
    ItemTrouble,
    Offline,
    ServerTrouble,
    SignInRequired,
    StorageFull,
)
from photosync.stages.gate import NO_WAY

if TYPE_CHECKING:
    from tests.stages.conftest import House


class Always(list[Exception]):
    """Every request fails; counts them."""

    def __init__(self, error: Exception) -> None:
        super().__init__([error])
        self.sent = 0

    def pop(self, _index: object = -1) -> Exception:
        self.sent += 1
        return self[0]


def rounds(house: House, most: int = 40) -> int:
    """How many steps upload and create make before there is nothing to do."""
    upload, create = house.upload(), house.create(linger_seconds=0)
    for done in range(most):
        if not upload.run_once() and not create.run_once():
            return done
    return most


@pytest.mark.parametrize("first", [Offline("no net"), StorageFull("full")])
@pytest.mark.parametrize(
    "then",
    [
        ServerTrouble("503"),
        Offline("no net"),
        DailyQuotaSpent("spent", until=1_800_080_000),
        SignInRequired("revoked"),
    ],
)
def test_what_is_over_does_not_hide_what_is_not(
    house: House, first: BlockedError, then: Exception
) -> None:
    house.mirrored(*(f"{number}.jpg" for number in range(9)))
    house.gate.close(first)
    house.clock.pass_by(3601)
    assert house.gate.is_open()
    house.signed_in = False
    house.library.upload_errors = failing = Always(then)

    assert rounds(house) == 1
    assert failing.sent == 1
    assert not house.gate.is_open()


def test_creating_does_not_spin_either(house: House) -> None:
    house.uploaded("a.jpg")
    house.gate.close(Offline("no net"))
    house.clock.pass_by(11)
    house.library.create_errors = failing = Always(DailyQuotaSpent("spent", until=1_800_080_000))

    assert rounds(house) == 1
    assert failing.sent == 1


def test_a_turn_in_which_nothing_was_sent_is_the_next_ones(house: House) -> None:
    gone = [f"a{number:02}.jpg" for number in range(20)]
    house.mirrored(*gone, "z.jpg")
    for name in gone:
        (house.root / name).unlink()
    house.gate.trouble(ServerTrouble("503"))
    house.clock.pass_by(31)

    while house.upload().run_once():
        pass

    assert house.item("z.jpg").state == State.UPLOADED


def test_a_turn_that_is_another_ones_by_now_is_not_given_back(house: House) -> None:
    house.gate.trouble(ServerTrouble("503"))
    house.clock.pass_by(31)
    with house.gate.turn() as slow:
        house.clock.pass_by(60)
        with house.gate.turn() as quick:
            assert (slow, quick) == (True, True)
            house.clock.pass_by(1)
            with house.gate.turn() as third:
                assert not third
    with house.gate.turn() as may_send:
        assert may_send


def test_what_lasts_is_asked_after_less_often_up_to_once_an_hour(house: House) -> None:
    house.mirrored("a.jpg")
    house.library.upload_errors = failing = Always(ServerTrouble("503"))
    upload, sent = house.upload(), []
    for _ in range(3):
        for _ in range(86_400 // 30):
            upload.run_once()
            house.clock.pass_by(30)
        sent.append(failing.sent)
        failing.sent = 0

    assert 40 < sent[0] < 60
    assert sent[2] == 24


def test_trouble_of_long_ago_does_not_make_the_next_rest_long(house: House) -> None:
    for _ in range(8):
        rest = house.gate.trouble(ServerTrouble("503"))
        house.clock.at = rest.until
    assert not rest.is_first
    house.clock.pass_by(3601)

    rest = house.gate.trouble(ServerTrouble("503"))
    assert (rest.until - house.clock(), rest.is_first) == (30, True)


def test_a_full_account_is_asked_with_new_bytes_if_the_token_there_is_put_aside(
    house: House,
) -> None:
    house.uploaded("a.jpg")
    house.library.line_errors = {"a.jpg": ItemTrouble("busy", retry_after=6 * 3600.0)}
    house.create(linger_seconds=0).run_once()
    house.gate.close(StorageFull("full"))
    house.mirrored("b.jpg", "c.jpg")
    house.clock.pass_by(3600)

    assert house.upload().run_once()
    assert not house.upload().run_once()  # one is enough
    house.create(linger_seconds=0).run_once()
    assert house.problems() == []


def test_who_made_room_has_one_request_ask_at_once(house: House) -> None:
    house.uploaded("a.jpg", "b.jpg", "c.jpg")
    house.mirrored("d.jpg", "e.jpg")
    house.library.create_errors = [StorageFull("full"), StorageFull("full")]
    create = house.create(linger_seconds=0)
    create.run_once()
    assert not create.run_once()

    assert house.control.ask_again(now=int(house.clock()))
    assert not house.upload().run_once(), "bytes alone tell nothing of it"
    assert create.run_once()
    assert not create.run_once(), "it is as full as before, and was asked once"
    assert len(house.library.batches) == 2

    house.control.resume(now=int(house.clock()))
    create.run_once()
    assert house.states()["a.jpg"] == State.DONE
    assert not house.control.ask_again(now=int(house.clock()))


def test_the_requests_of_the_day_are_spent_whatever_the_user_says(house: House) -> None:
    house.uploaded("a.jpg")
    house.gate.close(DailyQuotaSpent("spent", until=int(house.clock()) + 9000))
    assert not house.control.ask_again(now=int(house.clock()))
    house.control.resume(now=int(house.clock()))
    assert not house.create().run_once()


def test_a_batch_of_which_no_line_fits_leaves_the_account_full(house: House) -> None:
    house.uploaded("a.jpg", "b.jpg")
    house.library.line_errors = dict.fromkeys(["a.jpg", "b.jpg"], StorageFull("full"))
    house.create().run_once()
    began = house.control.problems()[0].since
    house.clock.pass_by(3601)

    house.create().run_once()

    (problem,) = house.control.problems()
    assert (problem.code, problem.since) == ("storage_full", began)


def test_sessions_that_all_get_lost_are_googles_trouble(house: House) -> None:
    house.mirrored(*(f"{number}.jpg" for number in range(100)))
    house.library.upload_errors = failing = Always(ItemTrouble("time after time"))
    upload = house.upload()
    for _ in range(720):
        while upload.run_once():
            pass
        house.clock.pass_by(5)
    assert failing.sent < 20
    assert house.problems() == ["item_trouble"]


def test_one_file_whose_sessions_get_lost_holds_up_nobody(house: House) -> None:
    house.mirrored("film.jpg", "a.jpg", "b.jpg")
    upload = house.upload()
    for _ in range(3):
        house.library.upload_errors = [ItemTrouble("time after time")]
        upload.run_once()
    assert house.problems() == ["item_trouble"]
    house.gate.passed()
    house.library.upload_errors = [ItemTrouble("time after time")]
    house.clock.pass_by(30)
    upload.run_once()
    assert house.problems() == []
    assert upload.run_once()


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(Offline("no net"), 61), (ServerTrouble("503"), 61), (StorageFull("full"), 0)],
)
def test_what_stays_shut_is_not_waited_for(
    house: House, error: BlockedError | ServerTrouble, seconds: int
) -> None:
    began = house.clock.at
    while house.clock.at < began + 600:
        if house.gate.is_open():
            if isinstance(error, ServerTrouble):
                house.gate.trouble(error)
            else:
                house.gate.close(error)
        if not house.gate.opens_within(60):
            break
        house.clock.pass_by(1)
    assert house.clock.at - began == seconds
    house.gate.passed()
    house.gate.close(Offline("no net"))
    assert house.gate.opens_within(60)


def test_a_clock_that_was_a_day_ahead_shuts_nothing_for_a_day(house: House) -> None:
    house.clock.pass_by(86_400)
    house.gate.trouble(ServerTrouble("503"))
    house.gate.close(StorageFull("full"))
    house.clock.pass_by(-86_400)
    assert house.gate.is_open()

    house.gate.close(DailyQuotaSpent("spent", until=int(house.clock()) + 25 * 3600))
    assert not house.gate.is_open()


def test_a_network_that_changed_lets_one_ask_at_once(house: House) -> None:
    house.gate.close(Offline("no net"))
    house.gate.trouble(ConnectionLost("cut"))
    assert not house.gate.is_open()

    assert house.gate.network_changed()
    assert house.gate.is_open()
    assert house.control.problems() == []
    assert not house.gate.network_changed()


def test_a_network_that_changed_mends_nothing_else(house: House) -> None:
    house.gate.close(Offline("no net"))
    house.gate.close(DailyQuotaSpent("spent", until=1_800_080_000))
    assert house.gate.network_changed()
    assert not house.gate.is_open()
    assert not house.gate.network_changed()


def test_what_a_cut_put_aside_is_due_when_the_network_is_back(house: House) -> None:
    house.mirrored("a.jpg")
    house.library.upload_errors = [ConnectionLost("cut")]
    assert rounds(house) == 1
    assert house.items.claim(State.MIRRORED, worker="w", now=int(house.clock())) == []

    assert house.items.hurry({ServerTrouble.code}, now=int(house.clock())) == 0
    assert house.items.hurry(NO_WAY, now=int(house.clock())) == 1
    assert house.items.claim(State.MIRRORED, worker="w", now=int(house.clock())) != []
