"""Users, the OAuth client, and what they granted it (google-photos-api.md §1)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from photosync.emulator import bodies
from photosync.emulator.options import DAY

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from photosync.emulator.database import Database
    from photosync.emulator.options import Options

PREFIX: Final = "https://www.googleapis.com/auth/"
APPEND: Final = PREFIX + "photoslibrary.appendonly"
READ: Final = PREFIX + "photoslibrary.readonly.appcreateddata"
EDIT: Final = PREFIX + "photoslibrary.edit.appcreateddata"
#: Still grantable, worth nothing since 31 March 2025 (§1.1).
REMOVED: Final = tuple(PREFIX + f"photoslibrary{end}" for end in ("", ".readonly", ".sharing"))
PLAIN: Final = ("openid", "email", "profile")
KNOWN_SCOPES: Final = (
    *(APPEND, READ, EDIT, *REMOVED, *PLAIN),
    PREFIX + "userinfo.email",
    PREFIX + "userinfo.profile",
)

DEFAULT_USER: Final = "you@example.com"
_TESTING_SECONDS: Final = 7 * DAY
_UNUSED_SECONDS: Final = 180 * DAY
_LIVE_TOKENS: Final = 100
_CODE_SECONDS: Final = 600
_DEAD: Final = "Token has been expired or revoked."


@dataclass(frozen=True, slots=True)
class Admission:
    """Who sent a request and what they may do."""

    user: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """What an authorization code stands for."""

    user: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    challenge_method: str
    offline: bool


class People:
    """Grants, their tokens and codes, kept in the database."""

    def __init__(self, database: Database, options: Options, clock: Callable[[], float]) -> None:
        self._database = database
        self._options = options
        self._clock = clock
        number = f"{bodies.PROJECT}-{secrets.token_hex(16)}.apps.googleusercontent.com"
        self.client_id = self.secret("client_id", number)
        self.client_secret = self.secret("client_secret", "GOCSPX-" + secrets.token_urlsafe(21))

    def secret(self, name: str, fresh: str) -> str:
        """A value made once and kept for ever."""
        self._database.run(
            "INSERT OR IGNORE INTO secrets VALUES (:name, :fresh)", name=name, fresh=fresh
        )
        row = self._database.row("SELECT value FROM secrets WHERE name = :name", name=name)
        assert row is not None
        return str(row["value"])

    def known_to_app(self, user: str) -> bool:
        """Whether ``user`` has granted the app anything that still stands."""
        sql = "SELECT 1 FROM grants WHERE user = :user AND NOT revoked AND refresh_token NOTNULL"
        return self._database.row(sql, user=user) is not None

    def issue_code(self, wanted: CodeRequest) -> str:
        """A one-time code for what the user has just allowed; good for ten minutes."""
        code = "4/0A" + secrets.token_urlsafe(52)
        self._database.run(
            "INSERT INTO codes VALUES (:code, :user, :scopes, :redirect_uri, :challenge, "
            ":method, :offline, :expires_at)",
            code=code,
            user=wanted.user,
            scopes=" ".join(wanted.scopes),
            redirect_uri=wanted.redirect_uri,
            challenge=wanted.challenge,
            method=wanted.challenge_method,
            offline=wanted.offline,
            expires_at=self._clock() + _CODE_SECONDS,
        )
        return code

    def redeem(self, code: str) -> CodeRequest | None:
        """What the code stands for, once; None if it is unknown, used or too old."""
        with self._database.transaction():
            row = self._database.row("SELECT * FROM codes WHERE code = :code", code=code)
            self._database.run("DELETE FROM codes WHERE code = :code", code=code)
        if row is None or row["expires_at"] <= self._clock():
            return None
        return CodeRequest(
            row["user"],
            tuple(row["scopes"].split()),
            row["redirect_uri"],
            row["challenge"],
            row["challenge_method"],
            bool(row["offline"]),
        )

    def grant(self, user: str, scopes: Sequence[str], *, offline: bool = True) -> dict[str, Any]:
        """A new grant: the token endpoint's reply (§1.6)."""
        now = self._clock()
        refresh = "1//0" + secrets.token_urlsafe(72) if offline else None
        ends_at = now + _TESTING_SECONDS if self._options.testing_mode else None
        row = self._database.row(
            "INSERT INTO grants (user, scopes, refresh_token, created_at, used_at, expires_at) "
            "VALUES (:user, :scopes, :refresh, :now, :now, :ends_at) RETURNING *",
            user=user,
            scopes=" ".join(scopes),
            refresh=refresh,
            now=now,
            ends_at=ends_at,
        )
        assert row is not None
        self._retire_old_tokens(user)
        reply = self._reply(row)
        if refresh and not self._options.no_refresh_token:
            reply["refresh_token"] = refresh
            reply |= {"refresh_token_expires_in": _TESTING_SECONDS - 1} if ends_at else {}
        return reply

    def _retire_old_tokens(self, user: str) -> None:
        """Of too many live refresh tokens the oldest silently die (§1.3)."""
        self._database.run(
            "UPDATE grants SET revoked = 1 WHERE user = :user AND NOT revoked AND id NOT IN "
            "(SELECT id FROM grants WHERE user = :user AND NOT revoked ORDER BY id DESC LIMIT :n)",
            user=user,
            n=_LIVE_TOKENS,
        )

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """A new access token; the reply holds no refresh token (§1.3).

        Raises:
            Refusal: 400 invalid_grant: the token is unknown, revoked or has expired.
        """
        row = self._database.row(
            "SELECT * FROM grants WHERE refresh_token = :token", token=refresh_token
        )
        if row is None:
            raise bodies.oauth(400, "invalid_grant", "Bad Request")
        now = self._clock()
        ended = row["expires_at"] is not None and row["expires_at"] <= now
        if row["revoked"] or ended or row["used_at"] + _UNUSED_SECONDS <= now:
            raise bodies.oauth(400, "invalid_grant", _DEAD)
        self._database.run("UPDATE grants SET used_at = :now WHERE id = :id", now=now, id=row["id"])
        reply = self._reply(row)
        if row["expires_at"] is not None:
            reply["refresh_token_expires_in"] = int(row["expires_at"] - now)
        return reply

    def _reply(self, grant: sqlite3.Row) -> dict[str, Any]:
        now = self._clock()
        token = "ya29.a0" + secrets.token_urlsafe(150)
        lifetime = self._options.access_token_seconds
        self._database.run("DELETE FROM access_tokens WHERE expires_at < :gone", gone=now - DAY)
        self._database.run(
            "INSERT INTO access_tokens VALUES (:token, :grant, :expires_at)",
            token=token,
            grant=grant["id"],
            expires_at=now + lifetime,
        )
        return {
            "access_token": token,
            "expires_in": max(lifetime - 1, 0),
            "scope": grant["scopes"],
            "token_type": "Bearer",
        }

    def admit(self, token: str) -> Admission | None:
        """Whose access token that is; None if it is unknown, revoked or has expired."""
        row = self._database.row(
            "SELECT user, scopes FROM access_tokens JOIN grants ON grants.id = grant_id "
            "WHERE token = :token AND access_tokens.expires_at > :now AND NOT revoked",
            token=token,
            now=self._clock(),
        )
        return Admission(row["user"], frozenset(row["scopes"].split())) if row else None

    def revoke(self, token: str) -> bool:
        """Revoke the grant an access or refresh token belongs to; False if there is none."""
        touched = self._database.run(
            "UPDATE grants SET revoked = 1 WHERE NOT revoked AND (refresh_token = :token OR id IN "
            "(SELECT grant_id FROM access_tokens WHERE token = :token))",
            token=token,
        )
        return touched > 0

    def revoke_all(self) -> None:
        """What "Remove access" on the account page does, for everybody."""
        self._database.run("UPDATE grants SET revoked = 1")
