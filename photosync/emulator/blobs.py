"""Uploaded bytes on disk, and the tokens that stand for them (google-photos-api.md §2.1)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from photosync.emulator.database import Database

_BLOCK_BYTES: Final = 1024**2


class Digest:
    """SHA-1 (for X-Goog-Hash) and SHA-256 (for identity) of the same bytes."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def update(self, chunk: bytes) -> None:
        """Take in more bytes."""
        self.size_bytes += len(chunk)
        self._sha1.update(chunk)
        self._sha256.update(chunk)

    @property
    def sha256(self) -> str:
        """SHA-256 so far, hex."""
        return self._sha256.hexdigest()

    def matches(self, header: str) -> bool:
        """Whether an ``X-Goog-Hash`` header tells the truth; hashes other than sha1 are ignored."""
        for part in header.split(","):
            name, _, value = part.strip().partition("=")
            if name.lower() == "sha1" and _decoded(value) != self._sha1.digest():
                return False
        return True


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def digest_file(file: Path) -> Digest:
    """Hash a file in blocks of 1 MiB."""
    digest = Digest()
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK_BYTES):
            digest.update(block)
    return digest


@dataclass(frozen=True, slots=True)
class UploadToken:
    """A token that batchCreate takes, and the bytes behind it."""

    token: str
    user: str
    sha256: str
    size_bytes: int
    file_name: str
    created_at: float
    used: bool


class Blobs:
    """The folder of bytes and the table of tokens."""

    def __init__(self, directory: Path, database: Database, clock: Callable[[], float]) -> None:
        self.directory = directory / "blobs"
        self.uploading = directory / "uploading"
        self._database = database
        self._clock = clock
        self.directory.mkdir(parents=True, exist_ok=True)
        self.uploading.mkdir(parents=True, exist_ok=True)

    def keep(self, file: Path, digest: Digest, *, user: str, file_name: str) -> str:
        """Move a finished upload to the blobs; its fresh token."""
        os.replace(file, self.directory / digest.sha256)  # noqa: PTH105 -- replaces, unlike rename
        token = "CAIS" + secrets.token_urlsafe(120)
        self._database.run(
            "INSERT INTO upload_tokens (token, user, sha256, size_bytes, file_name, created_at) "
            "VALUES (:token, :user, :sha256, :size, :file_name, :now)",
            token=token,
            user=user,
            sha256=digest.sha256,
            size=digest.size_bytes,
            file_name=file_name,
            now=self._clock(),
        )
        return token

    def token(self, token: str) -> UploadToken | None:
        """What a token stands for, however old it is."""
        row = self._database.row("SELECT * FROM upload_tokens WHERE token = :token", token=token)
        if row is None:
            return None
        return UploadToken(
            row["token"],
            row["user"],
            row["sha256"],
            row["size_bytes"],
            row["file_name"],
            row["created_at"],
            bool(row["used"]),
        )

    def mark_used(self, token: str) -> None:
        """Remember that an item was made of it."""
        self._database.run("UPDATE upload_tokens SET used = 1 WHERE token = :token", token=token)

    def sweep(self, *, tokens_before: float) -> None:
        """Drop tokens made before then, and bytes that neither an item nor a token holds."""
        self._database.run("DELETE FROM upload_tokens WHERE created_at < :t", t=tokens_before)
        held = {
            row["sha256"]
            for row in self._database.rows(
                "SELECT sha256 FROM items UNION SELECT sha256 FROM upload_tokens"
            )
        }
        for file in self.directory.iterdir():
            if file.name not in held:
                file.unlink()
