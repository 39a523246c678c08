"""What is kept of an upload that has begun."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UploadSession:
    """A resumable upload that has begun. ``url`` is a secret: it is never logged.

    ``fingerprint`` changes when the bytes do; ``begun_at`` is in seconds UTC.
    """

    url: str
    granularity_bytes: int
    fingerprint: str
    begun_at: int
