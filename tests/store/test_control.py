"""Flags, problems, gates, bells, heartbeats; albums, sessions and sources beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import SourceKind
from photosync.domain.uploads import UploadSession
from photosync.store.albums import Album
from photosync.store.control import Beat, Control, DeadTokens, Problem
from photosync.store.database import Database
from photosync.store.sessions import UploadSessions
from photosync.store.sources import Sources
from tests.store.conftest import NOW, Shelf

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def control(database: Database) -> Control:
    return Control(database)


def problem(code: str, subject: str = "", gate: str = "", **other: object) -> Problem:
    facts: dict[str, object] = {"needs_user": True, "since": NOW, "until": None, **other}
    return Problem(code, subject, f"{code}!", "do", gate, **facts)  # type: ignore[arg-type]  # told by name


def test_flags_are_set_changed_and_dropped(control: Control) -> None:
    assert control.flag("a") is None
    control.set_flag("a", "1", now=NOW)
    control.set_flag("a", "2", now=NOW)
    assert control.flag("a") == "2"
    control.drop_flag("a")
    control.drop_flag("a")
    assert control.flag("a") is None


def test_a_pause_outlives_a_restart_and_is_taken_back_once(tmp_path: Path) -> None:
    with Database(tmp_path) as database:
        database.migrate()
        Control(database).pause("", now=NOW)
    with Database(tmp_path) as database:
        control = Control(database)
        control.start_afresh()
        assert control.flag("paused") == ""
        assert control.resume(now=NOW)
        assert not control.resume(now=NOW)


def test_every_ring_is_heard(control: Control) -> None:
    heard = [control.rung()]
    for ring in (control.ring, lambda now: control.pause("", now=now), control.resume):
        ring(now=NOW)
        heard.append(control.rung())

    assert len(set(heard)) == 4


def test_a_problem_is_told_once_and_keeps_its_first_time(control: Control) -> None:
    control.raise_problem(problem("disk_full"))
    control.raise_problem(problem("disk_full", since=NOW + 9, until=NOW + 10, needs_user=False))
    control.raise_problem(problem("disk_full", "other"))

    first, second = sorted(control.problems(), key=lambda one: one.subject)
    assert (first.since, first.until, first.needs_user) == (NOW, NOW + 10, False)
    assert second.subject == "other"
    control.clear_problem("disk_full")
    assert control.problems() == [second]


def test_what_needs_the_user_comes_first(control: Control) -> None:
    control.raise_problem(problem("a", needs_user=False, since=NOW - 9))
    control.raise_problem(problem("b", since=NOW))
    control.raise_problem(problem("c", since=NOW - 1))

    assert [one.code for one in control.problems()] == ["c", "b", "a"]


def test_the_gate_is_what_keeps_everything_from_google(control: Control) -> None:
    assert control.library_gates() == []
    assert not control.open_library_gate()
    control.raise_problem(problem("source_missing", "1", "source"))
    control.raise_problem(problem("offline", gate="library", needs_user=False))
    control.raise_problem(problem("auth_required", gate="library"))

    assert [one.code for one in control.library_gates()] == ["auth_required", "offline"]
    assert control.open_library_gate()
    assert [one.code for one in control.problems()] == ["source_missing"]


def test_a_fresh_start_keeps_the_gate_only(control: Control) -> None:
    control.raise_problem(problem("source_missing", "1", "source"))
    control.raise_problem(problem("disk_full"))
    control.raise_problem(problem("quota_exhausted", gate="library", until=NOW + 9))
    control.tell([Beat("upload-1", NOW, "upload")], rate=5, now=NOW)

    control.start_afresh()

    assert [one.code for one in control.problems()] == ["quota_exhausted"]
    assert control.heartbeats() == []


def test_heartbeats_are_replaced_as_a_whole(control: Control) -> None:
    one = Beat("upload-1", NOW, "upload", 4711, 5, 10)
    two = Beat("upload-2", NOW, "upload")
    control.tell([one, two], rate=1, now=NOW)
    assert control.heartbeats() == [one, two]
    control.tell([two, Beat("upload-2", NOW + 1, "upload")], rate=1, now=NOW)
    assert control.heartbeats() == [Beat("upload-2", NOW + 1, "upload")]
    control.forget_heartbeats()
    assert control.heartbeats() == []


def test_a_rate_is_only_true_for_a_while(control: Control) -> None:
    assert control.rate(now=NOW) == 0
    control.tell([], rate=12345, now=NOW)

    assert [control.rate(now=NOW + later) for later in (0, 10, 11)] == [12345, 12345, 0]


def test_dead_tokens_stay_dead(database: Database) -> None:
    tokens = DeadTokens(Control(database), clock=lambda: NOW + 0.5)
    assert not tokens.is_dead("abc")
    tokens.bury("abc")
    tokens.bury("abc")

    again = DeadTokens(Control(database), clock=lambda: 0.0)
    assert again.is_dead("abc")
    assert not again.is_dead("abd")


def test_an_album_is_begun_remembered_and_forgotten(shelf: Shelf) -> None:
    albums = shelf.albums
    assert albums.current("Sea") == Album("Sea")
    albums.begin("Sea", now=NOW)
    assert albums.current("Sea") == Album("Sea", began=True)
    albums.remember("Sea", "id-1", now=NOW)
    albums.begin("Sea", now=NOW)  # nothing is forgotten by beginning again
    assert albums.current("Sea") == Album("Sea", began=True, google_id="id-1")
    albums.remember("Sea", "id-2", now=NOW)
    assert albums.current("Sea") == Album("Sea", began=True, google_id="id-2")
    assert albums.current("sea") == Album("sea")
    albums.forget("Sea")
    albums.forget("Sea")
    assert albums.current("Sea") == Album("Sea")
    albums.remember("Sun", "id-3", now=NOW)
    assert albums.current("Sun") == Album("Sun", began=True, google_id="id-3")


def test_a_full_album_is_followed_by_the_next_one(shelf: Shelf) -> None:
    albums = shelf.albums
    long = "x" * 500
    for title, second in (("Sea", "Sea (2)"), (long, f"{'x' * 496} (2)")):
        albums.remember(title, "id-1", now=NOW)
        albums.grow(title, 3)
        albums.grow(title, 4)
        assert albums.current(title).items == 7
        albums.fill(title, now=NOW)
        assert albums.current(title) == Album(second)


def test_albums_of_an_earlier_life_are_adopted_once_and_overrule_none(shelf: Shelf) -> None:
    albums = shelf.albums
    albums.remember("Sea", "mine", now=NOW)
    assert not albums.has_adopted()
    albums.adopt({"Sea": ("other", 9), "Sun": ("old", 5)}, now=NOW)
    assert albums.has_adopted()
    assert albums.current("Sea").google_id == "mine"
    assert albums.current("Sun") == Album("Sun", began=True, google_id="old", items=5)


def test_a_session_is_kept_until_forgotten(shelf: Shelf) -> None:
    one, two = shelf.found("a", "b")
    sessions = UploadSessions(shelf.database)
    session = UploadSession("https://secret", 262_144, "f" * 64, NOW)
    assert sessions.load(one) is None
    sessions.save(one, session)
    sessions.save(two, session)
    newer = UploadSession("https://newer", 1, "e" * 64, NOW + 1)
    sessions.save(one, newer)

    assert (sessions.load(one), sessions.load(two)) == (newer, session)
    sessions.forget(one)
    sessions.forget(one)
    assert (sessions.load(one), sessions.load(two)) == (None, session)


def test_a_source_is_one_whatever_its_label(shelf: Shelf) -> None:
    register = shelf.sources.register
    again = register(SourceKind.FOLDER, "/here", label="new", album="{year}")

    assert (again.id, again.label, again.album, again.connected) == (
        shelf.here, "new", "{year}", True,
    )  # fmt: skip
    assert [one.id for one in shelf.sources.all()] == [shelf.here, shelf.there]


def test_a_source_remembers_when_it_was_last_there(shelf: Shelf) -> None:
    shelf.sources.set_connected(shelf.here, connected=True, now=NOW + 1)
    shelf.sources.set_connected(shelf.here, connected=False, now=NOW + 9)

    seen = {view.source.id: view for view in shelf.overview.sources()}
    assert seen[shelf.here].last_seen_at == NOW + 9  # until then it was
    assert not seen[shelf.here].source.connected
    assert seen[shelf.there].last_seen_at is None
    shelf.sources.set_connected(shelf.here, connected=True, now=NOW + 10)
    shelf.sources.still_there(now=NOW + 70)
    shelf.sources.disconnect_all()
    assert not any(one.connected for one in shelf.sources.all())
    shelf.sources.set_connected(shelf.here, connected=False, now=NOW + 99)  # nor was it here now
    seen = {view.source.id: view for view in shelf.overview.sources()}
    assert seen[shelf.here].last_seen_at == NOW + 70
    assert seen[shelf.there].last_seen_at is None


def test_whether_a_source_ever_held_anything(shelf: Shelf) -> None:
    assert not shelf.sources.has_items(shelf.here)
    shelf.found("a")
    assert shelf.sources.has_items(shelf.here)
    assert not shelf.sources.has_items(shelf.there)


def test_two_phones_of_one_model_have_names_of_their_own(database: Database) -> None:
    sources = Sources(database)
    first = sources.register_phone("R58M", label="Pixel 8")
    second = sources.register_phone("R59N", label="pixel 8", album="Trip")
    assert (first.label, second.label) == ("Pixel 8", "pixel 8 R59N")
    again = sources.register_phone("R59N", label="My new name")
    assert (again.id, again.label, again.album) == (second.id, "pixel 8 R59N", "Trip")
    assert sources.register_phone("R59N", label="x", album="").album == ""
