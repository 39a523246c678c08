"""Signing in, once: the OAuth flow of installed apps (google-photos-api.md §1.4)."""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from photosync.errors import (
    ClientInvalid,
    PhotosyncError,
    ScopeMissing,
    ServerTrouble,
    SignInRequired,
)
from photosync.google.answers import token_error_of
from photosync.google.auth import (
    credentials_of,
    is_safe_uri,
    read_token,
    refresh,
    write_token,
)
from photosync.google.faults import Answer, clean
from photosync.google.http import Call, Wire
from photosync.google.scopes import APPEND, WANTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOOPBACK = "127.0.0.1"
LARGEST_CLIENT_FILE = 65_536
PATIENCE_SECONDS = 600
REVOKE_URL = "https://oauth2.googleapis.com/revoke"
SUCCESS = "photosync is signed in. You can close this window."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in that works allows."""

    scopes: tuple[str, ...]


def sign_in(
    *,
    client_secret_file: Path,
    token_file: Path,
    port: int = 0,
    open_browser: Callable[[str], bool] | None,
    say: Callable[[str], None],
    ask: Callable[[], str] | None,
) -> None:
    """Get the user's consent and keep it in ``token_file``.

    With ``open_browser`` the way back is a loopback address on ``port`` (0: any). Without it the
    user opens the address anywhere and ``ask`` returns the address that the browser ended at.

    Raises:
        ClientInvalid: The client's JSON is missing, of another kind, or unknown to Google.
        SignInRequired: The user declined, or nothing came back in time.
        ScopeMissing: The user took away the tick at adding photos.
    """
    from google_auth_oauthlib.flow import InstalledAppFlow

    client = read_client(client_secret_file)
    flow = InstalledAppFlow.from_client_config(  # type: ignore[no-untyped-call]  # it has no types
        client, scopes=list(WANTED), autogenerate_code_verifier=True
    )
    with _oauthlib_settings(client), _translated():
        if ask is None:
            _by_loopback(flow, port, open_browser, say)
        else:
            _by_pasting(flow, port, say, ask)
    credentials = flow.credentials
    granted = tuple(flow.oauth2session.token.get("scope") or ())
    _check_granted(granted, credentials)
    credentials._scopes = sorted(granted) or list(WANTED)  # noqa: SLF001 - what was granted, not asked
    try:
        write_token(token_file, credentials)
    except OSError as error:
        raise SignInRequired(
            f"The sign-in cannot be kept in {token_file}: {error.strerror}.",
            hint="Let this user write there, or set google.token_file.",
        ) from error


def check(token_file: Path) -> SignedIn:
    """Ask Google whether the sign-in works.

    Raises:
        SignInRequired, ScopeMissing, ClientInvalid, Offline, TransientError: It does not (now).
    """
    import time

    info = read_token(token_file)
    credentials = credentials_of(info)
    with Wire(halt=Event()) as wire:
        refresh(credentials, wire, clock=time.time)
    return SignedIn(tuple(info.get("scopes") or ()))


def revoke(token_file: Path) -> None:
    """Tell Google that the sign-in is over, and remove the token.

    Raises:
        SignInRequired: There is none.
        Offline, ConnectionLost, ServerTrouble: Google could not be told; the token is kept.
    """
    info = read_token(token_file)
    token_uri = urlsplit(info["token_uri"])
    url = REVOKE_URL
    if token_uri.hostname != "oauth2.googleapis.com":
        url = f"{token_uri.scheme}://{token_uri.netloc}/revoke"
    content = f"token={info['refresh_token']}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with Wire(halt=Event()) as wire:
        answer = wire.send(Call("POST", url, headers, body=lambda: content))
    if answer.status not in (200, 400):  # 400: it is dead already
        raise ServerTrouble(f"Google did not take the sign-in back (HTTP {answer.status}).")
    token_file.unlink(missing_ok=True)


def read_client(file: Path) -> dict[str, Any]:
    """The OAuth client that Google Cloud's console gave as JSON.

    Raises:
        ClientInvalid: It is missing, not JSON, or of another kind.
    """
    try:
        with file.open("rb") as opened:
            found = json.loads(opened.read(LARGEST_CLIENT_FILE))
    except FileNotFoundError as error:
        raise ClientInvalid(f"There is no OAuth client at {file}.") from error
    except OSError as error:
        raise ClientInvalid(f"The OAuth client {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ClientInvalid(f"The OAuth client {file} is no JSON file.") from error
    kind = found if isinstance(found, dict) else {}
    if "web" in kind:
        raise ClientInvalid(f"The OAuth client {file} is of the kind 'Web application'.")
    if kind.get("type") == "service_account":
        raise ClientInvalid(f"{file} is a service account; Google Photos has no place for those.")
    installed = kind.get("installed")
    needed = ("client_id", "client_secret", "auth_uri", "token_uri")
    if not isinstance(installed, dict) or any(
        not isinstance(installed.get(key), str) for key in needed
    ):
        raise ClientInvalid(f"{file} is not the JSON of an OAuth client for a 'Desktop app'.")
    if not all(is_safe_uri(installed[key]) for key in ("auth_uri", "token_uri")):
        raise ClientInvalid(f"The OAuth client {file} names an address that is not safe.")
    return {"installed": installed}


def _by_loopback(
    flow: Any, port: int, open_browser: Callable[[str], bool] | None, say: Callable[[str], None]
) -> None:
    """The browser comes back to a server on this machine."""
    from photosync.google.loopback import receive

    with receive(port, SUCCESS) as (address, wait):
        flow.redirect_uri = address
        url, state = flow.authorization_url(access_type="offline", prompt="consent")
        say(f"Open this address in a browser on this machine and give your consent:\n{url}")
        if open_browser is not None:
            # a browser in the terminal comes back only when it is closed
            Thread(target=open_browser, args=(url,), daemon=True).start()
        _finish(flow, wait(PATIENCE_SECONDS), state)


def _by_pasting(flow: Any, port: int, say: Callable[[str], None], ask: Callable[[], str]) -> None:
    """The browser ends at a page that does not load; its address holds the answer."""
    flow.redirect_uri = f"http://{LOOPBACK}:{port or 8085}/"
    url, state = flow.authorization_url(access_type="offline", prompt="consent")
    say(
        f"Open this address in any browser and give your consent:\n{url}\n"
        "The browser then ends at a page that does not load: that is as it should be."
    )
    _finish(flow, ask(), state)


def _finish(flow: Any, answer: str, state: str) -> None:
    """Turn the address that the browser came back to into a token."""
    values = parse_qs(urlsplit(answer.strip()).query)
    if "error" in values:
        raise SignInRequired(f"Google did not give consent: {clean(values['error'][0])}.")
    code, told = values.get("code", [""])[0], values.get("state", [""])[0]
    if not code:
        raise SignInRequired(
            "That address holds no answer of Google's.",
            hint="Copy the whole address, beginning with http://127.0.0.1.",
        )
    if told != state:
        raise SignInRequired("That address belongs to another attempt to sign in.")
    flow.fetch_token(code=code)


def _check_granted(granted: tuple[str, ...], credentials: Any) -> None:
    if granted and APPEND not in granted:
        raise ScopeMissing("You did not let photosync add photos.")
    if not credentials.refresh_token:
        raise SignInRequired(
            "Google gave no lasting sign-in.",
            hint="Remove photosync at https://myaccount.google.com/connections, then try again.",
        )


@contextlib.contextmanager
def _oauthlib_settings(client: dict[str, Any]) -> Iterator[None]:
    """Set what oauthlib takes from the environment alone, and put it back afterwards.

    Plain http is let through to this machine only; a smaller consent than asked for is ours
    to judge, not a reason to give up.
    """
    wanted = {"OAUTHLIB_RELAX_TOKEN_SCOPE": "1"}
    if urlsplit(client["installed"]["token_uri"]).scheme == "http":
        wanted["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "Scope has changed": judged by _check_granted
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """What oauthlib and requests raise, in our words."""
    import requests
    from oauthlib.oauth2.rfc6749.errors import OAuth2Error

    from photosync.errors import Offline

    try:
        yield
    except PhotosyncError:
        raise
    except OAuth2Error as error:
        answer = Answer(400, {}, json.dumps({"error": error.error or ""}).encode())
        found = token_error_of(answer, now=0.0)
        raise found or ServerTrouble("Google's sign-in gave an odd answer.") from error
    except requests.RequestException as error:
        raise Offline("There is no connection to Google's sign-in server.") from error
