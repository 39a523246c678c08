"""Puts items back: out of the nearest copy, to a phone or a folder, checked on the way."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from photosync.domain.media import COARSEST_NS, readable
from photosync.errors import (
    ItemError,
    ItemGone,
    NoCopy,
    PhotosyncError,
    Stopping,
    TransientError,
)
from photosync.stages.whereabouts import PlaceFailed, may_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from photosync.domain.media import Lying
    from photosync.domain.restoring import Landed, Target
    from photosync.stages.ports import Flag, RestoreTarget
    from photosync.stages.whereabouts import Place, Whereabouts
    from photosync.store.restores import Order, Restores

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """An item that was not put back, and why. ``passes``: another try may have it."""

    item_id: int
    path: str
    error: PhotosyncError
    passes: bool


@dataclass(slots=True)
class Tally:
    """What became of the orders: put there now, there already, by place, and what was not."""

    put: int = 0
    put_bytes: int = 0
    there: int = 0
    out_of: dict[str, int] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """All of them."""
        return self.put + self.there + len(self.troubles)


class Restore:
    """Works off the orders of one moment for one target."""

    def __init__(
        self,
        *,
        restores: Restores,
        whereabouts: Whereabouts,
        target: RestoreTarget,
        halt: Flag,
        clock: Callable[[], float],
        progress: Callable[[Tally], None] = lambda _tally: None,
    ) -> None:
        self._restores = restores
        self._whereabouts = whereabouts
        self._target = target
        self._halt = halt
        self._clock = clock
        self._progress = progress

    def run(self, target: Target, *, at: int, tally: Tally) -> None:
        """Put back what was asked for ``at`` that moment; ``tally`` is kept up.

        Raises:
            PhoneGone, PhoneFull, TargetAway, DiskFull: Nothing more can be put there; what is
                left stays asked for.
            Stopping: The program is ending.
        """
        for page in self._restores.asked(target, at=at):
            lying = self._target.look([order.path for order in page])
            for order, there in zip(page, lying, strict=True):
                if self._halt.is_set():
                    raise Stopping
                self._one(order, there, tally)
                self._progress(tally)

    def _one(self, order: Order, there: Lying | None, tally: Tally) -> None:
        if order.is_done and there is not None and _is_as_put(order, there):
            tally.there += 1
            return
        if order.is_done:
            self._restores.want_again(order, now=int(self._clock()))
        try:
            landed, kind = self._put(order)
        except (ItemError, ItemGone, TransientError, PlaceFailed) as error:
            self._note(order, error, tally)
            return
        self._restores.put(
            order, mtime_ns=landed.mtime_ns, now=int(self._clock()), fresh=landed.fresh
        )
        if landed.fresh:
            log.info("item.restored id=%d bytes=%d", order.item_id, order.size_bytes)
            tally.put += 1
            tally.put_bytes += order.size_bytes
            tally.out_of[kind] = tally.out_of.get(kind, 0) + 1
        else:
            tally.there += 1

    def _put(self, order: Order) -> tuple[Landed, str]:
        """Where it lies now, and out of which place it came.

        Raises:
            NoCopy, PlaceFailed: No place gives it; PlaceFailed if one may later.
        """
        errors: list[PhotosyncError] = []
        for place in self._whereabouts.places(order.sha256):
            try:
                return self._put_out_of(place, order), place.kind
            except PlaceFailed as failure:
                # it may have gone from the very place that it is put back to
                is_gone = isinstance(failure.error, ItemGone)
                level = logging.DEBUG if is_gone else logging.WARNING
                log.log(level, "copy.failed id=%d code=%s", order.item_id, failure.error.code)
                errors.append(failure.error)
        later = may_pass(errors)
        if later is not None:
            raise PlaceFailed(later)
        told = " ".join(dict.fromkeys(error.message for error in errors))
        raise NoCopy(told or "No copy of it is on record any more.")

    def _put_out_of(self, place: Place, order: Order) -> Landed:
        return self._target.put(
            order.path,
            partial(place.blocks, order.sha256, order.size_bytes, halt=self._halt),
            size_bytes=order.size_bytes,
            mtime_ns=order.mtime_ns,
            sha256=order.sha256,
        )

    def _note(
        self,
        order: Order,
        found: ItemError | ItemGone | TransientError | PlaceFailed,
        tally: Tally,
    ) -> None:
        """One that could not be put; what time or the user can cure stays asked for."""
        error = found.error if isinstance(found, PlaceFailed) else found
        passes = isinstance(found, (PlaceFailed, TransientError))
        log.warning("item.not_restored id=%d code=%s", order.item_id, error.code)
        tally.troubles.append(Trouble(order.item_id, order.path, error, passes))
        if not passes:
            now = int(self._clock())
            self._restores.fail(order, code=error.code, message=error.message, now=now)

    def preview(self, orders: Sequence[Order]) -> list[tuple[Order, str]]:
        """For each what would happen: "there", "exists", "none", or the place it comes from.

        Nothing is read to its end, so that damage shows only when it is done.
        """
        lying = self._target.look([order.path for order in orders])
        return [
            (order, self._foreseen(order, there))
            for order, there in zip(orders, lying, strict=True)
        ]

    def _foreseen(self, order: Order, there: Lying | None) -> str:
        if there is not None:
            return "there" if there.size_bytes == order.size_bytes else "exists"
        for place in self._whereabouts.places(order.sha256):
            try:
                with place.opened():
                    return place.kind
            except (PhotosyncError, OSError) as error:
                log.debug("copy.failed path=%r reason=%s", readable(order.path), error)
        return "none"


def _is_as_put(order: Order, there: Lying) -> bool:
    return (
        order.has_mtime_ns is not None
        and there.size_bytes % (1 << 32) == order.size_bytes % (1 << 32)
        and abs(there.mtime_ns - order.has_mtime_ns) <= COARSEST_NS
    )
