"""What became of a file, in words: what ``photosync why`` answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photosync.domain.reasons import Reason


class Verdict(StrEnum):
    """``taken``: it is backed up, or will be by itself; ``act``: once the user has acted."""

    TAKEN = "taken"
    LEFT_OUT = "left_out"
    FAILED = "failed"
    ACT = "act"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fate:
    """``message``: one or more plain sentences. ``rule``: what decided, a setting or a rule.

    ``cure``: the setting or command that would change it; both are "" if there is none.
    """

    verdict: Verdict
    code: str
    message: str
    rule: str = ""
    cure: str = ""


def left_out(reason: Reason) -> Fate:
    """The fate of a file that a rule leaves out."""
    verdict = Verdict.UNKNOWN if reason.code == "gone" else Verdict.LEFT_OUT
    if reason.code == "folder_unreadable":
        verdict = Verdict.ACT
    return Fate(verdict, reason.code, reason.message, reason.rule, reason.cure)
