"""What a check of ``photosync doctor`` finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from photosync.errors import BlockedError, PhotosyncError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]


class Verdict(StrEnum):
    """``note``: good to know, but nothing that keeps a run from its work.

    ``failed``: something did, or could not be looked at; ``bad``: the user has to act.
    """

    OK = "ok"
    NOTE = "note"
    FAILED = "failed"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one thing, and what to do about it."""

    about: str
    verdict: Verdict
    message: str
    hint: str = ""

    def document(self) -> Json:
        """As JSON."""
        return {
            "about": self.about,
            "verdict": self.verdict,
            "message": self.message,
            "hint": self.hint,
        }


def of(about: str, error: PhotosyncError, verdict: Verdict | None = None) -> Finding:
    """An error as a finding: what passes by itself failed, all else needs the user."""
    if verdict is None:
        passes = isinstance(error, BlockedError) and not error.needs_user
        passes = passes or isinstance(error, TransientError)
        verdict = Verdict.FAILED if passes else Verdict.BAD
    return Finding(about, verdict, error.message, error.hint)


def worst(findings: Iterable[Finding]) -> Verdict:
    """The worst of the verdicts."""
    order = list(Verdict)
    return max((one.verdict for one in findings), key=order.index, default=Verdict.OK)
