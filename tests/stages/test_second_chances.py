"""Who was refused in passing arrives a day later by itself; who is bad costs one more upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.domain.states import State
from photosync.errors import FileRefused, TokenLost
from photosync.stages.second_chances import LOOK_SECONDS, SecondChances
from photosync.store.second_chances import WAIT_SECONDS
from photosync.store.second_chances import SecondChances as Records

if TYPE_CHECKING:
    from photosync.domain.media import MediaItem
    from tests.stages.conftest import House


class Everything:
    """All that the house's folder holds is taken."""

    def __init__(self, house: House) -> None:
        self._source_id = house.source.id

    def sources(self) -> set[int]:
        return {self._source_id}

    def why_not(self, _item: MediaItem, *, is_chosen: bool) -> None:
        assert not is_chosen


def chances_of(house: House) -> SecondChances:
    records = Records(house.database, Everything(house))
    return SecondChances(records, bells=house.bells, clock=house.clock)


def refused(house: House) -> None:
    """``bad.jpg``, refused beside one that is taken."""
    house.library.tokens_are_good = True
    house.library.line_errors["bad.jpg"] = FileRefused("Google will not have it")
    house.uploaded("good.jpg", "bad.jpg")
    assert house.create().run_once()
    assert house.states() == {"good.jpg": State.DONE, "bad.jpg": State.FAILED}


def send(house: House) -> int:
    """Uploads and creates until nothing is left. How many uploads."""
    before = len(house.library.tokens)
    upload, create = house.upload(), house.create()
    while upload.run_once() or create.run_once():
        pass
    return len(house.library.tokens) - before


def test_a_refusal_in_passing_passes(house: House) -> None:
    refused(house)
    chances = chances_of(house)
    assert not chances.run_once()
    del house.library.line_errors["bad.jpg"]

    house.clock.pass_by(WAIT_SECONDS)
    house.bells.rung.clear()
    assert chances.run_once()
    assert house.bells.rung == ["upload"]
    assert send(house) == 1
    assert house.states()["bad.jpg"] == State.DONE


def test_a_bad_photo_is_sent_once_more_and_never_again(house: House) -> None:
    refused(house)
    chances = chances_of(house)
    house.clock.pass_by(WAIT_SECONDS)
    assert chances.run_once()
    assert send(house) == 1, "though no other photo is taken beside it"
    assert house.states()["bad.jpg"] == State.FAILED

    for _ in range(30):
        house.clock.pass_by(WAIT_SECONDS)
        assert not chances.run_once()


def test_a_token_that_is_lost_each_time_is_lost_once_more(house: House) -> None:
    house.uploaded("a.jpg")
    item = house.items.claim_batch(worker="x", now=int(house.clock()), limit=1)[0]
    house.items.fail(item, code=TokenLost.code, message="no", now=int(house.clock()))
    house.clock.pass_by(WAIT_SECONDS)
    assert chances_of(house).run_once()
    assert send(house) == 1
    assert house.states()["a.jpg"] == State.DONE


def test_it_looks_once_an_hour_and_at_once_after_a_clock_was_put_back(house: House) -> None:
    refused(house)
    chances = chances_of(house)
    house.clock.pass_by(WAIT_SECONDS - LOOK_SECONDS / 2)
    assert not chances.run_once()
    house.clock.pass_by(LOOK_SECONDS / 2)
    assert not chances.run_once(), "the last look was half an hour ago"
    house.clock.pass_by(LOOK_SECONDS / 2 + 1)
    assert chances.run_once()

    assert not chances.run_once()
    house.clock.pass_by(-30 * WAIT_SECONDS)
    house.uploaded("later.jpg")
    batch = house.items.claim_batch(worker="x", now=int(house.clock()), limit=9)
    (item,) = (one for one in batch if one.source_path == "later.jpg")
    house.items.fail(item, code="refused", message="no", now=int(house.clock()) - WAIT_SECONDS)
    assert chances.run_once()
