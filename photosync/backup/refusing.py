"""What a storage's errors mean: by their kind, status and code, wherever in the chain these stand.

Never by their text: addresses, file names and servers' own words stand there, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.errors import NO_ROOM

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL_CODES = frozenset({"QuotaExceeded", "StorageFull", "XMinioStorageFull", "EntityTooLarge"})
"""What S3's servers call it."""
FULL_STATUS = 507
REFUSED_STATUSES = frozenset({401, 403})
REFUSED_KINDS = ("Credential", "Authentic")
"""In the names that botocore, paramiko, and those who serve other storages, give to such errors."""

NOTHING_TO_SHOW = ("No authentication methods available",)
"""All that paramiko's plain error says to whom it has neither key nor password for."""


def is_full(error: BaseException) -> bool:
    """Whether it says that there is no room."""
    return any(map(_says_full, _causes(error)))


def is_refused(error: BaseException) -> bool:
    """Whether it says that we are not let in."""
    return any(map(_says_refused, _causes(error)))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from: fsspec's own errors leave out the server's code."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _says_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return True
    if getattr(error, "status_code", None) == FULL_STATUS:  # WebDAV (RFC 4918, 11.5)
        return True
    response = getattr(error, "response", None)  # botocore's
    told = response.get("Error", {}) if isinstance(response, dict) else {}
    return type(error).__name__ == "InsufficientStorage" or told.get("Code") in FULL_CODES


def _says_refused(error: BaseException) -> bool:
    if isinstance(error, PermissionError) or error.args == NOTHING_TO_SHOW:
        return True
    if getattr(error, "status_code", None) in REFUSED_STATUSES:  # WebDAV
        return True
    kinds = (kind.__name__ for kind in type(error).__mro__)
    return any(word in kind for kind in kinds for word in REFUSED_KINDS)
