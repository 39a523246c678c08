"""Resumable upload sessions on disk: a row for what was said, a file for what has arrived."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from photosync.emulator.database import Database
    from photosync.emulator.options import Options

ACTIVE, FINAL, CANCELLED, EXPIRED = "active", "final", "cancelled", "expired"


@dataclass(frozen=True, slots=True)
class Session:
    """A begun upload. ``state`` is active, final, cancelled or expired."""

    id: str
    user: str
    state: str
    size_bytes: int
    file_name: str
    hash_header: str
    corrupt: bool
    granularity_bytes: int
    upload_token: str
    file: Path

    @property
    def received_bytes(self) -> int:
        """How much has arrived; all of it once the upload is final."""
        if self.state == FINAL:
            return self.size_bytes
        try:
            return self.file.stat().st_size
        except FileNotFoundError:
            return 0


class Sessions:
    """The sessions of all users; ``folder`` holds the unfinished files."""

    def __init__(
        self, database: Database, folder: Path, options: Options, clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._folder = folder
        self._options = options
        self._clock = clock
        self._turns: dict[str, int] = {}

    def begin(self, user: str, *, size_bytes: int, file_name: str, hash_header: str) -> Session:
        """A new session with nothing received."""
        session_id = "AEnB2U" + secrets.token_urlsafe(60)
        self._database.run(
            "INSERT INTO upload_sessions (id, user, state, size_bytes, file_name, hash_header, "
            "granularity_bytes, created_at) "
            "VALUES (:id, :user, :state, :size, :name, :hash, :granularity, :now)",
            id=session_id,
            user=user,
            state=ACTIVE,
            size=size_bytes,
            name=file_name,
            hash=hash_header,
            granularity=self._options.granularity_bytes,
            now=self._clock(),
        )
        (self._folder / session_id).touch()
        session = self.find(session_id)
        assert session is not None
        return session

    def find(self, session_id: str) -> Session | None:
        """The session as it stands now."""
        row = self._database.row("SELECT * FROM upload_sessions WHERE id = :id", id=session_id)
        if row is None:
            return None
        age = self._clock() - row["created_at"]
        if row["state"] in {ACTIVE, FINAL} and age >= self._options.session_seconds:
            self.end(session_id, EXPIRED)
            return self.find(session_id)
        return self._session(row)

    def end(self, session_id: str, state: str, *, upload_token: str = "") -> None:
        """No more bytes: the session is final, cancelled or expired."""
        self._database.run(
            "UPDATE upload_sessions SET state = :state, upload_token = :token WHERE id = :id",
            state=state,
            token=upload_token,
            id=session_id,
        )
        (self._folder / session_id).unlink(missing_ok=True)

    def forget(self, session_id: str) -> None:
        """As if it had never been."""
        self.end(session_id, EXPIRED)
        self._database.run("DELETE FROM upload_sessions WHERE id = :id", id=session_id)

    def spoil(self, session_id: str) -> None:
        """The bytes were altered on the way: the checksum will not match."""
        self._database.run("UPDATE upload_sessions SET corrupt = 1 WHERE id = :id", id=session_id)

    def take_turn(self, session_id: str) -> int:
        """The newest request has the session; an older one still sending is cut off."""
        self._turns[session_id] = self._turns.get(session_id, 0) + 1
        return self._turns[session_id]

    def has_turn(self, session_id: str, turn: int) -> bool:
        """Whether no newer request has come since ``turn``."""
        return self._turns.get(session_id) == turn

    def sweep(self) -> None:
        """Expire what is too old and drop files without a session."""
        for row in self._database.rows("SELECT id FROM upload_sessions"):
            self.find(row["id"])
        active = {
            row["id"]
            for row in self._database.rows("SELECT id FROM upload_sessions WHERE state = 'active'")
        }
        for file in self._folder.iterdir():
            if file.name not in active:
                file.unlink()

    def _session(self, row: sqlite3.Row) -> Session:
        return Session(
            id=row["id"],
            user=row["user"],
            state=row["state"],
            size_bytes=row["size_bytes"],
            file_name=row["file_name"],
            hash_header=row["hash_header"],
            corrupt=bool(row["corrupt"]),
            granularity_bytes=row["granularity_bytes"],
            upload_token=row["upload_token"],
            file=self._folder / row["id"],
        )
