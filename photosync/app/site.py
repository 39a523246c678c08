"""What the web page is made of: the daemon's own parts, and the user's choices for sources."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from photosync.app import report
from photosync.app.asked_back import AskedBack
from photosync.app.checking import in_force
from photosync.app.leaving import TakenToday, leave_out_all
from photosync.app.not_signed_in import page_address
from photosync.app.selecting import first_state
from photosync.app.signing_in import SigningIn
from photosync.app.signs import is_wanted
from photosync.device.survey import nearest
from photosync.domain.media import SourceKind, readable
from photosync.domain.states import State
from photosync.errors import PhotosyncError, UnknownItem
from photosync.files.heads import FIRST_BYTES, wanted_bytes
from photosync.store.gallery import Gallery
from photosync.store.phone_folders import PhoneFolders
from photosync.store.second_chances import SecondChances
from photosync.store.source_choices import SourceChoices
from photosync.store.sources import Sources
from photosync.web.site import FolderCard, Site, SourceCard

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.device.phone import Phone
    from photosync.domain.media import MediaItem, Source
    from photosync.stages.originals import LocalOriginals
    from photosync.store.gallery import FolderTally
    from photosync.store.phone_folders import PhoneFolder
    from photosync.store.source_choices import Mode

MODES = {State.FOUND: "auto", State.HELD: "manual"}
RULES = {"ask": "new", "take": "take", "leave": "leave"}


@dataclass(frozen=True, slots=True)
class DaemonSide:
    """Of the daemon: ``phone_of`` gives the phone that is a source, or raises PhoneGone."""

    originals: LocalOriginals
    phone_of: Callable[[int], Phone]


def site_of(
    settings: Settings, state: OpenState, daemon: DaemonSide, *, status: Callable[[], Any]
) -> Site:
    """Everything that the pages ask."""
    return Site(
        database=state.database,
        state_dir=settings.state_dir,
        status=status,
        page=lambda item: report.item_page(settings, state, item, running=True),
        opened=daemon.originals.open,
        head=partial(_head, daemon.phone_of),
        settings=lambda: in_force(settings, os.environ),
        sources=ChosenSources(settings, state),
        restoring=AskedBack(settings, state),
        signing_in=SigningIn(settings, state, back=lambda: page_address(settings, state)),
        clock=state.clock,
        failed=SecondChances(state.database, TakenToday(settings, state)).failed,
    )


def _head(phone_of: Callable[[int], Phone], item: MediaItem) -> bytes | None:
    """The beginning of a file on a phone that is plugged in, as much as shows a picture.

    None if it cannot be had now.
    """
    try:
        with phone_of(item.source_id).another() as phone:
            head = next(iter(phone.heads([item.source_path], size_bytes=FIRST_BYTES)), None)
            if head is None or len(head) < FIRST_BYTES:
                return head
            wanted = wanted_bytes(head, item.size_bytes)
            if wanted <= len(head):
                return head
            return next(iter(phone.heads([item.source_path], size_bytes=wanted)), None)
    except PhotosyncError:  # gone, or it answers nonsense: what watches it deals with that
        return None


class ChosenSources:
    """Sources with their folders, and what the user decides about them."""

    def __init__(self, settings: Settings, state: OpenState) -> None:
        self._settings = settings
        self._state = state
        self._choices = SourceChoices(state.database)
        self._folders = PhoneFolders(state.database)

    def cards(self) -> list[SourceCard]:
        """Every source that the settings want."""
        counts, first = self._state.overview.counts(), first_state(self._settings)
        chosen = self._choices.all()
        found = []
        for view in self._state.overview.sources():
            source = view.source
            if not self._is_wanted(source):
                continue
            choice = self._choices.of(source.id) if source.id in chosen else None
            mode = choice.mode if choice else None
            found.append(
                SourceCard(
                    id=source.id,
                    kind=source.kind,
                    label=source.label,
                    address=readable(source.address),
                    is_connected=source.connected,
                    items=counts.total(source.id),
                    mode=mode or MODES[first(source)],
                    is_own_mode=mode is not None,
                    is_taken=choice is None or not choice.is_left,
                    folders=tuple(self._cards_of(source)),
                )
            )
        return found

    def _is_wanted(self, source: Source) -> bool:
        if source.kind == SourceKind.PHONE:
            return is_wanted(source, self._settings)
        return source.address in {str(one.path) for one in self._settings.folder}

    def _cards_of(self, source: Source) -> list[FolderCard]:
        tallies = {one.path: one for one in Gallery(self._state.database).folders(source.id)}
        if source.kind != SourceKind.PHONE:
            return [_watched(one) for one in tallies.values()]
        known = {one.path: one for one in self._folders.of_source(source.id)}
        decided = {path: one.choice for path, one in known.items()}
        cards = [
            self._phone_card(path, tallies.get(path), known.get(path), decided)
            for path in {**tallies, **known}
        ]
        return sorted(cards, key=lambda one: (-(one.newest_at or 0), one.path))

    def _phone_card(
        self,
        path: str,
        tally: FolderTally | None,
        known: PhoneFolder | None,
        decided: dict[str, Any],
    ) -> FolderCard:
        rules = self._settings.phone
        choice = nearest(path, decided, rules.folders) or RULES[rules.new_folders]
        seen = known if known is not None and known.photos else None
        return FolderCard(
            path=path,
            items=seen.photos if seen else tally.items if tally else 0,
            size_bytes=seen.size_bytes if seen else tally.size_bytes if tally else 0,
            newest_at=seen.newest_at if seen else tally.newest_at if tally else None,
            choice=choice,
            is_taken=choice in ("settings", "take"),
            is_found=tally is not None,
        )

    def take(self, source_id: int, path: str, *, take: bool) -> None:
        """Take a folder of a phone from now on, or leave it; a watched folder as a whole."""
        source, now = self._source(source_id), self._state.now()
        if source.kind == SourceKind.PHONE:
            self._take_on_phone(source, path, take=take)
        else:
            self._choices.set_left(source_id, is_left=not take)
            if not take:
                leave_out_all(self._state, source_id)
        self._state.control.ring(now=now)

    def _take_on_phone(self, source: Source, path: str, *, take: bool) -> None:
        from photosync.app.looking import leave_out

        known = {one.path for one in self._folders.of_source(source.id)}
        found = {one.path for one in Gallery(self._state.database).folders(source.id)}
        if path not in known | found:
            raise UnknownItem(f"{source.label} has no folder {readable(path)} with photos in it.")
        now = self._state.now()
        self._folders.choose(source.id, [path], choice="take" if take else "leave", now=now)
        leave_out(self._state, self._settings, source.address)

    def set_mode(self, source_id: int, mode: Mode | None) -> None:
        """Back up what is new by itself, hold it until it is chosen, or as the settings say."""
        self._source(source_id)
        self._choices.set_mode(source_id, mode)

    def _source(self, source_id: int) -> Source:
        for one in Sources(self._state.database).all():
            if one.id == source_id:
                return one
        raise UnknownItem(f"There is no source {source_id}.")


def _watched(tally: FolderTally) -> FolderCard:
    return FolderCard(
        path=tally.path,
        items=tally.items,
        size_bytes=tally.size_bytes,
        newest_at=tally.newest_at,
        choice="",
        is_taken=True,
        is_found=True,
    )
