"""Puts items back: which ones, where to, and what came of it."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.app.places import whereabouts_of
from photosync.app.plugged import plugged
from photosync.app.state import opened, own_name, source_named
from photosync.device.returning import PhoneTarget
from photosync.domain.media import SourceKind, readable
from photosync.domain.restoring import Target, TargetKind, Wanted, plan
from photosync.errors import AlreadyRunning, PhotosyncError, SettingsError
from photosync.files.holding import RESTORING, hold
from photosync.files.placing import FolderTarget
from photosync.stages.restore import Restore, Tally
from photosync.store.restore_requests import RestoreRequests
from photosync.store.restores import Order, Restores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from threading import Event

    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.domain.restoring import Restorable

    Tick = Callable[[int, int], None]

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 3.0
PREVIEWED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asks for. ``source``: a label, address or number; "" for all of them.

    ``folder``: on the source, or absolute. ``to``: None puts each item back where it came from.
    ``resume``: what is left of earlier requests; then nothing else is chosen.
    """

    wanted: Wanted
    source: str = ""
    folder: str = ""
    to: Target | None = None
    resume: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class Part:
    """What came of it at one target. ``left``: still asked for, because of ``error``.

    ``foreseen``: with ``dry_run``, each item with its path there and what would happen.
    """

    target: Target
    label: str
    tally: Tally = field(default_factory=Tally)
    left: int = 0
    error: PhotosyncError | None = None
    foreseen: list[tuple[int, str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Restoration:
    """What came of all of it. ``refused``: items that were named and cannot be had, and why."""

    parts: list[Part] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


def restore(
    settings: Settings, request: Request, *, halt: Event, tick: Tick | None = None
) -> Restoration:
    """Put back what is asked for; ``tick``: how many of how many are looked after.

    What the phone or the disk is in the way of is part of the result.

    Raises:
        SettingsError, UnknownItem: It cannot be meant so.
        AlreadyRunning: Another restore is under way.
    """
    with (
        opened(settings) as state,
        hold(settings.state_dir / RESTORING, patience_seconds=PATIENCE_SECONDS) as is_held,
    ):
        if not is_held:
            raise AlreadyRunning(
                "Another photosync restore is under way.", hint="Wait until it has ended."
            )
        return _Restoring(settings, state, halt, tick or (lambda _seen, _all: None)).go(request)


def forget(settings: Settings) -> int:
    """What is left of earlier requests is not wanted any more; how many items that was."""
    with opened(settings) as state:
        restores = Restores(state.database)
        count = sum(restores.left().values())
        restores.forget()
        RestoreRequests(state.database).drop_waiting()
        return count


class _Restoring:
    def __init__(self, settings: Settings, state: State, halt: Event, tick: Tick) -> None:
        self._settings = settings
        self._state = state
        self._halt = halt
        self._tick = tick
        self._restores = Restores(state.database)
        self._whereabouts = whereabouts_of(settings, state)

    def go(self, request: Request) -> Restoration:
        """One part after the other; trouble at one target does not touch the next."""
        result = Restoration()
        groups = self._left(request) if request.resume else self._chosen(request, result)
        at = self._restores.moment(now=self._state.now())
        for target, items in groups.items():
            part = Part(target, self._label(target))
            result.parts.append(part)
            try:
                with self._opened(target) as there:
                    self._part(part, there, items, at=at, dry_run=request.dry_run)
            except PhotosyncError as error:
                part.error = error
                log.warning("restore.stopped code=%s reason=%s", error.code, error.message)
            part.left = self._restores.left().get(replace(target, is_own=False), 0)
        return result

    def _left(self, request: Request) -> dict[Target, list[Restorable] | None]:
        found = self._restores.left()
        wanted = [one for one in found if request.to is None or one == request.to]
        return {self._as_own(one): None for one in wanted}

    def _as_own(self, target: Target) -> Target:
        """A watched folder stays one when it is gone on with."""
        own = {
            view.source.address
            for view in self._state.overview.sources()
            if view.source.kind is SourceKind.FOLDER
        }
        is_own = target.kind is TargetKind.FOLDER and target.address in own
        return replace(target, is_own=is_own)

    def _chosen(
        self, request: Request, result: Restoration
    ) -> dict[Target, list[Restorable] | None]:
        wanted = self._wanted(request)
        for one in wanted.ids or ():
            self._state.overview.item(one)  # raises for a number that there is not
        groups: dict[Target, list[Restorable] | None] = {}
        for item in self._restores.select(wanted):
            target = request.to or _home(item)
            members = groups.setdefault(target, [])
            assert members is not None
            members.append(item)
        if wanted.ids is not None:
            result.refused = {
                one: f"photosync has not read it yet: it is {state}"
                for one, state in self._restores.never_read(wanted.ids).items()
            }
        return groups

    def _wanted(self, request: Request) -> Wanted:
        wanted = replace(request.wanted, folder=request.folder)
        if request.source:
            wanted = replace(wanted, source_id=source_named(self._state, request.source).id)
        if os.path.isabs(request.folder):  # noqa: PTH117 - it may be on no disk of this machine
            wanted = self._below(request.folder, wanted)
        return wanted

    def _below(self, folder: str, wanted: Wanted) -> Wanted:
        """An absolute folder as one of the watched folder that it lies in."""
        for view in self._state.overview.sources():
            source = view.source
            if source.kind is SourceKind.FOLDER and Path(folder).is_relative_to(source.address):
                below = str(Path(folder).relative_to(source.address))
                return replace(wanted, source_id=source.id, folder="" if below == "." else below)
        raise SettingsError(
            f"{readable(folder)} lies in no watched folder.",
            hint="Name a folder as photosync list shows it, like DCIM/Camera.",
        )

    def _label(self, target: Target) -> str:
        if target.kind is TargetKind.FOLDER:
            return readable(target.address)
        labels = {view.source.address: view.source.label for view in self._state.overview.sources()}
        return labels.get(target.address, target.address)

    @contextmanager
    def _opened(self, target: Target) -> Iterator[PhoneTarget | FolderTarget]:
        owner = own_name(self._state)
        with ExitStack() as stack:
            if target.kind is TargetKind.PHONE:
                label = self._label(target)
                _, phone = stack.enter_context(plugged(self._settings, target.address, label=label))
                yield PhoneTarget(phone, owner=owner)
            else:
                yield FolderTarget(Path(target.address), owner=owner, is_own=target.is_own)

    def _part(
        self,
        part: Part,
        there: PhoneTarget | FolderTarget,
        items: Sequence[Restorable] | None,
        *,
        at: int,
        dry_run: bool,
    ) -> None:
        target = part.target
        tops = there.tops if isinstance(there, PhoneTarget) else ("",)
        if dry_run:
            self._foresee(part, there, list(plan(items or (), target, tops)))
            return
        if isinstance(there, FolderTarget):
            there.prepare()
        there.sweep(self._restores.open_folders(target))
        if items is None:
            self._restores.ask_again(target, at=at)
        else:
            orders = ((item.id, path) for item, path in plan(items, target, tops))
            self._restores.ask(target, orders, at=at)
        in_all = self._restores.count(target, at=at)
        try:
            self._stage(there, lambda tally: self._tick(tally.seen, in_all)).run(
                target, at=at, tally=part.tally
            )
        finally:
            there.end()

    def _foresee(
        self,
        part: Part,
        there: PhoneTarget | FolderTarget,
        planned: Sequence[tuple[Restorable, str]],
    ) -> None:
        stage = self._stage(there, lambda _tally: None)
        for begin in range(0, len(planned), PREVIEWED_AT_ONCE):
            some = planned[begin : begin + PREVIEWED_AT_ONCE]
            orders = [
                Order(0, item.id, path, False, None, item.sha256, item.size_bytes, 0)
                for item, path in some
            ]
            part.foreseen += [
                (order.item_id, order.path, what) for order, what in stage.preview(orders)
            ]
            self._tick(len(part.foreseen), len(planned))

    def _stage(
        self, there: PhoneTarget | FolderTarget, progress: Callable[[Tally], None]
    ) -> Restore:
        return Restore(
            restores=self._restores,
            whereabouts=self._whereabouts,
            target=there,
            halt=self._halt,
            clock=self._state.clock,
            progress=progress,
        )


def _home(item: Restorable) -> Target:
    """Where the item came from."""
    if item.kind is SourceKind.PHONE:
        return Target(TargetKind.PHONE, item.address)
    return Target(TargetKind.FOLDER, item.address, is_own=True)
