"""Google's consent page: who, which scopes, and back to the program (google-photos-api.md §1.4)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from photosync.emulator.options import CONSENT_REFUSALS
from photosync.emulator.people import DEFAULT_USER, KNOWN_SCOPES, PREFIX, CodeRequest
from photosync.emulator.templates import PAGE_HEADERS, render
from photosync.emulator.tokens import form

if TYPE_CHECKING:
    from photosync.emulator.call import Call
    from photosync.emulator.options import Options
    from photosync.emulator.people import People

_OOB: Final = (
    "The out-of-band (OOB) flow has been blocked in order to keep users secure. Follow the "
    "Out-of-Band (OOB) flow migration guide linked in the developer docs below to migrate your "
    "app to an alternative method."
)
_TOGETHER: Final = "This request contains scopes that cannot be requested together."
_KEPT: Final = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "access_type",
    "prompt",
    "code_challenge",
    "code_challenge_method",
    "include_granted_scopes",
]
_STATUS: Final = dict.fromkeys(CONSENT_REFUSALS, 403) | {
    "invalid_client": 401,
    "deleted_client": 401,
    "": 400,
}
_MEANING: Final = {
    PREFIX + "photoslibrary.appendonly": "Add to your Google Photos library",
    PREFIX + "photoslibrary.readonly.appcreateddata": "See photos and albums added by this app",
    PREFIX + "photoslibrary.edit.appcreateddata": "Edit photos and albums added by this app",
}


class Rejected(Exception):
    """Google shows "Access blocked" instead of asking: ``error`` and why."""

    def __init__(self, error: str, why: str) -> None:
        super().__init__(error)
        self.error = error
        self.why = why


class Consent:
    """The page and what follows from its buttons."""

    def __init__(self, people: People, options: Options) -> None:
        self._people = people
        self._options = options

    async def page(self, call: Call) -> Response:
        """``GET /o/oauth2/v2/auth``: asks, or says why it does not."""
        asked = dict(call.request.query_params)
        try:
            scopes = self._check(asked)
        except Rejected as rejected:
            return _blocked(rejected)
        values: dict[str, Any] = {
            "hidden": {name: asked[name] for name in _KEPT if name in asked},
            "scopes": [(scope, _MEANING.get(scope, scope)) for scope in scopes],
            "user": asked.get("login_hint") or DEFAULT_USER,
        }
        return render("consent.html", headers=_form_headers(asked["redirect_uri"]), **values)

    async def error(self, call: Call) -> Response:
        """``GET /signin/oauth/error``: the page that leads nowhere; its address says why, too."""
        told = call.request.query_params.get("authError", "")[:2000]
        try:
            raw = base64.urlsafe_b64decode(told + "=" * (-len(told) % 4))
        except ValueError:
            raw = b""
        word, _, why = raw.decode("utf-8", "replace").partition("\n")
        status = _STATUS.get(word, 400)
        return render("blocked.html", status=status, code=status, error=word, why=why)

    async def decide(self, call: Call) -> Response:
        """The form comes back: a code for what is ticked, or access_denied."""
        text = call.content.decode("ascii", "replace")
        asked = form(call.content)
        ticked = set(re.findall(r"(?:^|&)ticked=([^&]*)", text))
        try:
            scopes = self._check(asked)
        except Rejected as rejected:
            return _blocked(rejected)
        allowed = tuple(scope for scope in scopes if urlencode({"": scope})[1:] in ticked)
        answer = {"state": asked["state"]} if asked.get("state") else {}
        if asked.get("decision") != "allow" or not allowed:
            return _back(asked["redirect_uri"], {"error": "access_denied", **answer})
        code = self._people.issue_code(self._wanted(asked, allowed))
        call.record.summary["scopes"] = len(allowed)
        return _back(asked["redirect_uri"], {**answer, "code": code, "scope": " ".join(allowed)})

    def _wanted(self, asked: dict[str, str], scopes: tuple[str, ...]) -> CodeRequest:
        user = asked.get("user", "").strip() or DEFAULT_USER
        # Without prompt=consent a second consent yields no refresh token (§1.3).
        first = not self._people.known_to_app(user)
        fresh = first or "consent" in asked.get("prompt", "").split()
        return CodeRequest(
            user=user[:200],
            scopes=scopes,
            redirect_uri=asked["redirect_uri"],
            challenge=asked.get("code_challenge", ""),
            challenge_method=asked.get("code_challenge_method", "plain"),
            offline=asked.get("access_type") == "offline" and fresh,
        )

    def _check(self, asked: dict[str, str]) -> list[str]:
        refusal = self._options.consent_refusal
        if refusal:
            raise Rejected(refusal, "This app is blocked.")
        if asked.get("client_id") != self._people.client_id:
            raise Rejected("invalid_client", "The OAuth client was not found.")
        _check_redirect(asked.get("redirect_uri", ""))
        if asked.get("response_type") != "code":
            raise Rejected("invalid_request", "Required parameter is missing: response_type")
        if asked.get("code_challenge_method", "plain") not in {"S256", "plain"}:
            raise Rejected("invalid_request", "Unsupported code_challenge_method.")
        challenge = asked.get("code_challenge")
        if challenge and not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", challenge):
            raise Rejected("invalid_request", "Invalid code_challenge.")
        return _checked_scopes(asked.get("scope", ""))


def _checked_scopes(text: str) -> list[str]:
    scopes = list(dict.fromkeys(text.split()))
    if not scopes:
        raise Rejected("invalid_request", "Missing required parameter: scope")
    if any(s.startswith(PREFIX + "drive") for s in scopes) and any("photos" in s for s in scopes):
        raise Rejected("invalid_request", _TOGETHER)
    for scope in scopes:
        if scope not in KNOWN_SCOPES:
            raise Rejected("invalid_scope", f"Some requested scopes were invalid. {{{scope}}}")
    return scopes


def _check_redirect(uri: str) -> None:
    """Desktop clients return to the loopback interface, any port, any path."""
    if uri.startswith("urn:ietf:wg:oauth:2.0:oob"):
        raise Rejected("invalid_request", _OOB)
    try:
        parts = urlsplit(uri)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        host, parts = None, urlsplit("")
    loopback = host in {"127.0.0.1", "::1", "localhost"}
    if parts.scheme != "http" or not loopback or parts.fragment or parts.username is not None:
        raise Rejected("redirect_uri_mismatch", "The redirect URI does not match the client's.")


def _form_headers(redirect_uri: str) -> dict[str, str]:
    """The form may also lead to the program's own address, by redirect."""
    parts = urlsplit(redirect_uri)
    policy = PAGE_HEADERS["content-security-policy"]
    own = f"form-action 'self' http://{parts.netloc}"
    return PAGE_HEADERS | {"content-security-policy": policy.replace("form-action 'self'", own)}


def _back(redirect_uri: str, answer: dict[str, str]) -> Response:
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectResponse(redirect_uri + joint + urlencode(answer), 302)


def _blocked(rejected: Rejected) -> Response:
    """To a page of its own; as with Google, its address holds the error, in base64."""
    raw = f"{rejected.error}\n{rejected.why}".encode()
    told = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return RedirectResponse("/signin/oauth/error?" + urlencode({"authError": told}), 302)
