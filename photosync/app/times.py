"""Times as programs read them, and as the clock on the wall here shows them."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def rfc3339(at: float | None) -> str | None:
    """Seconds UTC as ``2026-11-23T07:00:00Z``; None for None and for "never" (0)."""
    if not at:
        return None
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):  # a file from the year 300,000,000,000
        return None


def local(at: float) -> str:
    """Seconds UTC as ``2026-11-23 08:00:00``, in the user's zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
