"""When somebody is told: on changes alone, and at most once an hour of each kind."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

HOUR_SECONDS = 3600
DAY_SECONDS = 86_400
MOST_LINES = 8

BLOCKED, FAILED, DONE, PHONE, SILENCE = "blocked", "failed", "done", "phone", "silence"
TITLES = {BLOCKED: "needs you", PHONE: "needs you", SILENCE: "is worried"}


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand. ``blocked``, ``phone``, ``silence``: by a key that stays, a sentence each.

    ``seen``: keys of what was there a moment ago, though it may be too new or too old to be told.
    ``reasons``: of what failed. ``is_idle``: nothing waits that could be sent.
    ``copied``: by phone that is there, and of which nothing waits to be copied, its name and how
    many of its photos are.
    """

    blocked: Mapping[str, str] = field(default_factory=dict)
    phone: Mapping[str, str] = field(default_factory=dict)
    silence: Mapping[str, str] = field(default_factory=dict)
    failed: int = 0
    reasons: tuple[str, ...] = ()
    done: int = 0
    is_idle: bool = False
    seen: frozenset[str] = frozenset()
    copied: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Memory:
    """What was told of one kind: ``at`` when last, in seconds UTC.

    ``told``: by key when, with a minus if it was over since; ``open``: nobody was told that it is
    over; ``counts``: as last told of.
    """

    at: int = 0
    told: Mapping[str, int] = field(default_factory=dict)
    open: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """To be kept."""
        return json.dumps([self.at, dict(self.told), self.open, dict(self.counts)])


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told, and what to remember once it is."""

    kind: str
    title: str
    lines: tuple[str, ...]
    then: Memory

    @property
    def body(self) -> str:
        """The lines, not too many."""
        shown = self.lines[:MOST_LINES]
        more = len(self.lines) - len(shown)
        return "\n".join([*shown, f"... and {more:,} more: photosync status"] if more else shown)


def remembered(text: str | None) -> Memory | None:
    """What ``text()`` kept; None if there is nothing, or nothing that can be read."""
    try:
        at, told, is_open, counts = json.loads(text or "null")
        return Memory(int(at), _numbers(told), bool(is_open), _numbers(counts))
    except (TypeError, ValueError, AttributeError):
        return None


def _numbers(given: Mapping[Any, Any]) -> dict[str, int]:
    return {str(key): int(value) for key, value in given.items()}


def due(
    standing: Standing,
    memories: Mapping[str, Memory],
    wanted: Collection[str],
    *,
    now: int,
) -> Iterator[Notice]:
    """What is to be told now, and, without a title, what is only to be remembered.

    ``wanted``: of these kinds, and of silence in any case. ``memories``: by kind; none of a kind
    that was never looked at.
    """
    for kind, look in _LOOKS.items():
        known = memories.get(kind)
        notice = look(standing, known, now)
        if notice is None:
            continue
        if kind not in wanted and kind != SILENCE:
            notice = _unasked(notice, known or Memory())
        elif notice.title and known is not None and 0 <= now - known.at < HOUR_SECONDS:
            continue
        if notice.then != known:
            yield notice


def _unasked(notice: Notice, known: Memory) -> Notice:
    """Only how many there are is kept up: what stands would be news if it were asked for."""
    return Notice(notice.kind, "", (), replace(known, counts=notice.then.counts))


def _blocked(standing: Standing, known: Memory | None, now: int) -> Notice | None:
    memory = known or Memory()
    notice = _keyed(BLOCKED, standing.blocked, memory, standing, now)
    then = memory if notice is None else notice.then
    if not memory.open or any(at > 0 for at in then.told.values()):
        return notice
    lines = ("What was in the way is over.",)
    return Notice(BLOCKED, "goes on", lines, replace(then, at=now, open=False))


def _silence(standing: Standing, known: Memory | None, now: int) -> Notice | None:
    return _keyed(SILENCE, standing.silence, known or Memory(), standing, now)


def _keyed(
    kind: str,
    current: Mapping[str, str],
    memory: Memory,
    standing: Standing,
    now: int,
) -> Notice | None:
    """Of each thing once; if it was over and returned, again, but not within a day.

    What is told of is remembered while it lasts, and, with a minus, for a day if it did not.
    """
    kept = {}
    for key, at in memory.told.items():
        if at > 0 and (key in current or key in standing.seen):
            kept[key] = at
        elif _is_recent(abs(at), now):
            kept[key] = -abs(at)
    if not current.keys() - kept.keys():
        forgotten = replace(memory, told=kept)
        return Notice(kind, "", (), forgotten) if forgotten != memory else None
    told = {**kept, **dict.fromkeys(current, now)}
    return Notice(
        kind, TITLES[kind], tuple(current.values()), replace(memory, at=now, told=told, open=True)
    )


def _is_recent(at: int, now: int) -> bool:
    return 0 <= now - at < DAY_SECONDS


def _failed(standing: Standing, known: Memory | None, now: int) -> Notice | None:
    memory = known or Memory()
    before = memory.counts.get(FAILED, 0)
    if standing.failed == before:
        return None
    counts = {FAILED: standing.failed}
    if standing.failed < before:
        return Notice(FAILED, "", (), replace(memory, counts=counts))
    new = standing.failed - before
    title = "could not back up a photo" if new == 1 else f"could not back up {new:,} photos"
    lines = (*standing.reasons, "All of them: photosync list --state failed")
    return Notice(FAILED, title, lines, replace(memory, at=now, counts=counts))


def _done(standing: Standing, known: Memory | None, now: int) -> Notice | None:
    counts = {DONE: standing.done}
    if known is None:  # what is there already is no news
        return Notice(DONE, "", (), Memory(counts=counts))
    new = standing.done - known.counts.get(DONE, 0)
    if new < 0:
        return Notice(DONE, "", (), replace(known, counts=counts))
    if new == 0 or not standing.is_idle:
        return None
    title = "put a photo into your library" if new == 1 else f"put {new:,} photos into your library"
    lines = (f"{standing.done:,} are there by now, and nothing waits.",)
    return Notice(DONE, title, lines, replace(known, at=now, counts=counts))


def _phone(standing: Standing, known: Memory | None, now: int) -> Notice | None:
    memory = known or Memory()
    counts = {key: number for key, (_, number) in standing.copied.items()}
    copied = [  # what is there already when somebody looks for the first time is no news
        f"{name}: {_photos(new)} copied. It may be unplugged."
        for key, (name, number) in standing.copied.items()
        if known is not None and (new := number - known.counts.get(key, 0)) > 0
    ]
    keyed = _keyed(PHONE, standing.phone, memory, standing, now)
    memory = keyed.then if keyed else memory
    after = replace(memory, counts={**memory.counts, **counts})
    if keyed is not None and keyed.title:
        return replace(keyed, lines=(*keyed.lines, *copied), then=after)
    if copied:
        return Notice(PHONE, "has copied your phone", tuple(copied), replace(after, at=now))
    return Notice(PHONE, "", (), after) if after != known else None


def _photos(number: int) -> str:
    return "1 photo is" if number == 1 else f"{number:,} photos are"


_LOOKS = {
    BLOCKED: _blocked,
    FAILED: _failed,
    DONE: _done,
    PHONE: _phone,
    SILENCE: _silence,
}
