"""Why something is not taken: the rule that decided, in words for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a file is left out.

    ``message``: one plain sentence. ``rule``: the setting or rule that decided, "" for none.
    ``cure``: what would change it, "" if nothing would.
    """

    code: str
    message: str
    rule: str = ""
    cure: str = ""
