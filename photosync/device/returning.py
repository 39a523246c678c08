"""A phone that photos are put back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.device import storage
from photosync.device.announcing import Announcements
from photosync.device.pushing import push, sweep
from photosync.device.sync import shown
from photosync.domain.media import NANOSECONDS, Lying
from photosync.domain.naming import CARD_PREFIX
from photosync.domain.restoring import Landed
from photosync.errors import FileUnreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from photosync.device.phone import Phone


class PhoneTarget:
    """Puts files on a phone. ``owner``: letters and digits of this photosync's own."""

    def __init__(self, phone: Phone, *, owner: str) -> None:
        self._phone = phone
        self._owner = owner
        self._announcements = Announcements(phone)
        self.tops = phone.tops()

    def sweep(self, folders: Iterable[str]) -> int:
        """Take away what earlier restores left there half done; how many files."""
        return sweep(self._phone, filter(self._is_there, folders), owner=self._owner)

    def look(self, paths: Sequence[str]) -> list[Lying | None]:
        """What lies at each path."""
        return look(self._phone, paths)

    def put(
        self,
        path: str,
        content: Callable[[], Iterator[bytes]],
        *,
        size_bytes: int,
        mtime_ns: int,
        sha256: str,
    ) -> Landed:
        """Push it under another name, have it hashed there, then give it its name."""
        if not self._is_there(path):
            card = path.partition("/")[0].removeprefix(CARD_PREFIX)
            raise FileUnreadable(
                f"The SD card {card} is not in the phone.",
                hint="Put it in, or restore to a folder: --to-folder DIR",
            )
        fresh = push(
            self._phone,
            path,
            _read(content),
            mtime=mtime_ns // NANOSECONDS,
            sha256=sha256,
            owner=self._owner,
            announced=False,
        )
        (lies,) = self.look([path])
        if lies is None or lies.size_bytes % (1 << 32) != size_bytes % (1 << 32):
            name = shown(storage.absolute(path))
            raise FileUnreadable(f"{name} is not on the phone as it was put there.", hint="")
        if fresh:
            self._announcements.tell(path)
        return Landed(fresh, lies.mtime_ns)

    def _is_there(self, path: str) -> bool:
        top = path.partition("/")[0]
        return not top.startswith(CARD_PREFIX) or top in self.tops

    def end(self) -> None:
        """Nothing more is put there for now."""
        self._announcements.end()


def _read(content: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
    """Opened only when the first block is wanted."""
    yield from content()


def look(phone: Phone, paths: Sequence[str]) -> list[Lying | None]:
    """What lies at each path of a phone; None for what is no regular file."""
    with phone.sync() as sync:
        stats = list(sync.stats([storage.absolute(path) for path in paths]))
    return [
        Lying(one.size_bytes, one.mtime * NANOSECONDS) if one.is_file else None for one in stats
    ]
