"""What lies where: looked after on this disk, added up as status does, at any size."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosync.app.reconciled import document, endangered
from photosync.app.reconciling import Asked, reconcile
from photosync.app.state import State as OpenState
from photosync.app.state import opened, source_named
from photosync.config import load
from photosync.domain.media import Finding, Hashes, SourceKind
from photosync.domain.states import State
from photosync.errors import SettingsError, Stopping
from photosync.store.assumed import Assumed, AssumedFiles
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.sightings import Sightings
from photosync.store.sources import Sources
from photosync.store.verified import Verified
from photosync.store.whereabouts import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.config import Settings

NOW = 1_700_000_000
MANY = 100_000
MOST_BYTES = 16 << 20


class Home:
    """A folder, a phone and a mirror, and items of both that stand as a test wants."""

    def __init__(self, folder: Path, state: OpenState, settings: Settings) -> None:
        self.state, self.settings = state, settings
        self.pictures, self.mirror = folder / "pictures", folder / "mirror"
        sources = Sources(state.database)
        register = sources.register
        self.folder = register(SourceKind.FOLDER, str(self.pictures), label="pictures", album="").id
        self.phone = register(SourceKind.PHONE, "X1", label="Pixel", album="").id
        for one in (self.folder, self.phone):
            sources.set_connected(one, connected=True, now=NOW)
        self.items = MediaItems(state.database)

    def put(self, name: str, *, on_phone: bool = False, content: str = "") -> int:
        """A file that is found, with its copy in the mirror if it is a phone's; its number."""
        data = (content or name).encode()
        root = self.mirror if on_phone else self.pictures
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (NOW, NOW))
        finding = Finding(name, len(data), NOW * 10**9, "image/jpeg")
        source = self.phone if on_phone else self.folder
        Intake(self.state.database).add(source, [finding], first=State.FOUND, now=NOW)
        return self.state.overview.items_at(source, name)[0].id

    def move(self, number: int, state: State, *, content: str = "") -> None:
        """On to mirrored, uploaded, done, failed or skipped."""
        item = self.state.overview.item(number)
        if state in (State.FOUND, State.HELD):
            return
        item = self.items.claim(State.FOUND, worker="w", now=NOW)[0]
        assert item.id == number
        if state == State.SKIPPED:
            self.items.skip(item, code="vanished", message="m", now=NOW)
            return
        data = (content or item.source_path).encode()
        hashes = Hashes(len(data), hashlib.sha256(data).hexdigest(), "0" * 40)
        copy = item.source_path if item.source_id == self.phone else None
        became = self.items.mark_hashed(
            item, hashes, album="", taken_at=None, mirror_path=copy, now=NOW
        )
        if became == State.MIRRORED and state != State.MIRRORED:
            (item,) = self.items.claim(State.MIRRORED, worker="w", now=NOW)
            if state == State.FAILED:
                self.items.fail(item, code="refused", message="m", now=NOW)
                return
            self.items.mark_uploaded(item, token="t", now=NOW)
            if state == State.DONE:
                (item,) = self.items.claim_batch(worker="w", now=NOW, limit=1)
                self.items.mark_done(item, google_id=f"g{number}", now=NOW)

    def report(self, **asked: Any) -> dict[str, Any]:
        found = reconcile(self.settings, self.state, Asked(**asked), halt=Event())
        return document(found)


def home_in(folder: Path) -> tuple[Settings, Path]:
    (folder / "pictures").mkdir(parents=True)
    (folder / "mirror").mkdir()
    config = folder / "config.toml"
    config.write_text(
        f'state_dir = "{folder}/state"\n[mirror]\npath = "{folder}/mirror"\n'
        f'[[folder]]\npath = "{folder}/pictures"\n'
    )
    return load(config, {}), folder


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    settings, folder = home_in(tmp_path / "home")
    with opened(settings) as state:
        yield Home(folder, state, settings)


def row(found: dict[str, Any], source: str) -> dict[str, Any]:
    (one,) = [one for one in found["sources"] if one["label"] == source]
    kept = ("items", "at_source", "mirror", "backup", "library", "assumed", "one_place", "nowhere")
    return {name: one[name] for name in kept if one[name]}


def alone(found: dict[str, Any]) -> dict[str, int]:
    return {one["places"][0]: one["items"] for one in found["one_place"]}


def test_a_phones_photo_lies_on_it_in_the_mirror_and_in_the_library(home: Home) -> None:
    home.move(home.put("DCIM/a.jpg", on_phone=True), State.DONE)

    found = home.report()

    assert row(found, "Pixel") == {"items": 1, "at_source": 1, "mirror": 1, "library": 1}
    assert endangered(found) == 0


def test_what_is_not_copied_yet_is_on_the_phone_only(home: Home) -> None:
    home.put("DCIM/a.jpg", on_phone=True)

    found = home.report()

    assert alone(found) == {"phone": 1}
    assert found["one_place"][0]["why"] == "It was not copied yet."
    assert found["one_place"][0]["examples"][0]["path"] == "DCIM/a.jpg"


