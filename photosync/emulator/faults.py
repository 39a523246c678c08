"""Trouble on order: which request goes wrong, how, and how often."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SESSION: Final = ("upload.chunk", "upload.query", "upload.finalize", "upload.cancel")
_BATCH: Final = ("batchCreate",)

#: Each fault with the kinds of request it can happen to; ``*`` is every kind.
KINDS: Final[dict[str, tuple[str, ...]]] = {
    "quota-day": ("*",),
    "quota-minute": ("*",),
    "concurrent": ("*",),
    "uploads-quota": ("upload.*",),
    "500": ("*",),
    "502": ("*",),
    "503": ("*",),
    "503-with-retry-after": ("*",),
    "reset-before": ("*",),
    "reset-middle": ("*",),
    "reset-after": ("*",),
    "lost-answer": ("*",),
    "hang": ("*",),
    "expired-session": _SESSION,
    "item-code": _BATCH,
    "storage-full": _BATCH,
    "invalid-grant": ("token",),
    "401": ("*",),
    "api-not-enabled": ("*",),
    "scope-missing": ("*",),
    "html": ("*",),
    "truncated-json": ("*",),
    "missing-result": _BATCH,
    "reordered-results": _BATCH,
    "wrong-hash": ("upload.raw", "upload.chunk", "upload.finalize"),
    "missing-status-header": ("upload.start", *_SESSION),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble.

    Attributes:
        fault: Its name, a key of ``KINDS``.
        on: A glob over request kinds (``batchCreate``, ``upload.*``); requests the fault cannot
            happen to are passed over.
        times: How many requests it hits.
        skip: How many matching requests pass before.
        after_bytes: For ``reset-middle``: how much of the request's body arrives.
        item: For ``item-code`` and ``missing-result``: an index, or a glob over file names.
        seconds: For ``hang``, how long; for ``503-with-retry-after``, the advice.
        code: For ``item-code``, the google.rpc.Code (13); for ``html``, the HTTP status (200);
            for ``expired-session``, 410 or 404.
        body: For ``html``: the page.
    """

    fault: str
    on: str = "*"
    times: int = 1
    skip: int = 0
    after_bytes: int = 0
    item: int | str | None = None
    seconds: float | None = None
    code: int | None = None
    body: str | None = None

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Fault:
        """Read a fault from JSON.

        Raises:
            ValueError: The fault or a field is unknown, or a value is of the wrong type.
        """
        if not isinstance(values, dict):
            raise ValueError(f"A fault is an object, not {values!r}.")  # noqa: TRY004 -- one class for callers
        unknown = sorted(set(values) - set(_TYPES))
        if unknown:
            raise ValueError(f"A fault has no {unknown[0]!r}. Known: {', '.join(_TYPES)}.")
        for name, value in values.items():
            _check(name, value)
        if values.get("fault") not in KINDS:
            known = ", ".join(KINDS)
            raise ValueError(f"There is no fault {values.get('fault')!r}. Known: {known}.")
        return cls(**values)

    def to_mapping(self) -> dict[str, Any]:
        """The fault as JSON, without what is unset."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def concerns(self, kind: str) -> bool:
        """Whether it can happen to a request of ``kind``."""
        possible = any(fnmatchcase(kind, pattern) for pattern in KINDS[self.fault])
        return possible and fnmatchcase(kind, self.on)

    def picks(self, index: int, file_name: str, *, default: bool) -> bool:
        """Whether it means this item of a batch; ``default`` if it names none."""
        if self.item is None:
            return default
        if isinstance(self.item, int):
            return self.item == index
        return fnmatchcase(file_name, self.item)


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "fault": (str,),
    "on": (str,),
    "times": (int,),
    "skip": (int,),
    "after_bytes": (int,),
    "item": (int, str),
    "seconds": (int, float),
    "code": (int,),
    "body": (str,),
}
assert set(_TYPES) == {field.name for field in fields(Fault)}


def _check(name: str, value: Any) -> None:
    expected = _TYPES[name]
    if not isinstance(value, expected) or isinstance(value, bool):
        message = f"A fault's {name} is {expected[-1].__name__}, not {value!r}."
        raise ValueError(message)  # noqa: TRY004 -- one class for callers
    if isinstance(value, int | float):
        least = 1 if name == "times" else 0
        if not least <= value < 10**15:
            raise ValueError(f"A fault's {name} is a number from {least} up, not {value!r}.")


class FaultPlan:
    """The faults still to come, in the order they were added. Safe between threads."""

    def __init__(self, faults: Iterable[Fault | Mapping[str, Any]] = ()) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self.add_all(faults)

    def add(self, fault: Fault | Mapping[str, Any]) -> None:
        """Put one more fault at the end.

        Raises:
            ValueError: It is unknown or malformed.
        """
        self.add_all([fault])

    def add_all(self, faults: Iterable[Fault | Mapping[str, Any]]) -> None:
        """Put several at the end, or none if one of them is wrong.

        Raises:
            ValueError: One is unknown or malformed.
        """
        known = [
            Fault.from_mapping(fault.to_mapping() if isinstance(fault, Fault) else fault)
            for fault in faults
        ]
        with self._lock:
            self._waiting += [_Waiting(each, skip=each.skip, times=each.times) for each in known]

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._waiting.clear()

    def remaining(self) -> list[Fault]:
        """The faults that will still happen; empty once all have."""
        with self._lock:
            return [waiting.fault for waiting in self._waiting]

    def take(self, kind: str) -> Fault | None:
        """The fault that happens to this request of ``kind``, if any; counts it down."""
        with self._lock:
            for waiting in self._waiting:
                if waiting.fault.concerns(kind) and waiting.strikes():
                    self._waiting = [other for other in self._waiting if other.times > 0]
                    return waiting.fault
        return None


@dataclass(slots=True)
class _Waiting:
    fault: Fault
    skip: int
    times: int

    def strikes(self) -> bool:
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True
