"""What the files of a LevelDB say: journals, tables and the list of both, as values.

https://github.com/google/leveldb/tree/main/doc: log_format.md, table_format.md, and for the rest
db/version_edit.cc and db/write_batch.cc there. goleveldb keeps the same. Everything here is checked
against its checksum; whatever does not fit raises ValueError.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from photosync.domain import snappy

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES = 32768
HEADER = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
BATCH_BYTES = 12
FOOTER_BYTES = 48
TRAILER_BYTES = 5
SEQUENCE_BYTES = 8
MAGIC = 0xDB4775248B80FB57
COMPARATOR = b"leveldb.BytewiseComparator"
REMOVED, PUT = 0, 1

Entry = tuple[bytes, int, bytes | None]
"""A key, the number of the write that it is of, and the value; None: it was removed."""


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


CRC_TABLE = _crc_table()


def masked_crc(data: bytes) -> int:
    """The CRC-32C that stands beside ``data``, as LevelDB writes it."""
    crc, table = 0xFFFFFFFF, CRC_TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return (crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF


class Reader:
    """Reads numbers and strings one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        """Whether everything was read."""
        return self._at >= len(self._data)

    def number(self) -> int:
        """A number of variable length."""
        found = 0
        for shift in range(0, 64, 7):
            (byte,) = self.raw(1)
            found |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
                return found
        raise ValueError("a number has no end")

    def raw(self, count: int) -> bytes:
        """So many bytes."""
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise ValueError("it is cut off")
        self._at += count
        return found

    def string(self) -> bytes:
        """Bytes with their number before them."""
        return self.raw(self.number())


def records(journal: bytes) -> Iterator[bytes]:
    """The records of a journal. One at its very end that is not whole was never finished."""
    parts: list[bytes] = []
    at = 0
    while at + HEADER.size <= len(journal):
        left_in_block = BLOCK_BYTES - at % BLOCK_BYTES
        if left_in_block < HEADER.size:
            at += left_in_block
            continue
        crc, length, kind = HEADER.unpack_from(journal, at)
        if kind == 0 and length == 0:  # room that was made and not used
            at += left_in_block
            continue
        end = at + HEADER.size + length
        if end > len(journal):
            return
        payload = journal[at + HEADER.size : end]
        if length > left_in_block - HEADER.size or masked_crc(bytes([kind]) + payload) != crc:
            if end == len(journal):
                return
            raise ValueError("a record of a journal is not what was written")
        parts = [payload] if kind in (FULL, FIRST) else [*parts, payload]
        if kind in (FULL, LAST):
            yield b"".join(parts)
            parts = []
        at = end


def writes(record: bytes) -> Iterator[Entry]:
    """What a record of a journal of writes put and removed."""
    if len(record) < BATCH_BYTES:
        raise ValueError("a write is cut off")
    sequence, count = struct.unpack_from("<QI", record)
    reader = Reader(record[BATCH_BYTES:])
    for number in range(count):
        (kind,) = reader.raw(1)
        if kind not in (REMOVED, PUT):
            raise ValueError("a write is of no known kind")
        key = reader.string()
        yield key, sequence + number, reader.string() if kind == PUT else None


@dataclass(slots=True)
class Live:
    """Which files hold what there is: tables by number, and journals from ``journal`` on."""

    journal: int = 0
    earlier_journal: int = 0
    tables: set[int] = field(default_factory=set)

    def has_journal(self, number: int) -> bool:
        """Whether that journal holds what no table holds yet."""
        return number >= self.journal or (number == self.earlier_journal != 0)


def live_files(manifest: bytes) -> Live:
    """What the list says in the end."""
    live = Live()
    for record in records(manifest):
        _edit(live, Reader(record))
    return live


def _edit(live: Live, reader: Reader) -> None:
    while not reader.is_at_end:
        tag = reader.number()
        if tag == 1:
            if reader.string() != COMPARATOR:
                raise ValueError("its keys are in an order of their own")
        elif tag in (2, 9):
            name = "journal" if tag == 2 else "earlier_journal"  # noqa: PLR2004 - as below
            setattr(live, name, reader.number())
        elif tag in (3, 4):  # the next file and the last write
            reader.number()
        elif tag == 5:  # noqa: PLR2004 - where tidying up is to go on
            reader.number()
            reader.string()
        elif tag == 6:  # noqa: PLR2004 - a table that is no more
            reader.number()
            live.tables.discard(reader.number())
        elif tag == 7:  # noqa: PLR2004 - a new table: level, number, size, first and last key
            reader.number()
            live.tables.add(reader.number())
            reader.number()
            reader.string()
            reader.string()
        else:
            raise ValueError(f"its list of files says something unknown ({tag})")


def table_entries(table: bytes) -> Iterator[Entry]:
    """Everything in a table, removed keys among it."""
    if len(table) < FOOTER_BYTES:
        raise ValueError("a table is cut off")
    footer = Reader(table[-FOOTER_BYTES:])
    if int.from_bytes(table[-8:], "little") != MAGIC:
        raise ValueError("a table does not end as one")
    footer.number(), footer.number()  # the index of what we do not need
    for _, place in _pairs(_block(table, footer.number(), footer.number())):
        handle = Reader(place)
        for key, value in _pairs(_block(table, handle.number(), handle.number())):
            if len(key) < SEQUENCE_BYTES:
                raise ValueError("a key is cut off")
            mark = int.from_bytes(key[-SEQUENCE_BYTES:], "little")
            kind = mark & 0xFF
            yield key[:-SEQUENCE_BYTES], mark >> 8, value if kind == PUT else None


def _block(table: bytes, offset: int, size_bytes: int) -> bytes:
    end = offset + size_bytes
    if end + TRAILER_BYTES > len(table):
        raise ValueError("a table is cut off")
    kind = table[end]
    (crc,) = struct.unpack_from("<I", table, end + 1)
    if masked_crc(table[offset : end + 1]) != crc:
        raise ValueError("a block of a table is not what was written")
    block = table[offset:end]
    if kind not in (0, 1):
        raise ValueError("a table is packed in a way that is not known")
    return snappy.opened(block) if kind == 1 else block


def _pairs(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(block) < 4:  # noqa: PLR2004 - the number of its starting points
        raise ValueError("a block is cut off")
    starts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * starts
    if end < 0:
        raise ValueError("a block is cut off")
    reader, key = Reader(block[:end]), b""
    while not reader.is_at_end:
        shared, own, length = reader.number(), reader.number(), reader.number()
        if shared > len(key):
            raise ValueError("a key refers to what is not there")
        key = key[:shared] + reader.raw(own)
        yield key, reader.raw(length)
