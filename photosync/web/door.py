"""Who is let in where a password is asked for: sessions, and how often one may try."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import time
from http.cookies import CookieError, SimpleCookie
from threading import Lock
from typing import TYPE_CHECKING

from photosync.errors import PasswordUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

COOKIE = "photosync"
SESSION_SECONDS = 14 * 86_400
MOST_SESSIONS = 100
TRIES, TRIES_SECONDS = 5, 60.0
"""So many wrong passwords in so long, from everywhere together."""
LEAST_CHARACTERS = 8
MOST_CHARACTERS = 1024
HASHED = "$argon2"


class Door:
    """Knows the password, and who has said it. For any number of threads.

    Raises:
        PasswordUnusable: The file cannot be read, others may read it, or holds no password.
    """

    def __init__(
        self, password_file: Path, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._password = _read(password_file)
        self._monotonic = monotonic
        self._sessions: dict[str, float] = {}
        self._wrong: list[float] = []
        self._right = b""
        self._lock = Lock()

    def wait_seconds(self) -> float:
        """How long nobody may try, because of too many wrong passwords; 0.0: now."""
        with self._lock:
            return self._wait()

    def sign_in(self, password: str) -> str | None:
        """A new session, or None: it is wrong, or too many were."""
        if not self._fits(password):
            return None
        session = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[_digest(session)] = self._monotonic() + SESSION_SECONDS
            while len(self._sessions) > MOST_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
        return session

    def sign_out(self, session: str) -> None:
        """That session is over."""
        with self._lock:
            self._sessions.pop(_digest(session), None)

    def session(self, headers: Mapping[str, Sequence[str]]) -> str | None:
        """The session that a request belongs to."""
        cookie = SimpleCookie()
        try:
            cookie.load("; ".join(headers.get("cookie", ())))
        except CookieError:
            return None
        session = cookie[COOKIE].value if COOKIE in cookie else ""
        with self._lock:
            ends = self._sessions.get(_digest(session), 0.0)
        return session if ends > self._monotonic() else None

    def takes_basic(self, headers: Mapping[str, Sequence[str]]) -> bool:
        """Whether a program has said the password (RFC 7617), under any name."""
        kind, _, coded = (headers.get("authorization") or [""])[0].partition(" ")
        try:
            _, colon, password = base64.b64decode(coded).decode().partition(":")
        except (binascii.Error, ValueError):
            return False
        return kind.lower() == "basic" and bool(colon) and self._fits(password)

    def _fits(self, password: str) -> bool:
        """One at a time: argon2 takes much memory for each."""
        with self._lock:
            if self._wait() or len(password) > MOST_CHARACTERS:
                return False
            digest = hashlib.sha256(password.encode("utf-8", "replace")).digest()
            if self._right and hmac.compare_digest(digest, self._right):
                return True  # a scraper says it every few seconds
            if not _is_password(password, self._password):
                self._wrong.append(self._monotonic())
                return False
            self._right = digest
            return True

    def _wait(self) -> float:
        now = self._monotonic()
        self._wrong = [at for at in self._wrong if now - at < TRIES_SECONDS]
        return TRIES_SECONDS - (now - self._wrong[0]) if len(self._wrong) >= TRIES else 0.0


def write_password(file: Path, password: str) -> None:
    """Write what a password can be held against into ``file``: nobody learns it from there.

    Raises:
        PasswordUnusable: It is too short, or cannot be written.
    """
    from argon2 import PasswordHasher

    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise PasswordUnusable(
            f"A password for the web page has {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters.",
            hint="Think of another one.",
        )
    content = PasswordHasher().hash(password)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(f"{content}\n")
        fresh.replace(file)
    except OSError as error:
        raise PasswordUnusable(
            f"The password for the web page cannot be written: {file}: {error.strerror}.",
            hint="Let this user write there, or name another web.password_file.",
        ) from error


def _is_password(said: str, known: str) -> bool:
    if not known.startswith(HASHED):
        return hmac.compare_digest(said.encode("utf-8", "replace"), known.encode())
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return PasswordHasher().verify(known, said)
    except (Argon2Error, InvalidHashError):
        return False


def _read(file: Path) -> str:
    try:
        mode = file.stat().st_mode
        content = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise PasswordUnusable(
            f"The password for the web page cannot be read: {file}: {why}."
        ) from error
    if mode & 0o077:
        raise PasswordUnusable(
            f"Others than its owner may read the password for the web page: {file}.",
            hint=f"chmod 600 {file}",
        )
    if len(content) < LEAST_CHARACTERS:
        raise PasswordUnusable(
            f"The password for the web page in {file} has fewer than {LEAST_CHARACTERS} characters."
        )
    return content


def _digest(session: str) -> str:
    return hashlib.sha256(session.encode("utf-8", "replace")).hexdigest()
