"""What gphotos-uploader-cli keeps of the files that it has uploaded.

Its code, every version from 0.3 to 5.x: a key is the file's path, a value ends in the xxHash32 of
the whole file, seeded with 0xCAFE, as a decimal number. Before it may stand a time and "|": seconds
until 1.x, nothing in 2.x and up to 3.1, nanoseconds since 3.2. Before 0.3 the key was the hash.
The time proves nothing, so the hash alone counts here.
"""

from __future__ import annotations

from typing import NamedTuple

GPHOTOS_UPLOADER = "gphotos-uploader-cli"
SEED = 0xCAFE
FOLDERS = ("uploaded_files", "uploads.db")
"""Its record below its own folder: since 4.0, and until 3.x."""

HOMES = ("~/.gphotos-uploader-cli", "~/.config/gphotos-uploader-cli")
"""Its own folder: since 1.0, and until then."""


class Tracked(NamedTuple):
    """A file that it has uploaded: its path, and the hash of the version that it was."""

    path: str
    xxhash32: int


def tracked(key: bytes, value: bytes) -> Tracked | None:
    """One line of its record; None if it is none that says which file, and which version."""
    number = value.rpartition(b"|")[2]
    if not key.startswith(b"/") or b"\0" in key or not number.isdigit() or len(number) > 10:  # noqa: PLR2004 - 2**32 has ten digits
        return None
    return Tracked(key.decode("utf-8", "surrogateescape"), int(number))
