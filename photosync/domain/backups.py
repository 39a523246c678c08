"""What is known of a photo in the second copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.domain.media import in_units
from photosync.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TAKEN_OVER_AT = 1
"""``verified_at`` of what was taken over by its size, and was not read back yet."""

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
    ``sealed_for``: a digest of the public keys that it is sealed for; "" if nobody knows.
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
    sealed_for: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether it was read back, and nothing is known against it since."""
        return self.verified_at > 0 and not self.is_lost

    @property
    def is_proven(self) -> bool:
        """Whether this photosync itself read it back, and nothing is known against it since."""
        return self.verified_at > TAKEN_OVER_AT and not self.is_lost


@dataclass(frozen=True, slots=True)
class Leaving:
    """A file in a target that has to go: another one there has its content, or is to have it."""

    path: str
    sha256: str
    stored_bytes: int
    stored_sha256: str


@dataclass(frozen=True, slots=True)
class Kind:
    """How many files of one kind lie in a target; fields as in ``Record``."""

    is_sealed: bool
    shows_name: bool
    sealed_for: str
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Exposed:
    """What in a target is not sealed as the settings want it.

    ``plain``: files that need no key; ``has_old_index``: an index there is plain, or sealed for
    other keys than those of today; ``named``: sealed ones that show their names; ``for_others``:
    sealed for other keys; ``leaving``: left behind by a sealing that broke off.
    """

    plain: int = 0
    plain_bytes: int = 0
    has_old_index: bool = False
    named: int = 0
    for_others: int = 0
    leaving: int = 0

    def __bool__(self) -> bool:
        return bool(
            self.plain or self.has_old_index or self.named or self.for_others or self.leaving
        )

    def words(self) -> str:
        """One sentence that tells it; "" if there is nothing to tell."""
        told = "; ".join(self._parts())
        return f"In the second copy {told}." if told else ""

    def _parts(self) -> Iterator[str]:
        names = "its index tells names without the key of today"
        if self.plain:
            size = in_units(self.plain_bytes)
            yield f"{_files(self.plain)} ({size}) can still be read without the key"
        if self.has_old_index:
            yield names
        if self.named:
            shows = "shows its name" if self.named == 1 else "show their names"
            yield f"{_files(self.named)} still {shows}"
        if self.for_others:
            verb = "is" if self.for_others == 1 else "are"
            yield f"{_files(self.for_others)} {verb} sealed for other keys than those of today"
        if self.leaving:
            lies = "lies" if self.leaving == 1 else "lie"
            yield f"{_files(self.leaving)} still {lies} there whose content is sealed meanwhile"


RESEAL_HINT = "To seal all of it as the settings say: photosync backup --reseal"


def exposed(
    kinds: Iterable[Kind],
    *,
    has_old_index: bool,
    leaving: int,
    sealed_for: str,
    hides_names: bool,
) -> Exposed:
    """What is not sealed as it should be, where files are to be sealed for ``sealed_for``."""
    kinds = list(kinds)
    plain = [one for one in kinds if not one.is_sealed]
    sealed = [one for one in kinds if one.is_sealed]
    return Exposed(
        plain=sum(one.files for one in plain),
        plain_bytes=sum(one.size_bytes for one in plain),
        has_old_index=has_old_index,
        named=sum(one.files for one in sealed if hides_names and one.shows_name),
        for_others=sum(one.files for one in sealed if is_for_others(one.sealed_for, sealed_for)),
        leaving=leaving,
    )


def is_for_others(sealed_for: str, today: str) -> bool:
    """Whether that is sealed for other keys; what nobody knows is not told of."""
    return bool(sealed_for and today) and sealed_for != today


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"
