"""Signing in, once: the OAuth flow of installed apps (google-photos-api.md §1.4)."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import re
import time
import warnings
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from photosync.errors import (
    ClientInvalid,
    Offline,
    PhotosyncError,
    ScopeMissing,
    ServerTrouble,
    SettingsError,
    SignInRequired,
)
from photosync.google.answers import clock_error, token_error_of
from photosync.google.auth import (
    credentials_of,
    ends_at,
    is_safe_uri,
    read_token,
    refresh,
    replace_private,
    scopes_of,
    write_token,
)
from photosync.google.faults import Answer, clean, fault_of
from photosync.google.http import CONNECT_SECONDS, READ_SECONDS, Call, Wire
from photosync.google.refusals import refusal_in, refusal_of
from photosync.google.scopes import APPEND, WANTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOOPBACK = "127.0.0.1"
LARGEST_CLIENT_FILE = 65_536
PATIENCE_SECONDS = 600
REVOKE_URL = "https://oauth2.googleapis.com/revoke"
TRIES = 3
ELSEWHERE = (
    "If the browser is on another machine, or Google's page shows an error: paste the address of"
    " the page that it ends at, then Enter."
)
SUCCESS = "photosync is signed in. You can close this window."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in that works allows.

    ``ends_at``: when Google ends it, in seconds UTC, as it does while the consent screen is in
    "Testing"; None: it does not say so. ``ahead_seconds``: of this computer's clock, if known.
    """

    scopes: tuple[str, ...]
    ends_at: int | None = None
    ahead_seconds: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether both permissions were given."""
        return set(WANTED) <= set(self.scopes)


def sign_in(
    *,
    client_secret_file: Path,
    token_file: Path,
    port: int = 0,
    bind: str = LOOPBACK,
    open_browser: Callable[[str], bool] | None,
    say: Callable[[str], None],
    pasted: Callable[[], str] | None,
    by_hand: bool = False,
    back: str = "",
    wanted: Callable[[], bool] = lambda: True,
) -> SignedIn:
    """Get the user's consent and keep it in ``token_file``.

    The way back is a loopback address on ``port`` (0: any); ``bind`` is where it is listened for.
    ``pasted`` returns what the user pastes next, "" at the end: the address that the browser ended
    at, or that of Google's error page, which is explained then. ``by_hand``: there is no other way.
    ``back``: a page that the browser is led on to in the end. ``wanted``: whether the answer still
    is, minutes later.

    Raises:
        ClientInvalid: The client's JSON is missing, of another kind, or unknown to Google.
        SignInRequired: The user declined, nothing came back in time, or it is not wanted any more.
        ScopeMissing: The user took away the tick at adding photos.
        ClockWrong: Google refused, and this computer's clock is the likely reason.
    """
    from google_auth_oauthlib.flow import InstalledAppFlow

    client = read_client(client_secret_file)
    flow = InstalledAppFlow.from_client_config(  # type: ignore[no-untyped-call]  # it has no types
        client, scopes=list(WANTED), autogenerate_code_verifier=True
    )
    if by_hand:
        assert pasted is not None
        _by_pasting(flow, port, say, pasted)
        return _kept(flow, token_file, wanted)
    ways = _by_loopback(flow, (bind, port), open_browser, say, pasted, back=back, wanted=wanted)
    with ways:
        return _kept(flow, token_file, wanted)


def _kept(flow: Any, token_file: Path, wanted: Callable[[], bool]) -> SignedIn:
    """Keep what Google gave, if it is what photosync needs."""
    credentials = flow.credentials
    told = flow.oauth2session.token
    granted = tuple(told.get("scope") or ())
    _check_granted(granted, credentials)
    credentials._scopes = sorted(granted) or list(WANTED)  # noqa: SLF001 - what was granted, not asked
    if not wanted():
        raise SignInRequired(
            "Somebody has signed in meanwhile; it stays at that account.",
            hint="To choose another account: photosync auth",
        )
    try:
        write_token(token_file, credentials)
    except OSError as error:
        raise SignInRequired(
            f"The sign-in cannot be kept in {token_file}: {error.strerror}.",
            hint="Let this user write there, or set google.token_file.",
        ) from error
    ends = ends_at(told.get("refresh_token_expires_in"), now=time.time())
    return SignedIn(tuple(credentials.scopes), ends)


def check(token_file: Path) -> SignedIn:
    """Ask Google whether the sign-in works.

    Raises:
        SignInRequired, ScopeMissing, ClientInvalid, Offline, TransientError: It does not (now).
    """
    info = read_token(token_file)
    credentials = credentials_of(info)
    with Wire(halt=Event()) as wire:
        fresh = refresh(credentials, wire, clock=time.time)
    granted = tuple(credentials.granted_scopes or scopes_of(info))
    _check_scopes(granted)
    return SignedIn(granted, fresh.ends_at, fresh.ahead_seconds)


def revoke(token_file: Path) -> None:
    """Tell Google that the sign-in is over, and remove the token.

    Raises:
        SignInRequired: There is none.
        Offline, ConnectionLost, ServerTrouble: Google could not be told; the token is kept.
    """
    info = read_token(token_file, private=False)
    content = urlencode({"token": info["refresh_token"]}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with Wire(halt=Event()) as wire:
        answer = wire.send(
            Call("POST", _revoke_url(info["token_uri"]), headers, body=lambda: content)
        )
    is_dead = answer.status == 400 and fault_of(answer).oauth_error == "invalid_token"  # noqa: PLR2004
    if answer.status != 200 and not is_dead:  # noqa: PLR2004 - OK
        error = token_error_of(answer, now=time.time())
        if error is None or isinstance(error, SignInRequired):
            error = ServerTrouble(f"Google did not take the sign-in back (HTTP {answer.status}).")
        raise error
    try:
        token_file.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The sign-in is over, but {token_file} cannot be removed: {error.strerror}."
        ) from error


def _revoke_url(token_uri: str) -> str:
    """Google's own address (§1.4), whichever of its hosts older files name; else the emulator's."""
    parts = urlsplit(token_uri)
    if (parts.hostname or "").endswith((".googleapis.com", ".google.com")):
        return REVOKE_URL
    return f"{parts.scheme}://{parts.netloc}/revoke"


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
    except (ValueError, RecursionError):
        raise ClientInvalid(f"The OAuth client {file} is no JSON file.") from None
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


def keep_client(client_secret_file: Path, kept_file: Path) -> None:
    """Keep a copy of the client, so that the next sign-in need not be told where it is.

    Raises:
        ClientInvalid: It cannot be read (any more).
        OSError: The copy cannot be written.
    """
    text = json.dumps(read_client(client_secret_file))
    replace_private(kept_file, text, prefix=".client-")


class _Attempt:
    """One request for consent. ``url``: the page to open; ``finish`` takes what comes of it."""

    def __init__(self, flow: Any, redirect_uri: str) -> None:
        self._flow = flow
        flow.redirect_uri = redirect_uri
        with _oauthlib_settings(flow.client_config):
            self.url, self._state = flow.authorization_url(access_type="offline", prompt="consent")

    def is_ours(self, answer: str) -> bool:
        """Whether it was sent back because of this very attempt."""
        return hmac.compare_digest(
            answer_in(answer).get("state", "").encode("utf-8", "replace"), self._state.encode()
        )

    def refuse(self, answer: str, *, by_hand: bool = False) -> PhotosyncError | None:
        """What is wrong with an answer, as far as that can be seen; None: it may be right.

        By hand the beginning may be missing, and the state with it: a code is good for nothing
        without this attempt's verifier (PKCE).
        """
        values = answer_in(answer)
        word = values.get("error", "")
        refusal = refusal_of(word) if word else refusal_in(answer)
        if refusal is not None:
            return refusal
        if word:
            return SignInRequired(f"Google did not give consent: {clean(word)}.")
        if not values.get("code"):
            return NoAnswer("That address holds no answer of Google's.")
        if values.get("state", "") != self._state and not (by_hand and "state" not in values):
            return NoAnswer("That address belongs to another attempt to sign in.")
        return None

    def finish(self, answer: str, *, by_hand: bool = False) -> None:
        """Turn the address that the browser came back to into a token.

        Raises:
            NoAnswer: It is not the address, or not all of it.
            SignInRequired, ClientInvalid, ScopeMissing, ClockWrong, Offline, ServerTrouble.
        """
        wrong = self.refuse(answer, by_hand=by_hand)
        if wrong is not None:
            raise wrong
        session = self._flow.oauth2session
        session.max_redirects = 0  # a redirect would take the client's secret along
        answers: list[Answer] = []

        def remember(response: Any) -> Any:
            headers = {name.lower(): value for name, value in response.headers.items()}
            answers.append(Answer(response.status_code, headers))
            return response

        session.register_compliance_hook("access_token_response", remember)
        with _oauthlib_settings(self._flow.client_config), _translated(answers):
            code = answer_in(answer)["code"]
            self._flow.fetch_token(code=code, timeout=(CONNECT_SECONDS, READ_SECONDS))
            _ = self._flow.credentials  # reads what came; later it cannot fail any more


class NoAnswer(SignInRequired):
    """What came is not the answer, or only a part of it; the right one may still come."""

    default_hint = "Copy the whole address, beginning with http://127.0.0.1."


@contextlib.contextmanager
def _by_loopback(
    flow: Any,
    listen_at: tuple[str, int],
    open_browser: Callable[[str], bool] | None,
    say: Callable[[str], None],
    pasted: Callable[[], str] | None,
    *,
    back: str,
    wanted: Callable[[], bool],
) -> Iterator[None]:
    """The browser comes back to a server on this machine, or the user brings the answer.

    The browser is told in the end what came of it: only who keeps the token knows that.
    """
    from photosync.google.loopback import receive

    with receive(*listen_at, back=back) as way:
        attempt = _Attempt(flow, way.address)
        way.only(lambda came: attempt.is_ours(came) and wanted())
        say(f"Open this address in a browser on this machine and give your consent:\n{attempt.url}")
        if pasted is not None:
            say(ELSEWHERE)
            reader = (pasted, attempt, way.hand_over, say)
            Thread(target=_read_along, args=reader, name="pasted", daemon=True).start()
        if open_browser is not None:
            # a browser in the terminal comes back only when it is closed
            Thread(target=open_browser, args=(attempt.url,), daemon=True).start()
        answer = way.wait(PATIENCE_SECONDS)
        try:
            attempt.finish(answer)
            yield
        except PhotosyncError as error:
            way.tell(f"photosync is not signed in. {error}")
            raise
        way.tell(SUCCESS)


def _read_along(
    pasted: Callable[[], str],
    attempt: _Attempt,
    hand_over: Callable[[str], None],
    say: Callable[[str], None],
) -> None:
    """Take the answer from the user, if it comes that way; explain whatever else is pasted."""
    while text := pasted():
        wrong = attempt.refuse(text)
        if wrong is None:
            hand_over(text)
            return
        say(f"{wrong.message}\n{wrong.hint}".rstrip())


def _by_pasting(
    flow: Any, port: int, say: Callable[[str], None], pasted: Callable[[], str]
) -> None:
    """The browser ends at a page that does not load; its address holds the answer."""
    attempt = _Attempt(flow, f"http://{LOOPBACK}:{port or 8085}/")
    say(
        f"Open this address in any browser and give your consent:\n{attempt.url}\n"
        "The browser then ends at a page that does not load: that is as it should be."
    )
    for tries_left in reversed(range(TRIES)):
        say("Paste the address that the browser ended at, then Enter:")
        text = pasted()
        if not text:
            raise NoAnswer("No address was pasted.")
        try:
            attempt.finish(text, by_hand=True)
        except NoAnswer as error:
            if not tries_left:
                raise
            say(f"{error.message} {error.hint}")
        else:
            return


PASTE_MARKS = re.compile(r"\x1b\[20[01]~")
BARE_CODE = re.compile(r"4(?:/|%2F)[\w%-]{10,}", re.IGNORECASE | re.ASCII)


def answer_in(text: str) -> dict[str, str]:
    """What a pasted address says: ``code``, ``state``, ``error``, as far as they are in it.

    It may be wrapped over lines, quoted, without its beginning, or the code alone.
    """
    whole = "".join(PASTE_MARKS.sub("", text).split()).strip("<>\"'`")
    if BARE_CODE.fullmatch(whole):
        return {"code": unquote(whole)}
    query = whole.partition("?")[2] or whole
    try:
        found = parse_qs(query.partition("#")[0])
    except ValueError:
        return {}
    return {name: found[name][0] for name in ("code", "state", "error") if name in found}


def _check_granted(granted: tuple[str, ...], credentials: Any) -> None:
    _check_scopes(granted)
    if not credentials.refresh_token:
        raise SignInRequired(
            "Google gave no lasting sign-in.",
            hint="Remove photosync at https://myaccount.google.com/connections, then try again.",
        )


def _check_scopes(granted: tuple[str, ...]) -> None:
    if granted and APPEND not in granted:
        raise ScopeMissing("You did not let photosync add photos.")


@contextlib.contextmanager
def _oauthlib_settings(client: dict[str, Any]) -> Iterator[None]:
    """Set what oauthlib takes from the environment alone, and put it back afterwards.

    Plain http is let through to this machine only; a smaller consent than asked for is ours
    to judge, not a reason to give up.
    """
    wanted = {"OAUTHLIB_RELAX_TOKEN_SCOPE": "1"}
    addresses = (client[name] for name in ("auth_uri", "token_uri"))
    if any(urlsplit(address).scheme == "http" for address in addresses):
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
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _translated(answers: list[Answer]) -> Iterator[None]:
    """What oauthlib and requests raise, in our words alone: theirs may quote a secret."""
    import requests
    from oauthlib.oauth2.rfc6749.errors import OAuth2Error

    try:
        yield
    except OAuth2Error as error:
        word = str(error.error or "")
        if word == "invalid_grant":
            clock = clock_error(answers[-1], time.time()) if answers else None
            raise clock or NoAnswer(
                "Google does not know that answer: it is incomplete, too old, or used already.",
                hint="Copy the whole address, or try again: photosync auth",
            ) from None
        raise _told_by(word) from None
    except requests.RequestException:
        raise Offline("There is no connection to Google's sign-in server.") from None
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, OSError):
        raise _told_by("") from None  # oauthlib takes for granted that JSON is an object


def _told_by(word: object) -> PhotosyncError:
    answer = Answer(400, {}, json.dumps({"error": word if isinstance(word, str) else ""}).encode())
    found = token_error_of(answer, now=0.0)
    assert found is not None  # the status is not 200
    return found
