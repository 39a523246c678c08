"""The looks at all sources together: at watched folders, and at phones if there may be any."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photosync.daemon.folders import Folders
    from photosync.daemon.phones import Phones
    from photosync.daemon.surveys import Surveys


class Everywhere:
    """``phone_looks`` are the looks that ``phones`` adds to and removes from."""

    def __init__(
        self,
        folders: Folders,
        phones: Phones | None = None,
        phone_looks: Folders | None = None,
        surveys: Surveys | None = None,
    ) -> None:
        self._phones = phones
        self._surveys = surveys
        self._looks = [folders] if phone_looks is None else [folders, phone_looks]

    def start(self) -> None:
        """Begin to follow phones; folders are looked at by their worker."""
        if self._phones is not None:
            self._phones.start()

    def stop(self) -> None:
        """End; the stop event has to be set before."""
        for one in self._looks:
            one.stop()
        if self._phones is not None:
            self._phones.stop()

    def looked(self) -> bool:
        """Whether every source was looked at once, or found to be away."""
        return (
            (self._phones is None or self._phones.looked())
            and all(one.looked() for one in self._looks)
            and (self._surveys is None or self._surveys.surveyed())
        )

    def expecting(self) -> bool:
        """Whether new photos are likely within a second."""
        return any(one.expecting() for one in self._looks)

    def unsettled(self) -> list[str]:
        """Paths that somebody still writes to."""
        return [path for one in self._looks for path in one.unsettled()]
