"""What people are told, out of a real database, by a clock that the test sets."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from photosync import config
from photosync.app import noticing, signs
from photosync.app.noticing import STAMP, Noticing, telling_of_the_end
from photosync.app.standing import problems_of
from photosync.app.state import opened
from photosync.daemon import lock
from photosync.domain.media import Finding, Hashes, SourceKind
from photosync.domain.states import State
from photosync.errors import AlreadyRunning, DatabaseDamaged, SignInRequired
from photosync.notify import pinging, sending
from photosync.notify.sending import Delivery
from photosync.store.control import Problem
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from photosync.app.state import State as OpenState
    from photosync.config import Settings

START = 1_800_000_000
MINUTE, HOUR, DAY = 60, 3600, 86_400
ONE, OTHER, PING = "json://one.example/hush", "ntfy://other.example/hush", "https://hc.example/hush"


@dataclass
class House:
    """A database, those who are told, and the time."""

    settings: Settings
    state: OpenState
    at: float = START
    deaf: set[str] = field(default_factory=set)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    pinged: list[tuple[bool, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sources = Sources(self.state.database)
        self.items = MediaItems(self.state.database)
        self.start()

    def start(self) -> None:
        """As a daemon that is started anew."""
        self.noticing = Noticing(
            self.settings, self.state, deliver=self._deliver, ping=self._ping, clock=lambda: self.at
        )

    def _deliver(self, urls: Sequence[str], title: str, body: str) -> list[Delivery]:
        self.told += [(one, title, body) for one in urls if one not in self.deaf]
        return [Delivery(one, "it is deaf" if one in self.deaf else "") for one in urls]

    def _ping(self, _: str, *, is_well: bool, text: str) -> str:
        if PING in self.deaf:
            return "it cannot be reached"
        self.pinged.append((is_well, text))
        return ""

    def pass_by(self, seconds: float, step: float = MINUTE) -> None:
        """Look every minute until then."""
        ends = self.at + seconds
        while self.at < ends:
            self.at = min(self.at + step, ends)
            self.noticing.run_once()

    def titles(self) -> list[str]:
        """What the first address heard since the last time."""
        heard = [title.split(" ", 3)[3] for url, title, _ in self.told if url == ONE]
        self.told.clear()
        return heard

    def problem(self, code: str = "storage_full", message: str = "It is full.") -> None:
        problem = Problem(
            code, "", message, "Make room.", "library", needs_user=True, since=1, until=None
        )
        self.state.control.raise_problem(problem)

    def add(self, name: str, source: int) -> None:
        found = Finding(name, 5, 5, "image/jpeg")
        Intake(self.state.database).add(source, [found], first=State.FOUND, now=int(self.at))

    def folder(self) -> int:
        one = self.sources.register(SourceKind.FOLDER, "/pictures", label="pictures", album="")
        self.sources.set_connected(one.id, connected=True, now=int(self.at))
        return one.id

    def phone(self, *, connected: bool = True) -> int:
        one = self.sources.register_phone("S1", label="Pixel")
        self.sources.set_connected(one.id, connected=True, now=int(self.at))
        if not connected:
            self.sources.set_connected(one.id, connected=False, now=int(self.at))
        return one.id

    def work(self, *, fails: bool = False) -> None:
        """One item to its end."""
        now = int(self.at)
        (item,) = self.items.claim(State.FOUND, worker="w", now=now)
        if fails:
            self.items.fail(item, code="empty", message=f"{item.source_path} is empty.", now=now)
            return
        self.items.mark_hashed(
            item,
            Hashes(5, f"{item.id:064}", f"{item.id:040}"),
            album="",
            taken_at=None,
            mirror_path=None,
            now=now,
        )
        (item,) = self.items.claim(State.MIRRORED, worker="w", now=now)
        self.items.mark_uploaded(item, token=f"t{item.id}", now=now)
        (item,) = self.items.claim_batch(worker="w", now=now, limit=50)
        self.items.mark_done(item, google_id=f"g{item.id}", now=now)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(
        f'[notify]\nurls = ["{ONE}"]\non = ["blocked", "failed", "done", "phone"]\n'
        'nothing_new = "10d"\n[[folder]]\npath = "/pictures"\n'
    )
    settings = config.load(file, {"HOME": str(tmp_path)})
    settings.state_dir.mkdir(mode=0o700, parents=True)
    settings.google.token_file.write_text("{}")
    settings.google.token_file.chmod(0o600)
    return settings


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    with lock.held(settings.state_dir, now=START), opened(settings, lambda: START) as state:
        yield House(settings, state)


def with_rules(house: House, **rules: Any) -> None:
    house.settings = replace(house.settings, notify=replace(house.settings.notify, **rules))
    house.start()


def test_what_passes_within_a_minute_disturbs_nobody(house: House) -> None:
    house.problem()
    house.pass_by(50, step=5)
    house.state.control.clear_problem("storage_full")
    house.pass_by(HOUR)
    assert house.titles() == []


def test_what_lasts_is_told_once_also_by_a_daemon_that_is_started_again(house: House) -> None:
    house.problem()
    house.pass_by(5 * MINUTE)
    ((_, title, body),) = house.told
    assert title.startswith("photosync on ")
    assert title.endswith(" needs you")
    assert body == "It is full. Make room."
    house.told.clear()
    for _ in range(5):
        house.start()
        house.pass_by(HOUR)
    assert house.titles() == []
    house.state.control.clear_problem("storage_full")
    house.pass_by(5 * MINUTE)
    assert house.titles() == ["goes on"]


def test_what_a_problem_says_is_shown_and_not_obeyed(house: House) -> None:
    house.problem(message="\x1b[2Jclear\nya29.hush-hush")
    house.pass_by(2 * MINUTE)
    ((_, _, body),) = house.told
    assert body == "\\x1b[2Jclear\\nya29.*** Make room."


def test_failures_and_what_is_done(house: House) -> None:
    source = house.folder()
    house.pass_by(MINUTE)
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg"):
        house.add(name, source)
    for fails in (False, True, True):
        house.work(fails=fails)
    house.pass_by(5 * MINUTE)
    assert [(title.split(" ", 3)[3], body) for _, title, body in house.told] == [
        (
            "could not back up 2 photos",
            "2 x b.jpg is empty.\nAll of them: photosync list --state failed",
        )
    ]
    house.told.clear()
    house.work()
    house.pass_by(5 * MINUTE)
    assert house.titles() == ["put 2 photos into your library"]


def test_a_phone_that_is_copied_or_needs_something(house: House) -> None:
    phone = house.phone()
    house.pass_by(MINUTE)
    house.add("DCIM/a.jpg", phone)
    house.pass_by(2 * MINUTE)
    assert house.titles() == []
    house.work()
    house.pass_by(MINUTE)
    (copied,) = [body for _, title, body in house.told if "has copied" in title]
    assert copied == "Pixel: 1 photo is copied. It may be unplugged."
    house.told.clear()
    house.problem("phone_unauthorized", "A phone waits.")
    house.pass_by(2 * HOUR)
    assert house.titles() == ["put a photo into your library", "needs you"]


def test_the_end_of_a_sign_in_is_told_a_day_before(house: House) -> None:
    house.state.control.sign_in_ends(START + 3 * DAY, now=START)
    house.pass_by(1.9 * DAY, step=HOUR)
    assert house.titles() == []
    house.pass_by(DAY / 2, step=HOUR)
    assert "Google ends this sign-in on" in house.told[0][2]


def test_a_phone_that_was_not_here_for_long_is_missed_once(house: House) -> None:
    house.phone(connected=False)
    house.pass_by(29.5 * DAY, step=HOUR)
    assert house.titles() == []
    house.pass_by(20 * DAY, step=HOUR)
    assert house.told == [
        (
            ONE,
            house.told[0][1],
            (
                "The phone Pixel was not here for 30 days. Plug it in. If it is gone for good,"
                " name the others in phone.serials."
            ),
        )
    ]
    (problem,) = problems_of(house.settings, house.state, now=int(house.at))
    assert (problem.code, problem.needs_user) == ("phone_unseen", True)
    assert problem.since == START + 30 * DAY


def test_a_phone_that_stays_plugged_in_is_seen(house: House) -> None:
    phone = house.phone()
    house.pass_by(40 * DAY, step=HOUR)
    assert house.titles() == []
    house.sources.set_connected(phone, connected=False, now=int(house.at))
    house.pass_by(DAY, step=HOUR)
    assert house.titles() == []


def test_a_phone_that_the_settings_leave_out_is_not_missed(house: House) -> None:
    house.phone(connected=False)
    house.settings = replace(house.settings, phone=replace(house.settings.phone, serials=("S2",)))
    house.start()
    house.pass_by(40 * DAY, step=HOUR)
    assert house.titles() == []


def test_work_that_waits_while_nothing_is_finished(house: House) -> None:
    source = house.folder()
    house.add("a.jpg", source)
    house.add("b.jpg", source)
    house.pass_by(2.9 * DAY, step=HOUR)
    house.work()  # that is a sign of life
    house.pass_by(2.9 * DAY, step=HOUR)
    assert [one for one in house.titles() if "worried" in one] == []
    house.pass_by(DAY, step=HOUR)
    assert house.titles() == ["is worried"]
    (problem,) = problems_of(house.settings, house.state, now=int(house.at))
    assert problem.message == "1 photo waits, and none reached the library for 3 days."
    house.work()
    house.pass_by(HOUR)
    assert problems_of(house.settings, house.state, now=int(house.at)) == []


def test_what_waits_on_a_phone_that_is_away_is_no_standstill(house: House) -> None:
    phone = house.phone()
    house.add("a.jpg", phone)
    house.sources.set_connected(phone, connected=False, now=START)
    house.pass_by(5 * DAY, step=HOUR)
    assert signs.reachable(house.state) == 0
    assert house.titles() == []


def test_nothing_new_for_long(house: House) -> None:
    source = house.folder()
    house.add("a.jpg", source)
    house.work()
    house.pass_by(9.9 * DAY, step=HOUR)
    house.add("b.jpg", source)
    house.work()
    house.pass_by(9.9 * DAY, step=HOUR)
    assert "is worried" not in house.titles()
    house.pass_by(DAY, step=HOUR)
    assert house.titles() == ["is worried"]


def test_one_address_that_does_not_answer_hears_of_it_later(house: House) -> None:
    with_rules(house, urls=(ONE, OTHER))
    house.deaf = {OTHER}
    house.problem()
    house.pass_by(10 * MINUTE)
    assert [url for url, _, _ in house.told] == [ONE]
    codes = {one.code: one for one in house.state.control.problems()}
    assert codes["notify_failed"].message == (
        "A notice could not be sent to ntfy://***: it is deaf."
    )
    house.deaf.clear()
    house.pass_by(2 * HOUR)
    assert [url for url, _, _ in house.told] == [ONE, OTHER]
    assert {one.code for one in house.state.control.problems()} == {"storage_full"}


def test_where_nobody_answers_it_is_tried_less_and_less(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    house.deaf = {ONE}
    house.problem()
    house.pass_by(DAY)
    assert 10 < caplog.text.count("notice.unsent") < 35
    assert "hush" not in caplog.text
    house.deaf.clear()
    house.pass_by(HOUR)
    assert house.titles() == ["needs you"]


def test_a_sign_of_life_each_hour_and_at_once_when_something_is_wrong(house: House) -> None:
    with_rules(house, urls=(), ping=PING)
    house.pass_by(3 * HOUR)
    assert house.pinged == [(True, "All is well.")] * 3
    house.problem()
    house.pass_by(3 * MINUTE)
    house.state.control.clear_problem("storage_full")
    house.pass_by(3 * MINUTE)
    assert house.pinged[-2:] == [(False, "It is full. Make room."), (True, "All is well.")]


def test_a_sign_of_life_that_is_not_heard_is_a_problem_and_no_storm(house: House) -> None:
    with_rules(house, urls=(), ping=PING)
    house.deaf = {PING}
    house.pass_by(DAY)
    (problem,) = house.state.control.problems()
    assert problem.message == "A sign of life to https://*** was not heard: it cannot be reached."
    assert not problem.needs_user
    house.deaf.clear()
    house.pass_by(HOUR)
    assert house.pinged[0] == (True, "All is well.")
    assert house.state.control.problems() == []


def test_failures_are_named_in_the_sign_of_life(house: House) -> None:
    with_rules(house, urls=(), ping=PING)
    house.add("a.jpg", house.folder())
    house.work(fails=True)
    house.pass_by(MINUTE)
    assert house.pinged == [(True, "All is well.\n1 failed: photosync list --state failed")]


def test_where_nobody_is_to_be_told_little_is_done(house: House) -> None:
    with_rules(house, urls=(), ping="")
    house.add("a.jpg", house.folder())
    house.pass_by(4 * DAY, step=30)
    (problem,) = problems_of(house.settings, house.state, now=int(house.at))
    assert problem.code == "nothing_done"
    assert (house.told, house.pinged) == ([], [])


def test_the_end_of_a_run_is_told_as_it_is(house: House) -> None:
    house.problem()
    house.noticing.look(settled=True)
    assert house.titles() == ["needs you"]


def test_several_photosyncs_are_told_apart(house: House) -> None:
    file = house.settings.file
    assert file is not None
    house.settings = replace(house.settings, file=file.with_name("anna.toml"))
    house.start()
    house.problem()
    house.noticing.look(settled=True)
    assert house.told[0][1].endswith(" (anna) needs you")


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> House:
    """Who is told, without a database at hand."""
    heard = House.__new__(House)
    heard.told, heard.pinged, heard.deaf, heard.at = [], [], set(), START
    monkeypatch.setattr(
        sending, "deliver", lambda urls, title, body, **_: heard._deliver(urls, title, body)
    )
    monkeypatch.setattr(pinging, "ping", heard._ping)
    return heard


def end_badly(house: House, ends: House) -> None:
    with telling_of_the_end(house.settings, lambda: ends.at) as telling:
        telling.state = house.state
        raise SignInRequired("Not signed in.")


def test_an_error_that_ends_the_program_is_told_once_a_day(house: House, ends: House) -> None:
    with_rules(house, ping=PING)
    for _ in range(3):
        with pytest.raises(SignInRequired):
            end_badly(house, ends)
        ends.at += HOUR
    assert [body for _, _, body in ends.told] == ["Not signed in. Sign in: photosync auth"]
    assert ends.pinged[0] == (False, "Not signed in. Sign in: photosync auth")


def test_an_end_is_told_whatever_was_told_before_it(house: House, ends: House) -> None:
    house.problem()
    house.pass_by(5 * MINUTE)
    assert house.titles() == ["needs you"]
    ends.at = house.at
    with pytest.raises(SignInRequired):
        end_badly(house, ends)
    assert len(ends.told) == 1


def test_what_is_held_on_a_phone_is_not_copied(house: House) -> None:
    phone = house.phone()
    house.pass_by(2 * MINUTE)
    found = Finding("DCIM/a.jpg", 5, 5, "image/jpeg")
    Intake(house.state.database).add(phone, [found], first=State.HELD, now=int(house.at))
    house.pass_by(2 * HOUR)
    assert house.titles() == []


def test_without_a_database_a_file_keeps_it_to_one_an_hour(
    settings: Settings, ends: House, tmp_path: Path
) -> None:
    settings = replace(settings, notify=replace(settings.notify, ping=PING))
    for _ in range(10):
        with pytest.raises(DatabaseDamaged), telling_of_the_end(settings, lambda: ends.at):
            raise DatabaseDamaged("The database is damaged.", hint="Restore it.")
        ends.at += 10 * MINUTE
    assert [body for _, _, body in ends.told] == ["The database is damaged. Restore it."] * 2
    assert len(ends.pinged) == 2
    assert (settings.state_dir / STAMP).exists()


def test_a_state_folder_that_cannot_be_written_does_not_hide_the_error(
    settings: Settings, ends: House, caplog: pytest.LogCaptureFixture
) -> None:
    missing = replace(settings, state_dir=settings.state_dir / "gone")
    ends.deaf = {ONE}
    with pytest.raises(DatabaseDamaged), telling_of_the_end(missing, lambda: ends.at):
        raise DatabaseDamaged("The database is damaged.")
    assert "notice.unstamped" in caplog.text
    assert "notice.unsent kind=blocked reason=json://***: it is deaf" in caplog.text


def test_a_notice_that_cannot_be_put_on_record_does_not_hide_the_error(
    house: House, ends: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DatabaseDamaged("It is damaged too.")

    monkeypatch.setattr(noticing.Noticing, "tell_of_end", fail)
    with pytest.raises(SignInRequired):
        end_badly(house, ends)
    assert "It is damaged too." in caplog.text


def test_what_is_no_end_is_not_told(settings: Settings, ends: House) -> None:
    with pytest.raises(AlreadyRunning), telling_of_the_end(settings, lambda: ends.at):
        raise AlreadyRunning("Another one runs.")
    quiet = replace(settings, notify=config.NotifySettings())
    with pytest.raises(DatabaseDamaged), telling_of_the_end(quiet, lambda: ends.at):
        raise DatabaseDamaged("The database is damaged.")
    assert ends.told == []


def test_everything_that_is_kept_is_plain_text(house: House) -> None:
    house.problem()
    house.pass_by(5 * MINUTE)
    kept = house.state.control.flag("notice_blocked")
    assert kept is not None
    assert json.loads(kept)[1].keys() == {"storage_full "}
    assert "hush" not in os.fsdecode((house.settings.state_dir / "photosync.db").read_bytes())
