"""What is known of a photo in the second copy."""

from __future__ import annotations

from dataclasses import dataclass

from photosync.domain.states import State

HASHED = frozenset({State.MIRRORED, State.UPLOADED, State.DONE, State.DUPLICATE, State.FAILED})
ASSUMED = "assumed"


def is_worth_keeping(state: State, code: str | None) -> bool:
    """Whether an item's bytes, which are known, belong in the second copy.

    What another program has uploaded does too: it may lie on this computer alone for all we know.
    """
    return state in HASHED or (state is State.SKIPPED and code == ASSUMED)


@dataclass(frozen=True, slots=True)
class Kept:
    """Content that lies in a backup target, by the record.

    ``sha256`` is that of the plain content, ``size_bytes`` its size; ``stored_bytes`` that of the
    file as it lies there. ``path`` is relative to the target, with "/" between its parts.
    ``is_sealed``: in the age format. Times are seconds UTC; ``verified_at`` is when it was last
    read back whole and found equal.
    """

    target: str
    sha256: str
    path: str
    size_bytes: int
    stored_bytes: int
    is_sealed: bool
    mtime_ns: int
    made_at: int
    verified_at: int


@dataclass(frozen=True, slots=True)
class Record:
    """One content in one target, whether it is proven to lie there or not.

    ``name``: what the file is called for people, without the ending of a sealed one.
    """

    sha256: str
    path: str
    name: str
    size_bytes: int
    stored_bytes: int
    stored_sha256: str
    is_sealed: bool
    mtime_ns: int
    made_at: int
    verified_at: int = 0
    is_lost: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether it was read back, and nothing is known against it since."""
        return self.verified_at > 0 and not self.is_lost
