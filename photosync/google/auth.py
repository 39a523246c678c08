"""The sign-in: the token file, its refresh, and what Google says of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shlex
import stat
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from photosync.config.hosts import is_loopback
from photosync.errors import ClientInvalid, DiskFull, PhotosyncError, ScopeMissing, SignInRequired
from photosync.google.answers import token_error_of
from photosync.google.faults import HEADER_SAFE, skew_seconds
from photosync.google.http import Call
from photosync.google.scopes import APPEND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.oauth2.credentials import Credentials

    from photosync.google.faults import Answer
    from photosync.google.http import Wire
    from photosync.google.ports import DeadTokens

log = logging.getLogger(__name__)

LARGEST_TOKEN_FILE = 65_536
LONGEST_LIFE = 86_400  # seconds; no access token is believed to live longer
USUAL_LIFE = 3_600
LONGEST_LEASE = 400 * 86_400
"""Seconds. A sign-in that is said to last longer lasts."""

PLAIN = re.compile(r"[a-z]+://[A-Za-z0-9._:\[\]-]+(?:[/?][!-\[\]-~]*)?")
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - google-auth wants UTC without a zone
LEFT_OVER_SECONDS = 3600
PROBE_SECONDS = 3600
"""A sign-in that Google refuses, fresh token and all, is tried again only so often."""
OTHERS = stat.S_IRWXG | stat.S_IRWXO
NEEDED = ("refresh_token", "token_uri", "client_id", "client_secret")


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A token file as it was read. ``identity`` changes when another one takes its place."""

    identity: tuple[int, int, int]
    credentials: Credentials
    fingerprint: str


