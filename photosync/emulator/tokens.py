"""The token, revocation and device endpoints (google-photos-api.md §1.4-1.6)."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from photosync.emulator import bodies

if TYPE_CHECKING:
    from photosync.emulator.call import Call
    from photosync.emulator.people import CodeRequest, People

_DEVICE_SCOPES: Final = frozenset(("email", "openid", "profile"))


def form(content: bytes) -> dict[str, str]:
    """The fields of an urlencoded body; of a repeated one the first.

    Raises:
        Refusal: 400 invalid_request: it is no such body.
    """
    try:
        fields = parse_qs(content.decode("ascii"), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise bodies.oauth(400, "invalid_request", "Bad Request") from None
    return {name: values[0] for name, values in fields.items()}


class TokenDesk:
    """Turns codes and refresh tokens into access tokens."""

    def __init__(self, people: People) -> None:
        self._people = people

    async def token(self, call: Call) -> dict[str, Any]:
        """``POST /token``.

        Raises:
            Refusal: One of §1.6.
        """
        fields = form(call.content)
        grant_type = fields.get("grant_type", "")
        call.record.summary["grant_type"] = grant_type
        self._check_client(call, fields)
        if grant_type == "authorization_code":
            return self._from_code(fields)
        if grant_type == "refresh_token":
            if not fields.get("refresh_token"):
                raise bodies.oauth(
                    400, "invalid_request", "Missing required parameter: refresh_token"
                )
            return self._people.refresh(fields["refresh_token"])
        raise bodies.oauth(400, "unsupported_grant_type", f"Invalid grant_type: {grant_type}")

    def _check_client(self, call: Call, fields: dict[str, str]) -> None:
        client, secret = fields.get("client_id", ""), fields.get("client_secret", "")
        basic = re.fullmatch(r"(?i)basic\s+(\S+)", call.request.headers.get("authorization", ""))
        if basic:
            client, _, secret = _decoded(basic[1]).partition(":")
        if client != self._people.client_id:
            raise bodies.oauth(401, "invalid_client", "The OAuth client was not found.")
        if secret != self._people.client_secret:
            raise bodies.oauth(401, "invalid_client", "Unauthorized")

    def _from_code(self, fields: dict[str, str]) -> dict[str, Any]:
        wanted = self._people.redeem(fields.get("code", ""))
        if wanted is None:
            raise bodies.oauth(400, "invalid_grant", "Malformed auth code.")
        if fields.get("redirect_uri") != wanted.redirect_uri:
            raise bodies.oauth(400, "redirect_uri_mismatch", "Bad Request")
        _check_verifier(wanted, fields.get("code_verifier", ""))
        return self._people.grant(wanted.user, wanted.scopes, offline=wanted.offline)

    async def revoke(self, call: Call) -> dict[str, Any]:
        """``POST /revoke`` with the token in the body or the query.

        Raises:
            Refusal: 400 invalid_token: there is nothing to revoke.
        """
        token = form(call.content).get("token") or call.request.query_params.get("token", "")
        if not self._people.revoke(token):
            raise bodies.oauth(400, "invalid_token", "Token expired or revoked")
        return {}

    async def device(self, call: Call) -> dict[str, Any]:
        """``POST /device/code``: no scope of Photos may be asked for this way (§1.5).

        Raises:
            Refusal: Always.
        """
        fields = form(call.content)
        for scope in fields.get("scope", "").split():
            if scope not in _DEVICE_SCOPES:
                message = f"Invalid device flow scope: {scope}"
                raise bodies.oauth(400, "invalid_scope", message)
        raise bodies.oauth(401, "invalid_client", "Invalid client type.")


def _decoded(basic: str) -> str:
    try:
        return base64.b64decode(basic, validate=True).decode("ascii")
    except ValueError:
        raise bodies.oauth(401, "invalid_client", "Unauthorized") from None


def _check_verifier(wanted: CodeRequest, verifier: str) -> None:
    """PKCE (RFC 7636 §4.6)."""
    if not wanted.challenge:
        return
    if not verifier:
        raise bodies.oauth(400, "invalid_grant", "Missing code verifier.")
    digest = hashlib.sha256(verifier.encode()).digest()
    hashed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    answer = hashed if wanted.challenge_method == "S256" else verifier
    if answer != wanted.challenge or not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier):
        raise bodies.oauth(400, "invalid_grant", "Invalid code verifier.")
