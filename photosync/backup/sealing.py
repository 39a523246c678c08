"""Seals and opens streams in the age format (https://age-encryption.org/v1), a block at a time.

age authenticates every 64 KiB by itself: what was changed or cut off is noticed when the stream
comes to it, never later than at its end.
"""

from __future__ import annotations

import io
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, BinaryIO

from photosync.errors import BackupLost, KeyWrong

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from _typeshed import WriteableBuffer

SUFFIX = ".age"
BLOCK_BYTES = 1 << 20
MOST_WAITING_BYTES = 4 << 20
"""So much is opened ahead of whoever reads."""

NO_KEY = "No matching keys found"
"""What pyrage says if none of the identities is meant."""


class _Source(io.RawIOBase):
    """What ``read`` gives, as a file; its own error is kept, since pyrage makes another of it."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._rest = memoryview(b"")
        self.error: BaseException | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        try:
            if not self._rest:
                self._rest = memoryview(self._read(BLOCK_BYTES))
        except BaseException as error:
            self.error = error
            raise
        into = memoryview(buffer).cast("B")
        some = self._rest[: len(into)]
        into[: len(some)] = some
        self._rest = self._rest[len(some) :]
        return len(some)


class _Sink(io.RawIOBase):
    """What is written goes to ``write``, in large blocks; its own error is kept."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._held = bytearray()
        self.error: BaseException | None = None

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        self._held += block
        if len(self._held) >= BLOCK_BYTES:
            self.pass_on()
        return len(block)

    def pass_on(self) -> None:
        """Whatever is held goes on."""
        held, self._held = bytes(self._held), bytearray()
        try:
            if held:
                self._write(held)
        except BaseException as error:
            self.error = error
            raise


def seal(
    read: Callable[[int], bytes], write: Callable[[bytes], None], recipients: Sequence[Any]
) -> None:
    """Seal all that ``read`` gives; what they raise is raised."""
    import pyrage

    source, sink = _Source(read), _Sink(write)
    try:
        pyrage.encrypt_io(source, sink, recipients)
        sink.pass_on()
    except BaseException:
        _raise_own(source, sink)
        raise


def unseal(
    read: Callable[[int], bytes], write: Callable[[bytes], None], identities: Sequence[Any]
) -> None:
    """Open a sealed stream to its end.

    What ``read`` and ``write`` raise is raised, else:

    Raises:
        KeyWrong: It was sealed for other keys.
        BackupLost: It is no sealed stream, or not as it was.
    """
    import pyrage

    source, sink = _Source(read), _Sink(write)
    try:
        pyrage.decrypt_io(source, sink, identities)
        sink.pass_on()
    except pyrage.DecryptError as error:
        _raise_own(source, sink)
        raise _refusal(error) from error
    except BaseException as error:
        _raise_own(source, sink)
        if isinstance(error, OSError):
            raise _refusal(error) from error
        raise


def _raise_own(source: _Source, sink: _Sink) -> None:
    own = source.error or sink.error
    if own is not None:
        raise own


def _refusal(error: Exception) -> KeyWrong | BackupLost:
    if str(error) == NO_KEY:
        return KeyWrong("The second copy was sealed for another key than the one that is here.")
    return BackupLost(f"It cannot be opened, since it is not as it was sealed: {error}.")


def unsealed(source: BinaryIO, identities: Sequence[Any]) -> BinaryIO:
    """The plain content of a sealed stream, to be read from its beginning and closed.

    Opened in a thread of its own, at most ``MOST_WAITING_BYTES`` ahead. Reading raises as
    ``unseal`` does. ``source`` stays open.
    """
    return io.BufferedReader(_Unsealed(source, identities), BLOCK_BYTES)


class _Closed(Exception):
    """Whoever reads has read enough."""


class _Unsealed(io.RawIOBase):
    def __init__(self, source: BinaryIO, identities: Sequence[Any]) -> None:
        self._changed = threading.Condition()
        self._blocks: deque[memoryview] = deque()
        self._waiting_bytes = 0
        self._is_over = False
        self._is_unwanted = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._open, args=(source, identities), name="unseal", daemon=True
        )
        self._thread.start()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        into = memoryview(buffer).cast("B")
        with self._changed:
            self._changed.wait_for(lambda: self._blocks or self._is_over)
            if not self._blocks:
                if self._error is not None:
                    raise self._error
                return 0
            block = self._blocks.popleft()
            some = block[: len(into)]
            if len(some) < len(block):
                self._blocks.appendleft(block[len(some) :])
            self._waiting_bytes -= len(some)
            self._changed.notify_all()
        into[: len(some)] = some
        return len(some)

    def close(self) -> None:
        if self.closed:
            return
        with self._changed:
            self._is_unwanted = True
            self._blocks.clear()
            self._changed.notify_all()
        self._thread.join()
        super().close()

    def _open(self, source: BinaryIO, identities: Sequence[Any]) -> None:
        try:
            unseal(source.read, self._put, identities)
        except _Closed:
            pass
        except BaseException as error:  # noqa: BLE001 - raised where it is read
            self._error = error
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _put(self, block: bytes) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting_bytes < MOST_WAITING_BYTES or self._is_unwanted
            )
            if self._is_unwanted:
                raise _Closed
            self._blocks.append(memoryview(block))
            self._waiting_bytes += len(block)
            self._changed.notify_all()
