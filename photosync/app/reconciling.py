"""Phone, folders, mirror, second copy and library side by side: what lies where."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.app.mirrors import former_places
from photosync.domain.media import SourceKind
from photosync.domain.places import Standing
from photosync.domain.reckoning import Reckoning, Sample, month_of
from photosync.domain.states import State
from photosync.errors import Stopping
from photosync.files.lying import Lying
from photosync.store.sightings import Sightings
from photosync.store.whereabouts import AllWhereabouts

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.store.overview import SourceView
    from photosync.store.whereabouts import Whereabouts

MOST_DAMAGED = 100
TICK_EVERY = 500


@dataclass(frozen=True, slots=True)
class Place:
    """A source, when all of it was last looked at, and whether its folder is there now."""

    view: SourceView
    looked_at: int | None
    is_there: bool


@dataclass(slots=True)
class Report:
    """What was found. ``made_at`` is in seconds UTC.

    ``mirror_there``: the mirror could be looked at; else its copies are counted by the record.
    ``checked``: what lies on this computer was read and compared; ``damaged``: what was not as
    it should be, ``damaged_items`` of it in all. ``reasons``: an example of why, by code, of what
    failed.
    """

    made_at: int
    places: dict[int, Place]
    reckoning: Reckoning
    has_backup: bool
    mirror: Path
    mirror_there: bool
    checked: bool
    reasons: dict[str, str]
    damaged: list[Sample] = field(default_factory=list)
    damaged_items: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is to be of. ``source_id``: None for all; ``check``: read what lies here.

    ``samples``, ``newest``, ``groups``: see ``Reckoning``.
    """

    source_id: int | None = None
    check: bool = False
    samples: int = 5
    newest: int = 0
    groups: int = 0


def reconcile(
    settings: Settings,
    state: OpenState,
    asked: Asked,
    *,
    halt: Event,
    tick: Callable[[int], None] = lambda _: None,
) -> Report:
    """Go through all items once. ``tick``: how many so far.

    Raises:
        Stopping: The user wants no more of it.
    """
    looker = _Looker(settings, state, asked, halt)
    for count, one in enumerate(looker.whereabouts.all(source_id=asked.source_id), 1):
        if halt.is_set():
            raise Stopping
        looker.take(one)
        if count % TICK_EVERY == 0:
            tick(count)
    return looker.report


class _Looker:
    """Looks after each item on this computer."""

    def __init__(self, settings: Settings, state: OpenState, asked: Asked, halt: Event) -> None:
        self._halt = halt
        self._check = asked.check
        self.whereabouts = AllWhereabouts(state.database)
        self._mirrors = [Lying(settings.mirror.path)]
        former = former_places(state.control, settings.mirror.path)
        self._mirrors += [one for one in map(Lying, former) if one.is_there]
        looked_at = Sightings(state.database).looked_at()
        views = state.overview.sources()
        self._roots = {
            view.source.id: Lying(Path(view.source.address))
            for view in views
            if view.source.kind == SourceKind.FOLDER
        }
        self._kinds = {view.source.id: view.source.kind for view in views}
        wanted = [one for one in views if asked.source_id in (None, one.source.id)]
        self.report = Report(
            made_at=state.now(),
            places={
                view.source.id: Place(view, looked_at[view.source.id], self._is_there(view))
                for view in wanted
            },
            reckoning=Reckoning(samples=asked.samples, newest=asked.newest, groups=asked.groups),
            has_backup=bool(settings.backup.to) or self.whereabouts.has_backup(),
            mirror=settings.mirror.path,
            mirror_there=self._mirrors[0].is_there,
            checked=asked.check,
            reasons={code: why for code, _, why in state.overview.reasons(State.FAILED)},
        )

    def _is_there(self, view: SourceView) -> bool:
        root = self._roots.get(view.source.id)
        return view.source.connected if root is None else root.is_there

    def take(self, one: Whereabouts) -> None:
        """Add it to what there is."""
        at_source, in_mirror = self._at_source(one), self._in_mirror(one)
        standing = Standing(
            self._kinds[one.source_id],
            one.state,
            one.fate,
            one.fate_code,
            at_source,
            in_mirror,
            one.in_backup,
            one.is_missing,
        )
        sample = Sample(
            one.id,
            one.source_id,
            one.path,
            one.size_bytes,
            one.mtime_ns,
            one.mirror_path if in_mirror else None,
            at_source,
        )
        month = month_of(one.taken_at, one.mtime_ns)
        self.report.reckoning.add(standing, sample, month=month)

    def _at_source(self, one: Whereabouts) -> bool:
        """For a folder what is there now; for a phone, or a disk that is away, what was."""
        root = self._roots.get(one.source_id)
        if root is None or not root.is_there:
            return one.is_seen
        return root.version(one.path, one.size_bytes, one.mtime_ns) and self._is_sound(
            one, root, one.path
        )

    def _in_mirror(self, one: Whereabouts) -> bool:
        path = one.mirror_path
        if path is None:
            return False
        for root in self._mirrors:
            if root.is_there and root.copy(path, one.size_bytes):
                return self._is_sound(one, root, path)
        return not self._mirrors[0].is_there  # its disk is away: the record is all there is

    def _is_sound(self, one: Whereabouts, root: Lying, path: str) -> bool:
        if not self._check or one.sha256 is None:
            return True
        if root.holds(path, one.sha256, halt=self._halt):
            return True
        self.report.damaged_items += 1
        if len(self.report.damaged) < MOST_DAMAGED:
            size, mtime = one.size_bytes, one.mtime_ns
            self.report.damaged.append(
                Sample(one.id, one.source_id, one.path, size, mtime, path, is_at_source=False)
            )
        return False
