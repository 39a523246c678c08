"""What becomes of an item whose stage raised."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from photosync.domain.backoff import item_wait, tries_so_far
from photosync.domain.media import readable
from photosync.errors import (
    NO_PHOTO_HINT,
    BlockedError,
    DatabaseError,
    ItemError,
    ItemGone,
    PhotosyncError,
    Stopping,
    TransientError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from photosync.domain.media import MediaItem
    from photosync.stages.gate import Rest
    from photosync.store.media import Hashed, MediaItems

log = logging.getLogger(__name__)

BUG = "bug"
HINTS_OF_ALL = frozenset({ItemError.default_hint, NO_PHOTO_HINT})
"""What every list of failed items ends with; a first look, too, leaves it out of each."""


@contextmanager
def settling(items: MediaItems, item: MediaItem, clock: Callable[[], float]) -> Iterator[None]:
    """Turn what the block raises into the item's fate.

    Transient: put aside. The item's fault: failed. Its file gone: skipped. Blocked, stopping,
    or no way into the database: let go untouched, and raised on. Anything else is a bug: logged
    with its traceback and put aside, so that one poisoned file cannot hold up the rest.
    """
    try:
        yield
    except (BlockedError, DatabaseError, Stopping):
        items.release(item)
        raise
    except ItemGone as error:
        _say("item.skipped", item, error)
        items.skip(item, code=error.code, message=error.message, now=int(clock()))
    except ItemError as error:
        fail(items, item, error, now=int(clock()))
    except TransientError as error:
        put_aside(items, item, error, now=int(clock()))
    except Exception as error:
        log.exception("item.bug id=%d error=%s", item.id, type(error).__name__)
        put_bug_aside(items, item, error, now=int(clock()))


def record(items: MediaItems, hashed: Sequence[Hashed], clock: Callable[[], float]) -> None:
    """Note what was hashed, all in one transaction.

    If that cannot be, then one by one: whichever is at fault meets its fate alone.
    """
    try:
        _note(items, hashed, clock)
    except PhotosyncError:
        raise
    except Exception as error:  # noqa: BLE001 - each tells of it by itself
        log.debug("items.one_by_one reason=%s", type(error).__name__)
        for one in hashed:
            with settling(items, one.item, clock):
                _note(items, [one], clock)


def _note(items: MediaItems, hashed: Sequence[Hashed], clock: Callable[[], float]) -> None:
    if not hashed:
        return
    states = items.mark_all_hashed(hashed, now=int(clock()))
    for one, state in zip(hashed, states, strict=True):
        log.debug("item.%s id=%d bytes=%d", state, one.item.id, one.item.size_bytes)


def fail(items: MediaItems, item: MediaItem, error: PhotosyncError, *, now: int) -> None:
    """→ failed, with the error's own words."""
    _say("item.failed", item, error)
    message = error.message if error.hint in HINTS_OF_ALL else str(error)
    items.fail(item, code=error.code, message=message, now=now)


def put_aside(items: MediaItems, item: MediaItem, error: TransientError, *, now: int) -> None:
    """Try the item again after 30 s doubling to 6 h, or when the server said."""
    tries = tries_so_far(item.attempts, item.error_code, error.code)
    wait = item_wait(tries + 1, retry_after=error.retry_after)
    log.info(
        "item.put_aside id=%d code=%s wait_seconds=%.0f reason=%s",
        item.id,
        error.code,
        wait,
        error.message,
    )
    items.defer(item, not_before=now + int(wait), code=error.code, message=error.message, now=now)


def rest(
    items: MediaItems,
    item: MediaItem,
    error: TransientError,
    pause: Rest,
    *,
    now: int,
    alone: bool = True,
) -> None:
    """The item had a share in trouble that is not its own: its tries are not counted then.

    But if others pass and this one, ``alone`` in its request, does not, it may be at fault.
    """
    if pause.is_first and alone:
        put_aside(items, item, error, now=now)
        return
    items.defer(
        item, not_before=pause.until, code=error.code, message=error.message, now=now, tries=0
    )


def put_bug_aside(items: MediaItems, item: MediaItem, error: Exception, *, now: int) -> None:
    """The same for an error that nobody foresaw."""
    message = f"An unexpected {type(error).__name__}: please report it with the log."
    wait = item_wait(tries_so_far(item.attempts, item.error_code, BUG) + 1)
    items.defer(item, not_before=now + int(wait), code=BUG, message=message, now=now)


def _say(event: str, item: MediaItem, error: PhotosyncError) -> None:
    log.warning(
        "%s id=%d code=%s file=%r reason=%s",
        event,
        item.id,
        error.code,
        readable(item.source_path),
        error.message,
    )
