"""What became of an item, which rule or error decided, and what would change it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from photosync import errors
from photosync.app.leaving import TakenToday
from photosync.app.standing import problems_of
from photosync.app.times import local
from photosync.app.waits import waits_for
from photosync.daemon import lock
from photosync.domain.backups import ASSUMED
from photosync.domain.fates import Fate, Verdict, left_out
from photosync.domain.media import readable
from photosync.domain.shots import OTHER_PART
from photosync.domain.states import READY_STATES, State
from photosync.store.second_chances import SecondChances

if TYPE_CHECKING:
    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.domain.media import MediaItem, Source
    from photosync.domain.reasons import Reason
    from photosync.store.control import Problem

PHOTO_URL = "https://photos.google.com/lr/photo/"
"""Before the id (google-photos-api.md §3.1, productUrl)."""

BY_SIGHT = ("excluded", "vanished", "replaced")
DOES = {State.FOUND: "read", State.MIRRORED: "uploaded", State.UPLOADED: "put into the library"}
HINTS = {
    one.code: one.default_hint
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, errors.ItemError)
}


@dataclass(frozen=True)
class Record:
    """What is on record, at one moment. ``running``: whether a daemon is at work."""

    settings: Settings
    state: OpenState
    running: bool
    problems: tuple[Problem, ...]
    sources: dict[int, Source]

    def label(self, item: MediaItem) -> str:
        """What the source of an item is called."""
        return self.sources[item.source_id].label


def record_of(settings: Settings, state: OpenState) -> Record:
    """Everything that fates follow from."""
    return Record(
        settings,
        state,
        lock.holder(settings.state_dir) is not None,
        tuple(problems_of(settings, state, now=state.now())),
        {view.source.id: view.source for view in state.overview.sources()},
    )


def fate_of(record: Record, item: MediaItem, *, lies_there: bool, reason: Reason | None) -> Fate:
    """What became of an item.

    ``lies_there``: that very version of the file was seen just now, and ``reason`` is why a look
    would leave it out today, None if it would not.
    """
    if item.state == State.DUPLICATE:
        return _duplicate(record, item)
    if item.state == State.SKIPPED:
        return _skipped(record, item, lies_there=lies_there, reason=reason)
    if item.state == State.FAILED:
        return _failed(record, item)
    if item.state not in READY_STATES:
        return _STANDING[item.state](item)
    if reason is not None and not record.running:
        return left_out(reason)  # the settings have changed: the next start leaves it out
    return _under_way(record, item)


def not_seen(*, running: bool) -> Fate:
    """A file that lies there to be taken, and is not on record."""
    if not running:
        message = "photosync has not seen it yet, for it is not running."
        return Fate(Verdict.ACT, "not_seen", message, cure="photosync run")
    message = "photosync has not seen it yet: it is found within seconds, or at the next look."
    return Fate(Verdict.TAKEN, "not_seen", message)


def failed(code: str, message: str) -> Fate:
    """A file that cannot be uploaded as it is."""
    return Fate(Verdict.FAILED, code, message, f"error {code}", HINTS.get(code, ""))


def _done(item: MediaItem) -> Fate:
    at = local(item.updated_at)
    message = f"It is in the library since {at}, as {item.file_name}: {PHOTO_URL}{item.google_id}"
    return Fate(Verdict.TAKEN, "done", message)


def _held(item: MediaItem) -> Fate:
    message = "It is held: it waits until you choose it."
    cure = f"photosync choose {item.id}"
    return Fate(Verdict.ACT, "held", message, 'select.mode = "manual"', cure)


def _duplicate(record: Record, item: MediaItem) -> Fate:
    assert item.duplicate_of is not None, "the database sees to it"
    first = record.state.overview.item(item.duplicate_of)
    fate = fate_of(record, first, lies_there=False, reason=None)
    name = f"{record.label(first)}: {readable(first.source_path)}"
    message = f"It has the same bytes as item {first.id} ({name}), which stands for it."
    return replace(fate, code="duplicate", message=f"{message} Of that: {fate.message}")


def _failed(record: Record, item: MediaItem) -> Fate:
    code = item.error_code or ""
    message = (item.error_message or "").removesuffix(HINTS.get(code, "")).strip()  # it is the cure
    taken = TakenToday(record.settings, record.state)
    if again_at := SecondChances(record.state.database, taken).at(item, now=record.state.now()):
        message = f"{message} It is tried once more by itself, from {local(again_at)} on.".strip()
    fate = failed(code, message)
    again = f"photosync retry {item.id}"
    cure = fate.cure.replace("photosync retry --all", again)
    cure = cure.replace("photosync skip ITEM", f"photosync skip {item.id}")
    if again not in cure and fate.cure != errors.NO_PHOTO_HINT:
        cure = f"{cure} Then: {again}".strip()
    return replace(fate, cure=cure)


_STANDING = {State.DONE: _done, State.HELD: _held}


SET_ASIDE = {
    "by_user": "photosync skip",
    ASSUMED: "photosync import",
    "excluded": "the settings of that time",
}
"""What left an item out that ``choose`` takes back."""


def _skipped(record: Record, item: MediaItem, *, lies_there: bool, reason: Reason | None) -> Fate:
    code, message = item.error_code or "", item.error_message or ""
    choose = f"photosync choose {item.id}"
    if code in BY_SIGHT and lies_there:
        if reason is not None:
            return left_out(reason)
        fate = not_seen(running=record.running)
        return replace(fate, message=f"It was left out, and is taken again. {message}".strip())
    if code == OTHER_PART:
        rule = message.partition("stands for it: ")[2].rstrip(".")
        cure = f"{choose}; or another {rule.partition(' ')[0]} in the settings"
        return Fate(Verdict.LEFT_OUT, code, message, rule, cure)
    if code in SET_ASIDE:
        return Fate(Verdict.LEFT_OUT, code, message, SET_ASIDE[code], choose)
    return Fate(Verdict.LEFT_OUT, code, message, "that version of the file is gone")


def _under_way(record: Record, item: MediaItem) -> Fate:
    does = DOES[item.state]
    source = record.sources[item.source_id]
    if item.leased_by is not None and record.running:
        return Fate(Verdict.TAKEN, str(item.state), f"It is being {does} right now.")
    wait = waits_for(record.state, source, item, running=record.running, problems=record.problems)
    if wait is not None:
        verdict = Verdict.ACT if wait.needs_user else Verdict.TAKEN
        message = f"It waits to be {does}. {wait.message}"
        return Fate(verdict, wait.code, message, cure=wait.hint)
    if item.not_before > record.state.now():
        at, why = local(item.not_before), item.error_message or ""
        message = f"It is put aside until {at}. {why}".strip()
        return Fate(Verdict.TAKEN, item.error_code or "put_aside", message)
    return Fate(Verdict.TAKEN, str(item.state), f"It waits for its turn to be {does}.")
