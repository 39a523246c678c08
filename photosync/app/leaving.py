"""What is not taken any more: what waits of it is let go, and what failed does not go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.app.selecting import of_folder, of_phones
from photosync.domain.media import SourceKind
from photosync.store.source_choices import SourceChoices
from photosync.store.sources import Sources
from photosync.store.waiting import Waiting

if TYPE_CHECKING:
    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.domain.media import MediaItem, Source

LEFT = "Its folder was switched off on the web page."


def leave_out_all(state: State, source_id: int) -> None:
    """What waits of a source that is not taken any more; taken again, it comes back by sight.

    What a worker has in its hands at this moment goes on.
    """
    waiting = Waiting(state.database)
    for some in waiting.pages(source_id):
        out = {one.id: LEFT for one in some}
        waiting.change(left_out=out, albums={}, now=state.now(), alone=False)


class TakenToday:
    """What the settings and the choices of the user take: see ``store.second_chances.Taken``.

    Of phones that left the settings, too: copies that are there are sent all the same.
    """

    def __init__(self, settings: Settings, state: State) -> None:
        self._settings = settings
        self._state = state
        self._numbers = {str(one.path): at for at, one in enumerate(settings.folder)}

    def sources(self) -> set[int]:
        """Folders that the settings name, and phones."""
        return {
            one.id
            for one in Sources(self._state.database).all()
            if one.kind == SourceKind.PHONE or one.address in self._numbers
        }

    def why_not(self, item: MediaItem, *, is_chosen: bool) -> str | None:
        """Why an item is left out today, in a sentence; None if it is taken."""
        (source,) = (one for one in Sources(self._state.database).all() if one.id == item.source_id)
        left = self._why_left(source, item)
        if left is not None or is_chosen:
            return left
        is_phone = source.kind == SourceKind.PHONE
        settings, numbers = self._settings, self._numbers
        selection = (
            of_phones(settings) if is_phone else of_folder(settings, numbers[source.address])
        )
        reason = selection.why_not(
            item.source_path, item.source_mtime_ns, item.size_bytes, item.mime_type
        )
        return None if reason is None else reason.message

    def _why_left(self, source: Source, item: MediaItem) -> str | None:
        """By the user, folder by folder."""
        if source.kind == SourceKind.FOLDER:
            is_left = SourceChoices(self._state.database).of(source.id).is_left
            return LEFT if is_left else None
        from photosync.app.looking import why_left  # adbutils: only for those with phones

        return why_left(self._state, self._settings, source, item.source_path)
