"""Any order of anything that workers, users and disks can do leaves every photo accounted for."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from photosync.domain.media import Finding
from photosync.domain.states import READY_STATES, State
from photosync.store.assumed import Assumed, AssumedFiles
from photosync.store.database import Database
from photosync.store.sightings import Sightings
from photosync.store.verified import Verified
from photosync.store.whereabouts import AllWhereabouts
from tests.store.conftest import NOW, Shelf, hashes_of

if TYPE_CHECKING:
    from photosync.domain.media import MediaItem

    Items = dict[int, MediaItem]

WORKERS = st.sampled_from(["mirror", "upload-1", "upload-2", "create"])
CONTENTS = st.sampled_from(["sea", "sun"])
GONE = ("vanished", "replaced")
CODES = st.sampled_from(["refused", "unreadable", "token_lost", *GONE])
STANDING = {State.MIRRORED, State.UPLOADED, State.DONE, State.FAILED}
AT_FAULT = ("unreadable", *GONE)
LARGEST = 5


class Queue(RuleBasedStateMachine):
    """Several workers, a user and two folders over one small database."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(Path(self.folder.name))
        self.database.migrate()
        self.database.connection().execute("PRAGMA synchronous = OFF")
        self.shelf = Shelf(self.database)
        self.shelf.sources.set_connected(self.shelf.there, connected=True, now=NOW)
        self.now = NOW
        self.leases: dict[int, MediaItem] = {}
        self.added = 0
        self.skipped: set[int] = set()

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    def _in_hand(self, data: st.DataObject) -> MediaItem:
        item = self.leases.pop(data.draw(st.sampled_from(sorted(self.leases))))
        assert self.shelf.item(item.id).leased_by == item.leased_by
        return item

    def _some(self, data: st.DataObject) -> list[int]:
        ids = st.sampled_from(range(1, self.added + 1))
        return data.draw(st.lists(ids, min_size=1, max_size=2, unique=True))

    @initialize(
        files=st.lists(st.tuples(st.booleans(), CONTENTS), min_size=3, max_size=LARGEST),
        read=st.integers(0, LARGEST),
    )
    def first_look(self, files: list[tuple[bool, str]], read: int) -> None:
        for here, _ in files:
            self._find(self.shelf.here if here else self.shelf.there, State.FOUND, None)
        for item in self.shelf.items.claim(State.FOUND, worker="mirror", now=NOW, limit=read):
            self._go_on(item, files[item.id - 1][1])

    @precondition(lambda self: self.added < LARGEST)
    @rule(held=st.booleans(), refused=st.booleans())
    def find(self, *, held: bool, refused: bool) -> None:
        first = State.HELD if held else State.FOUND
        self._find(self.shelf.here, first, ("unreadable", "no") if refused else None)

    def _find(self, source: int, first: State, refusal: tuple[str, str] | None) -> None:
        finding = Finding(f"{self.added}.jpg", self.added, 1, "image/jpeg", refusal)
        new = self.shelf.intake.add(source, [finding, finding], first=first, now=self.now)
        assert new == 1
        self.added += 1

    @rule(worker=WORKERS, state=st.sampled_from(READY_STATES), limit=st.integers(1, 3))
    def claim(self, worker: str, state: State, limit: int) -> None:
        for item in self.shelf.items.claim(state, worker=worker, now=self.now, limit=limit):
            self._leased(item, worker)

    @rule(worker=WORKERS)
    def claim_batch(self, worker: str) -> None:
        size, _ = self.shelf.items.next_batch(now=self.now)
        batch = self.shelf.items.claim_batch(worker=worker, now=self.now, limit=50)
        assert len(batch) == size
        for item in batch:
            self._leased(item, worker)

    def _leased(self, item: MediaItem, worker: str) -> None:
        assert item.id not in self.leases
        assert item.leased_by == worker
        assert item.not_before <= self.now
        self.leases[item.id] = item

    @rule(contents=st.lists(CONTENTS, min_size=1, max_size=LARGEST), worker=WORKERS)
    def read_some(self, contents: list[str], worker: str) -> None:
        limit = len(contents)
        items = self.shelf.items.claim(State.FOUND, worker=worker, now=self.now, limit=limit)
        for item, content in zip(items, contents, strict=False):
            self._go_on(item, content)

    @rule(state=st.sampled_from([State.MIRRORED, State.UPLOADED]), worker=WORKERS)
    def send_one(self, state: State, worker: str) -> None:
        for item in self.shelf.items.claim(state, worker=worker, now=self.now):
            self._go_on(item, "")

    def _go_on(self, item: MediaItem, content: str) -> None:
        if item.state == State.FOUND:
            self.shelf.items.mark_hashed(
                item,
                hashes_of(content),
                album=content if content == "sea" else "",
                taken_at=None,
                mirror_path=None,
                now=self.now,
            )
        elif item.state == State.MIRRORED:
            self.shelf.items.mark_uploaded(item, token=f"t{self.now}", now=self.now)
        else:
            self.shelf.items.mark_done(item, google_id=f"g{item.id}", now=self.now)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), content=CONTENTS)
    def go_on(self, data: st.DataObject, content: str) -> None:
        self._go_on(self._in_hand(data), content)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), wait=st.sampled_from([0, 30, 10**9]))
    def go_back(self, data: st.DataObject, wait: int) -> None:
        """A lost token, a copy that is not what was hashed, or a try that came to nothing."""
        item = self._in_hand(data)
        items, now = self.shelf.items, self.now
        if item.state == State.UPLOADED and wait == 0:
            items.send_again(item, not_before=now + 30, code="token_lost", message="m", now=now)
        elif item.state == State.MIRRORED and wait == 0:
            items.find_again(item, code="checksum_mismatch", message="m", now=now)
        else:
            items.defer(item, not_before=now + wait, code="offline", message="m", now=now)

    @rule(state=st.sampled_from([*READY_STATES, State.MIRRORED]), code=CODES)
    def try_and_fall_out(self, state: State, code: str) -> None:
        for item in self.shelf.items.claim(state, worker="w", now=self.now):
            self._fall_out(item, code)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), code=CODES)
    def fall_out(self, data: st.DataObject, code: str) -> None:
        self._fall_out(self._in_hand(data), code)

    def _fall_out(self, item: MediaItem, code: str) -> None:
        leave = self.shelf.items.skip if code in GONE else self.shelf.items.fail
        leave(item, code=code, message="m", now=self.now)

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.shelf.items.release(self._in_hand(data))

    @precondition(lambda self: self.leases)
    @rule(worker=WORKERS)
    def a_step_breaks_off(self, worker: str) -> None:
        mine = [key for key, item in self.leases.items() if item.leased_by == worker]
        assert self.shelf.items.release_of(worker) == len(mine)
        for key in mine:
            del self.leases[key]

    @rule()
    def restart(self) -> None:
        assert self.shelf.items.release_all() == len(self.leases)
        self.leases.clear()
        self.shelf.sources.disconnect_all()
        self.shelf = Shelf(self.database)

    @rule(connected=st.booleans())
    def plug(self, *, connected: bool) -> None:
        self.shelf.sources.set_connected(self.shelf.there, connected=connected, now=self.now)

    @rule(data=st.data(), verb=st.sampled_from(["skip", "choose", "retry", "retry"]))
    def user_says(self, data: st.DataObject, verb: str) -> None:
        ids = self._some(data)
        answer = getattr(self.shelf.choices, verb)(ids, now=self.now)
        assert sorted([*answer.changed, *answer.refused]) == sorted(ids)
        assert not set(answer.changed) & set(self.leases)
        if verb == "skip":
            self.skipped |= {*answer.changed, *answer.alike}
        if verb == "choose":
            self.skipped -= {*answer.changed, *answer.alike}

    @rule(data=st.data(), content=CONTENTS, is_watched=st.booleans())
    def import_says(self, data: st.DataObject, content: str, *, is_watched: bool) -> None:
        """A file with that content is taken as uploaded: one on record, or one from elsewhere."""
        item = self.shelf.item(self._some(data)[0])
        file = Assumed(f"/old/{content}", item.size_bytes, 1, hashes_of(content).sha256)
        if is_watched:
            finding = Finding(item.source_path, item.size_bytes, 1, "image/jpeg")
            file = replace(file, source_id=item.source_id, finding=finding)
        before = self._assumed()
        items = AssumedFiles(self.database).take([file], origin="folder", now=self.now)
        assert len(self._assumed() - before) == items
        assert not (self._assumed() - before) & self.leases.keys()

    def _assumed(self) -> set[int]:
        found = self.shelf.overview.items(state=State.SKIPPED, limit=1000)
        return {one.id for one in found if one.error_code == "assumed"}

    @rule(data=st.data())
    def look_at_all(self, data: st.DataObject) -> None:
        """A look at a whole source sees some of its files."""
        sightings = Sightings(self.database)
        sight = sightings.begin()
        seen = set(self._some(data))
        for one in seen:
            sight.see(one)
        sightings.end(self.shelf.here, sight, is_whole=True, now=self.now)
        found = AllWhereabouts(self.database).all(source_id=self.shelf.here)
        assert {one.id for one in found if one.is_seen} <= seen

    @rule(data=st.data(), first=st.sampled_from([State.FOUND, State.HELD]))
    def see_again(self, data: st.DataObject, first: State) -> None:
        ids = self._some(data)
        self.shelf.intake.revive([(one, "image/png") for one in ids], first=first, now=self.now)

    @rule(data=st.data(), again=st.booleans())
    def the_library_is_asked(self, data: st.DataObject, *, again: bool) -> None:
        verified = Verified(self.database)
        began = verified.begin(now=self.now)
        items = verified.next(began, limit=LARGEST)
        answers = st.lists(
            st.sampled_from([True, False, None]), min_size=len(items), max_size=len(items)
        )
        verified.note(zip(items, data.draw(answers), strict=True), now=max(began, self.now))
        assert verified.left(began) == 0
        verified.end()
        if again:
            missing = [one.id for one in verified.missing()]
            assert verified.send_again(now=self.now) == missing

    @rule(seconds=st.sampled_from([30, 3600, 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        self.shelf.items.drop_old_tokens(oldest=self.now - 82_800, now=self.now)

    @rule()
    def pause(self) -> None:
        self.shelf.control.pause("", now=self.now)
        for state in READY_STATES:
            assert self.shelf.items.claim(state, worker="w", now=self.now) == []
        assert self.shelf.items.claim_batch(worker="w", now=self.now, limit=50) == []
        self.shelf.control.resume(now=self.now)

    @invariant()
    def all_is_well(self) -> None:
        items = {item.id: item for item in self.shelf.overview.items(limit=1000)}
        self._every_item_is_counted_once(items)
        self._the_history_leads_to_the_state(items)
        self._equal_bytes_stand_once(items)
        self._a_duplicate_points_to_what_stands_for_its_bytes(items)
        self._what_the_user_left_out_is_not_sent(items)
        self._nobody_loses_a_lease_silently(items)
        self._what_is_ready_can_be_claimed(items)

    def _every_item_is_counted_once(self, items: Items) -> None:
        real: Counter[tuple[int, State]] = Counter()
        size: Counter[tuple[int, State]] = Counter()
        for item in items.values():
            real[item.source_id, item.state] += 1
            size[item.source_id, item.state] += item.size_bytes
        counts = self.shelf.overview.counts()
        told = {(one.source_id, one.state): one.items for one in counts.tallies if one.items}
        told_size = {(one.source_id, one.state): one.size_bytes for one in counts.tallies}
        assert told == dict(real)
        assert {key: value for key, value in told_size.items() if value} == dict(+size)
        assert counts.total() == self.added == sum(counts.items(state) for state in State)
        whereabouts = Counter(
            (one.source_id, one.state) for one in AllWhereabouts(self.database).all()
        )
        assert whereabouts == real
        sizes = sum(items[one].size_bytes for one in self._assumed())
        assert AssumedFiles(self.database).items() == (len(self._assumed()), sizes)

    def _the_history_leads_to_the_state(self, items: Items) -> None:
        at: dict[int, str | None] = dict.fromkeys(items)
        for event in self.database.rows("SELECT * FROM item_events ORDER BY id"):
            assert event["before"] == at[event["item_id"]]
            at[event["item_id"]] = event["after"]
        assert at == {item.id: item.state for item in items.values()}

    def _equal_bytes_stand_once(self, items: Items) -> None:
        sent = [
            item.sha256
            for item in items.values()
            if item.state in (State.MIRRORED, State.UPLOADED, State.DONE)
        ]
        assert len(sent) == len(set(sent))

    def _a_duplicate_points_to_what_stands_for_its_bytes(self, items: Items) -> None:
        for item in items.values():
            if item.state == State.DUPLICATE:
                assert item.duplicate_of is not None
                first = items[item.duplicate_of]
                assert first.state in STANDING
                assert first.sha256 == item.sha256
                assert first.state != State.FAILED or first.error_code not in AT_FAULT

    def _what_the_user_left_out_is_not_sent(self, items: Items) -> None:
        """Unless the user chose those bytes since, or they were on their way before."""
        for item in items.values():
            if item.id in self.skipped:
                assert item.state == State.SKIPPED

    def _nobody_loses_a_lease_silently(self, items: Items) -> None:
        real = {item.id: item.leased_by for item in items.values() if item.leased_by is not None}
        assert real == {key: item.leased_by for key, item in self.leases.items()}
        assert all(items[key].state == item.state for key, item in self.leases.items())
        assert all(item.state in READY_STATES for item in self.leases.values())
        assert self.shelf.overview.in_hand().keys() == real.keys()

    def _what_is_ready_can_be_claimed(self, items: Items) -> None:
        connected = {one.id for one in self.shelf.sources.all() if one.connected}
        free = [item for item in items.values() if item.leased_by is None]
        for state in READY_STATES:
            due = [
                item
                for item in free
                if item.state == state and item.not_before <= self.now
                if state == State.UPLOADED or item.source_id in connected
            ]
            assert self.shelf.overview.ready(state, now=self.now) == bool(due)
        waits = [
            item.not_before
            for item in free
            if item.state in READY_STATES and item.not_before > self.now
        ]
        aside = self.shelf.overview.put_aside(now=self.now)
        assert (aside.items, aside.next_at) == (len(waits), min(waits, default=None))


TestQueue = Queue.TestCase
TestQueue.settings = settings(
    max_examples=250,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
