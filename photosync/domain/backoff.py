"""How long to wait before the next try."""

from __future__ import annotations

ITEM_FIRST_WAIT = 30.0  # seconds
ITEM_LONGEST_WAIT = 6 * 3600.0

CAUSES = (
    frozenset({"connection_lost", "server_trouble", "rate_limited", "write_collision"}),
    frozenset({"token_lost", "refused"}),
    frozenset({"checksum_mismatch", "mirror_lost"}),
)
"""Error codes with one cause: Google's trouble, a token, a copy that is not what was hashed."""

CALL_FIRST_WAIT = 1.0
CALL_LONGEST_WAIT = 60.0


def tries_so_far(attempts: int, before: str | None, code: str) -> int:
    """How many of an item's ``attempts`` failed for the cause of ``code``.

    ``before``: the error that they ended with; what went wrong otherwise does not count.
    """
    is_same = before == code or any(before in cause and code in cause for cause in CAUSES)
    return attempts if is_same else 0


def item_wait(attempts: int, *, retry_after: float | None = None) -> float:
    """Seconds until an item is tried again after its ``attempts``-th failure (1, 2, ...).

    30 s doubling to 6 h; a server's own Retry-After wins if it asks for more, up to those 6 h.
    """
    doubled = ITEM_FIRST_WAIT * 2.0 ** min(max(attempts, 1) - 1, 20)
    return min(max(doubled, retry_after or 0.0), ITEM_LONGEST_WAIT)


def call_wait(
    tries: int, *, least: float, retry_after: float | None = None, jitter: float = 0.0
) -> float:
    """Seconds until a call is repeated after its ``tries``-th failure (1, 2, ...).

    1 s doubling to 60 s, never under ``least`` (google-photos-api.md §6.4: 1 s after 5xx,
    30 s after 429), stretched by ``jitter`` (0.0-1.0) of up to a half. Retry-After wins.
    """
    if retry_after is not None:
        return max(retry_after, least)
    doubled = CALL_FIRST_WAIT * 2.0 ** min(max(tries, 1) - 1, 20)
    return max(min(doubled, CALL_LONGEST_WAIT), least) * (1.0 + 0.5 * jitter)