def test_a_copy_that_was_deleted_does_not_count(home: Home) -> None:
    home.move(home.put("DCIM/a.jpg", on_phone=True), State.MIRRORED)
    (home.mirror / "DCIM/a.jpg").unlink()

    assert alone(home.report()) == {"phone": 1}


def test_what_the_phone_does_not_show_any_more_is_in_the_mirror_only(home: Home) -> None:
    home.move(home.put("DCIM/a.jpg", on_phone=True), State.MIRRORED)
    sightings = Sightings(home.state.database)
    sightings.end(home.phone, sightings.begin(), is_whole=True, now=NOW)

    found = home.report()

    assert alone(found) == {"mirror": 1}
    (phone,) = [one for one in found["sources"] if one["label"] == "Pixel"]
    assert (phone["looked_at"], phone["seen"]) == ("2023-11-14T22:13:20Z", "last look")


def test_a_file_that_was_deleted_here_is_in_the_library_only(home: Home) -> None:
    home.move(home.put("a.jpg"), State.DONE)
    (home.pictures / "a.jpg").unlink()

    found = home.report()

    assert alone(found) == {"library": 1}
    assert "backup.to" in found["one_place"][0]["cure"]


def test_gone_from_the_library_and_from_here_is_nowhere(home: Home) -> None:
    home.move(home.put("a.jpg"), State.DONE)
    (home.pictures / "a.jpg").unlink()
    verified = Verified(home.state.database)
    held = verified.next(verified.begin(now=NOW), limit=10)
    verified.note([(one, False) for one in held], now=NOW + 1)

    found = home.report()

    assert [one["items"] for one in found["nowhere"]] == [1]
    assert "gone from everywhere" in found["nowhere"][0]["why"]
    assert endangered(found) == 1


def test_a_duplicate_is_in_the_library_with_its_first(home: Home) -> None:
    home.move(home.put("a.jpg", content="same"), State.DONE, content="same")
    home.move(home.put("b.jpg", content="same"), State.DONE, content="same")

    found = home.report()

    assert found["items"]["duplicate"] == 1
    assert row(found, "pictures") == {"items": 2, "at_source": 2, "library": 2}


def test_a_version_that_was_gone_before_it_was_read_endangers_nobody(home: Home) -> None:
    home.move(home.put("a.jpg"), State.SKIPPED)
    (home.pictures / "a.jpg").unlink()

    found = home.report()

    assert [one["is_past"] for one in found["nowhere"]] == [True]
    assert endangered(found) == 0
    assert found["stopped"] == []


def test_what_is_taken_as_uploaded_is_not_in_the_library(home: Home) -> None:
    home.put("a.jpg")
    sha256 = hashlib.sha256(b"a.jpg").hexdigest()
    finding = Finding("a.jpg", 5, NOW * 10**9, "image/jpeg")
    file = Assumed(str(home.pictures / "a.jpg"), 5, NOW * 10**9, sha256, home.folder, finding)
    AssumedFiles(home.state.database).take([file], origin="folder", now=NOW)

    found = home.report()

    assert row(found, "pictures") == {"items": 1, "at_source": 1, "assumed": 1, "one_place": 1}
    assert "no proof" in found["stopped"][0]["why"]


def test_check_reads_what_lies_here(home: Home) -> None:
    home.move(home.put("DCIM/a.jpg", on_phone=True), State.DONE)
    home.move(home.put("b.jpg"), State.DONE)
    file = home.mirror / "DCIM/a.jpg"
    file.write_bytes(b"X" * file.stat().st_size)
    assert home.report()["damaged"]["items"] == 0

    found = home.report(check=True)

    assert found["damaged"]["items"] == 1
    assert found["damaged"]["examples"][0]["path"] == "DCIM/a.jpg"
    assert row(found, "Pixel") == {"items": 1, "at_source": 1, "library": 1}
    assert row(found, "pictures") == {"items": 1, "at_source": 1, "library": 1}


def test_check_stops_when_it_is_asked_to(home: Home) -> None:
    home.move(home.put("b.jpg"), State.DONE)
    halt = Event()
    halt.set()

    with pytest.raises(Stopping):
        reconcile(home.settings, home.state, Asked(check=True), halt=halt)


def test_disks_that_are_away_are_counted_by_the_record_and_said_to_be(home: Home) -> None:
    home.move(home.put("DCIM/a.jpg", on_phone=True), State.DONE)
    home.move(home.put("b.jpg"), State.DONE)
    home.mirror.rename(home.mirror.with_name("unplugged"))
    home.pictures.rename(home.pictures.with_name("away"))

    found = home.report()

    assert row(found, "Pixel") == {"items": 1, "at_source": 1, "mirror": 1, "library": 1}
    assert row(found, "pictures") == {"items": 1, "at_source": 1, "library": 1}
    assert not found["mirror"]["there"]
    assert [one["seen"] for one in found["sources"]] == ["last look", "last look"]