class Authorization:
    """Hands out Authorization headers; one refresh at a time, and none with a dead token.

    A new token file is noticed by itself: nobody has to restart anything after signing in.
    """

    def __init__(
        self,
        token_file: Path,
        *,
        wire: Wire,
        dead_tokens: DeadTokens,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = token_file
        self._wire = wire
        self._dead = dead_tokens
        self._clock = clock
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self._refused: tuple[str, float] = ("", 0.0)

    def signed_in(self) -> bool:
        """Whether asking Google makes sense: a token neither dead nor refused. No request."""
        try:
            with self._lock:
                loaded = self._load()
        except PhotosyncError:
            return False
        fingerprint, at = self._refused
        is_refused = fingerprint == loaded.fingerprint and 0 <= self._clock() - at < PROBE_SECONDS
        return not is_refused and not self._dead.is_dead(loaded.fingerprint)

    def refused(self) -> None:
        """Google does not let this sign-in do what it should, though its token is fresh."""
        with self._lock:
            if self._loaded is not None:
                self._refused = (self._loaded.fingerprint, self._clock())

    def who(self) -> str:
        """Tells sign-ins apart without telling them; "" if nobody is signed in."""
        try:
            with self._lock:
                return self._load().fingerprint
        except PhotosyncError:
            return ""

    def header(self) -> str:
        """``Bearer …`` with an access token that has not expired.

        Raises:
            SignInRequired, ScopeMissing, ClientInvalid: The user has to act.
            Offline, TransientError: Google's sign-in server could not be asked.
        """
        with self._lock:
            loaded = self._load()
            if not loaded.credentials.valid:
                self._refresh(loaded)
            return f"Bearer {loaded.credentials.token}"

    def renew(self, refused: str) -> None:
        """Google refused that header: refresh, unless another thread has done so already."""
        with self._lock:
            loaded = self._load()
            if f"Bearer {loaded.credentials.token}" == refused:
                self._refresh(loaded)

    def _load(self) -> _Loaded:
        identity = _identity(self._file)
        if self._loaded is None or self._loaded.identity != identity:
            info = read_token(self._file)
            self._loaded = _Loaded(identity, credentials_of(info), fingerprint_of(info))
        return self._loaded

    def _refresh(self, loaded: _Loaded) -> None:
        if self._dead.is_dead(loaded.fingerprint):
            raise SignInRequired("The sign-in has expired or was revoked.")
        try:
            fresh = refresh(loaded.credentials, self._wire, clock=self._clock)
        except SignInRequired:
            self._dead.bury(loaded.fingerprint)
            raise
        except (ClientInvalid, ScopeMissing):
            self._refused = (loaded.fingerprint, self._clock())
            raise
        log.debug("token.refreshed")
        self._dead.ends(fresh.ends_at)
        self._keep(loaded)

    def _keep(self, loaded: _Loaded) -> None:
        """Write the fresh access token down, unless the user has signed in anew meanwhile."""
        if _identity(self._file) != loaded.identity:
            self._loaded = None
            return
        try:
            write_token(self._file, loaded.credentials)
        except OSError as error:
            log.warning("token.unwritten reason=%s", error.strerror)
            return
        except DiskFull as error:
            log.warning("token.unwritten reason=%s", error.message)
            return
        found = {"refresh_token": loaded.credentials.refresh_token}  # Google may give another one
        self._loaded = _Loaded(_identity(self._file), loaded.credentials, fingerprint_of(found))


def read_token(token_file: Path, *, private: bool = True) -> dict[str, Any]:
    """What the token file holds: exactly what google-auth's ``Credentials.to_json()`` wrote.

    Raises:
        SignInRequired: There is none, or it is no such file; or it is open to others, unless it
            need not be ``private``.
        ScopeMissing: It was given without the permission to add photos.
    """
    try:
        with token_file.open("rb") as file:
            if private:
                _refuse_readable(token_file, file.fileno())
            info = json.loads(file.read(LARGEST_TOKEN_FILE))
    except FileNotFoundError as error:
        raise SignInRequired(
            f"photosync is not signed in to Google Photos (there is no {token_file})."
        ) from error
    except OSError as error:
        raise SignInRequired(
            f"The token file {token_file} cannot be read: {error.strerror}.",
            hint="Let the user that runs photosync read it, or sign in again: photosync auth",
        ) from error
    except (ValueError, RecursionError):
        raise SignInRequired(f"The token file {token_file} is damaged.") from None
    return _checked(info, token_file)


def _checked(info: Any, token_file: Path) -> dict[str, Any]:
    if not isinstance(info, dict) or any(
        not HEADER_SAFE.fullmatch(_text(info, key) or "") for key in NEEDED
    ):
        raise SignInRequired(f"The token file {token_file} is not complete.")
    if not is_safe_uri(info["token_uri"]):
        raise SignInRequired(f"The token file {token_file} names an address that is not safe.")
    if scopes_of(info) and APPEND not in scopes_of(info):
        raise ScopeMissing("The sign-in lacks the permission to add photos.")
    return info


def scopes_of(info: Mapping[str, Any]) -> list[str]:
    """The permissions that a token file names; empty if it does not say."""
    scopes = info.get("scopes")
    return [one for one in scopes if isinstance(one, str)] if isinstance(scopes, list) else []


def is_safe_uri(uri: str) -> bool:
    """Whether secrets may be sent there: https, or this very machine.

    No user names and no backslashes: parsers disagree about which host those lead to.
    """
    if not PLAIN.fullmatch(uri):
        return False
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    return parts.scheme == "http" and is_loopback(host)


def fingerprint_of(info: Mapping[str, Any]) -> str:
    """Tells refresh tokens apart without telling them."""
    return hashlib.sha256(str(info["refresh_token"]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What came with a fresh access token.

    ``ends_at``: when Google will end the sign-in, in seconds UTC, as it does while the consent
    screen is in "Testing" (§1.3, §1.6); ``ahead_seconds``: of our clock; None: it did not say.
    """

    ends_at: int | None
    ahead_seconds: float | None


def refresh(credentials: Credentials, wire: Wire, *, clock: Callable[[], float]) -> Refreshed:
    """Get a fresh access token by google-auth.

    Raises:
        SignInRequired, ScopeMissing, ClientInvalid: Google's word is final.
        ClockWrong: It may be, if this computer's clock were right.
        Offline, ConnectionLost, ServerTrouble, RateLimited: Ask again later.
    """
    transport = Transport(wire, clock)
    credentials.refresh(transport)  # type: ignore[no-untyped-call]  # google-auth has no types
    return Refreshed(transport.ends_at, transport.ahead_seconds)


def ends_at(told: object, *, now: float) -> int | None:
    """When Google ends a sign-in, from ``refresh_token_expires_in``; None if that says nothing."""
    if isinstance(told, bool) or not isinstance(told, (int, float)) or not 0 < told < LONGEST_LEASE:
        return None
    return int(now + told)


class Transport:
    """What google-auth sends its requests by: our own wire, so that it stops when we stop.

    It never sees a failure: it would sleep and ask again by itself, and its errors quote the
    answer, which may hold a token.
    """

    def __init__(self, wire: Wire, clock: Callable[[], float]) -> None:
        self._wire = wire
        self._clock = clock
        self.ends_at: int | None = None
        self.ahead_seconds: float | None = None

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the wire has its own
        **_: Any,
    ) -> Any:
        """Send one request; google-auth reads ``status``, ``headers`` and ``data``.

        Raises:
            PhotosyncError: What the answer stands for, unless it is a fresh access token.
        """
        answer = self._wire.send(Call(method, url, headers or {}, body=lambda: body))
        error = token_error_of(answer, now=self._clock())
        if error is not None:
            raise error
        told = answer.json().get("refresh_token_expires_in")
        self.ends_at = ends_at(told, now=self._clock())
        self.ahead_seconds = skew_seconds(answer, self._clock())
        return _Response(answer)


class _Response:
    """A good answer, reduced to what google-auth can digest."""

    def __init__(self, answer: Answer) -> None:
        told: dict[str, Any] = answer.json()
        kept = {name: told[name] for name in ("access_token", "scope") if _text(told, name)}
        if HEADER_SAFE.fullmatch(_text(told, "refresh_token") or ""):
            kept["refresh_token"] = told["refresh_token"]
        self.status = answer.status
        self.headers: dict[str, str] = {}
        self.data = json.dumps(kept | {"expires_in": _life(told.get("expires_in"))}).encode()


def _life(told: object) -> int:
    """Seconds that an access token lives; some servers write the number as text."""
    try:
        seconds = int(told) if isinstance(told, (int, float, str)) else USUAL_LIFE
    except (ValueError, OverflowError):
        seconds = USUAL_LIFE
    return min(max(seconds, 0), LONGEST_LIFE)


def write_token(token_file: Path, credentials: Credentials) -> None:
    """Replace the token file at once, readable by its owner alone.

    Raises:
        DiskFull: There is no room.
        OSError: It cannot be written.
    """
    text: str = credentials.to_json()  # type: ignore[no-untyped-call]  # google-auth has no types
    replace_private(token_file, text, prefix=".token-")


def replace_private(target: Path, text: str, *, prefix: str) -> None:
    """Replace a file at once, readable by its owner alone.

    Raises:
        DiskFull: There is no room.
        OSError: It cannot be written.
    """
    for left in target.parent.glob(f"{prefix}*"):  # a kill in the middle left it
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT_OVER_SECONDS:
                left.unlink()
    descriptor, name = tempfile.mkstemp(prefix=prefix, dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except OSError as error:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        if error.errno == 28:  # noqa: PLR2004 - ENOSPC
            raise DiskFull(f"There is no room for {target}.") from error
        raise


def credentials_of(info: Mapping[str, Any]) -> Credentials:
    """google-auth's credentials for what a token file holds.

    Not by its ``from_authorized_user_info``, which puts Google's own address over the file's
    ``token_uri``.
    """
    from google.oauth2.credentials import Credentials

    token = _text(info, "token") or ""
    return Credentials(  # type: ignore[no-untyped-call]  # google-auth has no types
        token=token if HEADER_SAFE.fullmatch(token) else None,
        refresh_token=info["refresh_token"],
        token_uri=info["token_uri"],
        client_id=info["client_id"],
        client_secret=info["client_secret"],
        scopes=scopes_of(info) or None,
        expiry=_expiry(info),
        account=_text(info, "account") or "",
    )


def _text(info: Mapping[str, Any], key: str) -> str | None:
    value = info.get(key)
    return value if isinstance(value, str) else None


def _expiry(info: Mapping[str, Any]) -> datetime:
    """When the access token expires: UTC without a zone, as google-auth wants it.

    A file that does not say, or says nonsense, has one that is to be refreshed.
    """
    try:
        told = datetime.fromisoformat(_text(info, "expiry") or "")
        told = told.astimezone(UTC).replace(tzinfo=None) if told.tzinfo else told
        return max(told, EPOCH)
    except (ValueError, OverflowError):
        return EPOCH


def _identity(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (0, 0, 0)  # reading it says why
    return (found.st_dev, found.st_ino, found.st_mtime_ns)


def _refuse_readable(file: Path, descriptor: int) -> None:
    """A token that others can read is worth nothing: they may have it already."""
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if mode & OTHERS:
        raise SignInRequired(
            f"The token file {file} is open to others on this computer (mode {mode:o}), and whoever"
            " has it can add to your library.",
            hint=f"If nobody can have read it: chmod 600 {shlex.quote(str(file))}. Else:"
            " photosync auth --revoke, then photosync auth",
        )
