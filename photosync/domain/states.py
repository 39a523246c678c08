"""The states of an item and the moves between them.

The same table stands in SQL (``store/migrations``) as a trigger; a test holds both together.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where an item stands. Each state names a fact, never an activity."""

    HELD = "held"  # seen on its source; waits for the user's choice
    FOUND = "found"  # seen on its source; nothing copied yet
    MIRRORED = "mirrored"  # a verified local copy exists, and its hash is known
    UPLOADED = "uploaded"  # Google holds the bytes and gave a token
    DONE = "done"  # Google holds the media item and gave its id
    DUPLICATE = "duplicate"  # the same bytes are another item's
    SKIPPED = "skipped"  # left out, by the user or because that version of the file is gone
    FAILED = "failed"  # cannot go on without the user; says why


LEGAL_MOVES: frozenset[tuple[State, State]] = frozenset(
    {
        (State.HELD, State.FOUND),  # chosen
        (State.HELD, State.SKIPPED),
        (State.FOUND, State.MIRRORED),  # copied and hashed
        (State.FOUND, State.DUPLICATE),  # hashed: same bytes known
        (State.FOUND, State.SKIPPED),  # by the user, or gone
        (State.FOUND, State.FAILED),
        (State.MIRRORED, State.UPLOADED),  # bytes at Google
        (State.MIRRORED, State.DUPLICATE),  # same bytes known
        (State.MIRRORED, State.SKIPPED),
        (State.MIRRORED, State.FAILED),
        (State.MIRRORED, State.FOUND),  # local copy lost or altered
        (State.UPLOADED, State.DONE),  # batchCreate
        (State.UPLOADED, State.MIRRORED),  # token too old or worthless
        (State.UPLOADED, State.SKIPPED),
        (State.UPLOADED, State.FAILED),
        (State.DONE, State.MIRRORED),  # gone from the library, and to be sent again
        (State.DUPLICATE, State.FOUND),  # the first one is gone or at fault: promoted
        (State.DUPLICATE, State.SKIPPED),
        (State.SKIPPED, State.FOUND),  # chosen after all, or the file is back
        (State.SKIPPED, State.HELD),  # the file is back, and nobody ever chose it
        (State.FAILED, State.FOUND),  # retry
        (State.FAILED, State.HELD),  # readable at last, and nobody ever chose it
        (State.FAILED, State.MIRRORED),  # retry: the copy is still good
        (State.FAILED, State.SKIPPED),
    }
)

READY_STATES = (State.FOUND, State.MIRRORED, State.UPLOADED)
"""States from which a stage takes items."""

UNFINISHED_STATES = (State.HELD, *READY_STATES)
"""States whose bytes still have to reach the library."""


def is_legal(before: State, after: State) -> bool:
    """Whether an item may move from ``before`` to ``after``."""
    return (before, after) in LEGAL_MOVES
