"""Writes a small LevelDB by its specification: a list of files and one journal.

Independent of what photosync reads it with, but for the checksum, which the database of goleveldb
beside this file holds against the real one.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from photosync.domain.leveldb import masked_crc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BLOCK = 32768


def number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def string(value: bytes) -> bytes:
    return number(len(value)) + value


def journal(*records: bytes) -> bytes:
    out = bytearray()
    for record in records:
        left, is_first = record, True
        while is_first or left:
            room = BLOCK - len(out) % BLOCK
            if room < 7:
                out += b"\0" * room
                room = BLOCK
            part, left = left[: room - 7], left[room - 7 :]
            kind = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[
                is_first, not left
            ]
            crc = masked_crc(bytes([kind]) + part)
            out += struct.pack("<IHB", crc, len(part), kind) + part
            is_first = False
    return bytes(out)


def batch(sequence: int, pairs: Mapping[bytes, bytes | None]) -> bytes:
    out = struct.pack("<QI", sequence, len(pairs))
    for key, value in pairs.items():
        out += b"\0" + string(key) if value is None else b"\1" + string(key) + string(value)
    return out


def write_leveldb(folder: Path, pairs: Mapping[bytes, bytes]) -> Path:
    """A LevelDB of these; its folder."""
    folder.mkdir(parents=True)
    edit = number(1) + string(b"leveldb.BytewiseComparator")
    edit += number(2) + number(3) + number(9) + number(0) + number(3) + number(4)
    edit += number(4) + number(len(pairs))
    (folder / "MANIFEST-000002").write_bytes(journal(edit))
    (folder / "CURRENT").write_bytes(b"MANIFEST-000002\n")
    (folder / "LOCK").touch()
    (folder / "000003.log").write_bytes(journal(batch(1, pairs)))
    return folder
