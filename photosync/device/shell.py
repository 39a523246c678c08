"""Commands on the phone, through the second version of adb's shell service.

It gives the exit status, keeps stderr apart, and ends the command when we hang up. The first
version ends a cut-off answer like a whole one (phone.md §0.4 and §0.5), so it is not used.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.device import wire
from photosync.errors import PhoneGarbled, PhoneStalled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from photosync.device.server import AdbServer
    from photosync.device.stream import Stream

LONGEST_PACKET = 1 << 20
LONGEST_ANSWER = 8 << 20
"""Bytes of output that a command of ours may have; only a phone gone mad says more."""

LONGEST_RUN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said and how it ended."""

    status: int
    out: bytes
    err: bytes


def command(words: Sequence[bytes]) -> bytes:
    """The words as one line for the phone's shell; none of them is more than a word."""
    return b" ".join(map(wire.quoted, words))


def run(
    server: AdbServer, serial: str, line: bytes, *, seconds: float = LONGEST_RUN_SECONDS
) -> Answer:
    """Run a line of shell on the phone; every name in it has to come out of ``wire.quoted``.

    Raises:
        PhoneGone: It was unplugged before the command ended.
        PhoneStalled: The command took longer than ``seconds``.
        PhoneGarbled: It said too much, or nonsense.
    """
    ends = time.monotonic() + seconds
    out, err = bytearray(), bytearray()
    with server.open(serial, b"shell,v2,raw:" + line) as stream:
        stream.end_within(seconds)  # a command that only hashes says nothing before its end
        for kind, content in packets(stream):
            if kind == wire.EXIT:
                return Answer(content[0] if content else 255, bytes(out), bytes(err))
            (out if kind == wire.STDOUT else err).extend(content)
            if len(out) + len(err) > LONGEST_ANSWER:
                raise PhoneGarbled("A command on the phone had no end of words.")
            if time.monotonic() > ends:
                break
    raise PhoneStalled("A command on the phone took too long.")


def packets(stream: Stream) -> Iterator[tuple[int, bytes]]:
    """(kind, content) of what a running command says; its exit status comes last.

    Raises:
        PhoneGone, PhoneStalled: The connection ended before the command did.
        PhoneGarbled: Not this protocol.
    """
    while True:
        kind, size = wire.SHELL.unpack(stream.read(wire.SHELL.size))
        if kind not in (wire.STDOUT, wire.STDERR, wire.EXIT) or size > LONGEST_PACKET:
            raise PhoneGarbled(f"The phone's shell sent a packet of kind {kind}, {size:,} bytes.")
        yield kind, stream.read(size)
        if kind == wire.EXIT:
            return