def test_one_source_alone(home: Home) -> None:
    home.put("DCIM/a.jpg", on_phone=True)
    home.put("b.jpg")

    found = home.report(source_id=source_named(home.state, "Pixel").id)

    assert [one["label"] for one in found["sources"]] == ["Pixel"]
    assert found["items"]["total"] == 1
    with pytest.raises(SettingsError, match="no source 'Nokia'"):
        source_named(home.state, "Nokia")


def test_the_second_copy_counts_once_it_was_read_back_and_while_it_is_not_lost(
    home: Home,
) -> None:
    contents = ["kept", "begun", "lost", "in an old one"]
    for name in contents:
        home.move(home.put(name), State.DONE)
        (home.pictures / name).unlink()
    assert "backup" not in row(home.report(), "pictures")
    with home.state.database.write() as connection:
        connection.execute(
            "INSERT INTO backup_targets (id, address, wanted) VALUES (1, 'here', 1), (2, 'old', 0)"
        )
        for name, target, verified, lost in zip(
            contents, (1, 1, 1, 2), (5, 0, 5, 5), (0, 0, 1, 0), strict=True
        ):
            digest = hashlib.sha256(name.encode()).hexdigest()
            connection.execute(
                "INSERT INTO backups (target_id, sha256, path, name, size_bytes, stored_bytes,"
                " stored_sha256, is_sealed, mtime_ns, made_at, verified_at, is_lost)"
                " VALUES (:target, :sha256, x'61', x'61', 1, 1, :sha256, 0, 0, 0, :ok, :lost)",
                {"target": target, "sha256": digest, "ok": verified, "lost": lost},
            )

    found = home.report()

    assert found["backup"]["there"]
    assert row(found, "pictures") == {"items": 4, "library": 4, "backup": 1, "one_place": 3}
    assert alone(found) == {"library": 3}
    plan = home.state.database.rows(f"EXPLAIN QUERY PLAN {PAGE}", {
        "before": 1, "source_id": None, "limit": 1})  # fmt: skip
    assert not [one["detail"] for one in plan if one["detail"].startswith("SCAN backups")]


FATES = st.sampled_from(
    [State.FOUND, State.MIRRORED, State.UPLOADED, State.DONE, State.FAILED, State.SKIPPED]
)


@given(
    st.lists(st.tuples(st.booleans(), FATES, st.sampled_from("xyz"), st.booleans()), max_size=12)
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_its_totals_are_those_of_status(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[bool, State, str, bool]]
) -> None:
    wanted, folder = home_in(tmp_path_factory.mktemp("world") / "home")
    with opened(wanted) as state:
        home = Home(folder, state, wanted)
        waiting = 0
        for number, (on_phone, fate, content, is_deleted) in enumerate(files):
            if fate == State.FOUND:
                waiting += 1  # put at the end, or it would be claimed out of turn
                continue
            name = f"{content}/{number}.jpg"
            home.move(home.put(name, on_phone=on_phone, content=content), fate, content=content)
            if is_deleted:
                ((home.mirror if on_phone else home.pictures) / name).unlink()
        for number in range(waiting):
            home.put(f"waits/{number}.jpg")
        found, counts = home.report(), state.overview.counts()

        assert found["items"] == {
            **{str(one): counts.items(one) for one in State},
            "total": counts.total(),
        }
        size_bytes = sum(counts.size_bytes(one) for one in State)
        assert found["in_all"]["bytes"] == size_bytes
        for rows in (found["folders"], found["months"], found["sources"]):
            assert sum(one["items"] for one in rows) == counts.total()
            assert sum(one["bytes"] for one in rows) == size_bytes
        assert {one["id"]: one["items"] for one in found["sources"]} == {
            view.source.id: counts.total(view.source.id) for view in state.overview.sources()
        }


FILL = """
    WITH RECURSIVE numbers (n) AS (
        SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count
    )
    INSERT INTO media_items (source_id, source_path, size_bytes, source_mtime_ns, mime_type,
        sha256, found_at, updated_at)
    SELECT iif(n % 2, :phone, :folder), CAST('DCIM/' || (n / 1000) || '/' || n || '.jpg' AS BLOB),
        3000000, n * 10000000000000, 'image/jpeg', printf('%064x', n), :now, :now
    FROM numbers
"""


def test_a_hundred_thousand_items_take_little_memory(home: Home) -> None:
    values = {"count": MANY, "phone": home.phone, "folder": home.folder, "now": NOW}
    with home.state.database.write() as connection:
        connection.execute(FILL, values)
    tracemalloc.start()
    try:
        found = home.report()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found["items"]["total"] == MANY
    assert len(found["folders"]) == 2 * (MANY // 1000 + 1) - 1
    assert peak < MOST_BYTES
