"""Every fault of Google's, at every kind of request it can happen to: first, in the middle, last.

The client is driven as the stages drive it. Trouble that passes ends with everything in the library
once; what blocks is told by its own error, and nothing more is asked until it is over.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pytest

from photosync.emulator.faults import KINDS, Fault
from photosync.errors import (
    ApiNotEnabled,
    BlockedError,
    ChecksumMismatch,
    DailyQuotaSpent,
    FileRefused,
    PhotosyncError,
    ScopeMissing,
    SignInRequired,
    StorageFull,
    TokenLost,
    TransientError,
)
from photosync.google.ports import NewItem
from tests.google.conftest import QUARTER, content_of, nothing

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from photosync.google.library import PhotosLibrary
    from photosync.google.ports import UploadFile
    from tests.google.conftest import Google

    MakeFile = Callable[..., UploadFile]
    Result = TypeVar("Result")

SMALL = content_of(3000, seed=1)
LARGE = content_of(4 * QUARTER + 500, seed=2)
ALBUM = "Trip"

CROSSED = {
    "upload.raw": 1,
    "upload.start": 1,
    "upload.chunk": 5,
    "upload.query": 1,
    "albums.create": 1,
    "albums.list": 2,
    "batchCreate": 1,
    "mediaItems.batchGet": 1,
    "token": 1,
}
"""How often one photo, one film and one look at an album ask for what; a test counts."""

BLOCKING: dict[str, type[BlockedError]] = {
    "quota-day": DailyQuotaSpent,
    "storage-full": StorageFull,
    "api-not-enabled": ApiNotEnabled,
    "scope-missing": ScopeMissing,
    "invalid-grant": SignInRequired,
}
LEAST_WAIT = {
    "quota-minute": 30.0,
    "concurrent": 1.0,
    "uploads-quota": 30.0,
    "500": 1.0,
    "502": 1.0,
    "503": 1.0,
    "503-with-retry-after": 7.0,
}
"""Seconds of rest that the fault asks for (google-photos-api.md §6.4), or more."""

ONCE_MORE = 5


def cells() -> list[tuple[str, str, int]]:
    """(fault, kind of request, how many of them pass before)."""
    return [
        (fault, kind, skip)
        for fault in KINDS
        for kind, times in CROSSED.items()
        if Fault(fault).concerns(kind)
        for skip in sorted({0, times // 2, times - 1})
    ]


@dataclass
class Driver:
    """One photo and one film, taken to the library as the stages would."""

    google: Google
    library: PhotosLibrary
    files: list[UploadFile]
    blocked: list[BlockedError] = field(default_factory=list)
    put_aside: list[TransientError] = field(default_factory=list)
    last_asked: str = ""

    def go(self) -> None:
        """To the end, however often something is in the way."""
        tokens = [self._insist(partial(self._upload, file)) for file in self.files]
        album_id = self._insist(self._album)
        for _ in range(ONCE_MORE):
            lines = [NewItem(token, f"{at}.jpg") for at, token in enumerate(tokens)]
            results = self._insist(partial(self._create, lines, album_id))
            lost = [at for at, error in enumerate(results) if isinstance(error, PhotosyncError)]
            for at in lost:
                if isinstance(results[at], (TokenLost, FileRefused)):
                    tokens[at] = self._insist(partial(self._upload, self.files[at]))
            if not lost:
                break
        self._insist(lambda: self.library.find_album(ALBUM))
        self._insist(
            lambda: self.library.holds([one.id for one in self.google.emulator.library.items()])
        )

    def _insist(self, do: Callable[[], Result]) -> Result:
        for _ in range(ONCE_MORE):
            try:
                return do()
            except BlockedError as error:
                self.blocked.append(error)
                self.last_asked = self.google.kinds()[-1]
                self.google.sign_in()
            except TransientError as error:
                self.put_aside.append(error)
            except (TokenLost, ChecksumMismatch):
                pass
        pytest.fail("it never passes")

    def _upload(self, file: UploadFile) -> str:
        return self.library.upload(file, nothing)

    def _album(self) -> str:
        return self.library.find_album(ALBUM) or self.library.create_album(ALBUM)

    def _create(self, lines: list[NewItem], album_id: str) -> list[object]:
        return [one.error for one in self.library.create(lines, album_id=album_id)]


@pytest.fixture
def driver(google: Google, make_file: MakeFile) -> Driver:
    google.sign_in(expiry="2020-01-01T00:00:00Z")  # the first request is for a token
    files = [make_file(SMALL, key=1), make_file(LARGE, key=2)]
    return Driver(google, google.connect().library, files)


def needs_query(google: Google) -> None:
    """Something that makes the client ask how far the film is."""
    google.emulator.faults.add({"fault": "reset-before", "on": "upload.chunk", "skip": 1})


def test_what_is_asked_without_trouble(driver: Driver, google: Google) -> None:
    needs_query(google)
    driver.go()
    counts = Counter(google.kinds())
    counts["upload.chunk"] -= 1  # the one that was cut
    assert counts == CROSSED


@pytest.mark.parametrize(("fault", "kind", "skip"), cells())
def test_a_fault(driver: Driver, google: Google, fault: str, kind: str, skip: int) -> None:
    if kind == "upload.query":
        needs_query(google)
    # a session that Google tells the token of only once would have to be sent anew
    google.emulator.options.final_query_token = True
    seconds = {"hang": 0.1, "503-with-retry-after": 7}.get(fault)
    # /uploads says 401 for a missing permission: it is believed of a fresh token only (§1.2)
    times = 2 if (fault, kind[:6]) == ("scope-missing", "upload") else 1
    google.emulator.faults.add(Fault(fault, on=kind, skip=skip, seconds=seconds, times=times))

    driver.go()

    assert google.emulator.faults.remaining() == []  # it did strike
    emulator = google.emulator
    items = emulator.library.items()
    assert sorted(item.size_bytes for item in items) == [len(SMALL), len(LARGE)]
    assert [album.title for album in emulator.library.albums()] == [ALBUM]
    assert all(item.album_ids for item in items)
    assert google.shelf.held == {}
    assert emulator.requests.overlapping_writes() == 0
    _is_told(driver, fault, kind)
    _has_waited(driver, google, fault)
    _sent_no_more_than_a_chunk_again(google, fault, times)


def _is_told(driver: Driver, fault: str, kind: str) -> None:
    """What blocks is raised as itself, once, and nothing is asked in spite of it."""
    blocked = [type(one) for one in driver.blocked]
    is_word_of_sign_in = kind == "token" and fault != "invalid-grant"  # it does not know the others
    if fault not in BLOCKING or is_word_of_sign_in:
        assert blocked == []
        return
    assert driver.last_asked == kind
    assert blocked == [BLOCKING[fault]]


def _has_waited(driver: Driver, google: Google, fault: str) -> None:
    """Inside the call, or by the rest that the error asks of the stage."""
    rested = max(
        [
            *google.halt.waits,
            *(max(one.least_wait, one.retry_after or 0) for one in driver.put_aside),
        ],
        default=0.0,
    )
    assert rested >= LEAST_WAIT.get(fault, 0.0)


def _sent_no_more_than_a_chunk_again(google: Google, fault: str, times: int) -> None:
    """For each interruption, unless the session is gone or half a token passes for a whole one."""
    sent = sum(one.bytes for one in google.emulator.requests.all() if one.kind == "upload.chunk")
    whole_again = fault in ("expired-session", "wrong-hash", "truncated-json")
    assert sent <= len(LARGE) * (1 + whole_again) + QUARTER * times
