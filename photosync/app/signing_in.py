"""Signing in: what the command and the web page have in common, and the page's side of it."""

from __future__ import annotations

import logging
from dataclasses import replace
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from photosync.domain.media import readable
from photosync.errors import BlockedError, ClientInvalid, PhotosyncError, SignInRequired
from photosync.stages.gate import SIGN_IN_CODES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.google.sign_in import SignedIn
    from photosync.store.control import Problem

log = logging.getLogger(__name__)

KEPT_CLIENT = "client_secret.json"
BEGIN_SECONDS = 30.0
NOBODY = "photosync is not signed in to Google Photos"
"""How it begins what is said while there is no token."""


def client_file(settings: Settings) -> Path:
    """The OAuth client to sign in with: the one that the settings name, else the one kept."""
    kept, named = settings.state_dir / KEPT_CLIENT, settings.google.client_secret_file
    return kept if kept.exists() and not named.exists() else named


def lacking_client(settings: Settings) -> ClientInvalid | None:
    """What is wrong with the OAuth client to sign in with; None if nothing is."""
    from photosync.google.sign_in import read_client  # not for those who have signed in

    try:
        read_client(client_file(settings))
    except ClientInvalid as error:
        return error
    except OSError as error:  # a state folder of somebody else's
        return ClientInvalid(f"The OAuth client cannot be read: {error.strerror}.")
    return None


def as_of_now(problem: Problem, settings: Settings) -> Problem | None:
    """A problem on record that says that nobody has signed in, if somebody has: None.

    Or what is wrong with the token that is there by now: nobody asks with one that is no good.
    """
    says_so = problem.code == SignInRequired.code and problem.message.startswith(NOBODY)
    if not says_so or not settings.google.token_file.exists():
        return problem
    from photosync.google.auth import read_token  # not for those who have signed in

    try:
        read_token(settings.google.token_file)
    except BlockedError as error:
        return replace(problem, code=error.code, message=error.message, hint=error.hint)
    return None


def signed_in(settings: Settings, state: State, found: SignedIn, client: Path) -> None:
    """Put on record that somebody has signed in, with which client; a daemon goes on at once."""
    from photosync.google.sign_in import keep_client

    kept = settings.state_dir / KEPT_CLIENT
    if client != kept:
        keep_client(client, kept)  # the next sign-in finds it there
    state.control.sign_in_ends(found.ends_at, now=state.now())
    for code in SIGN_IN_CODES:
        state.control.clear_problem(code)
    state.control.ring(now=state.now())


class SigningIn:
    """One attempt at a time, in a thread of its own; ``back``: the page to come back to.

    The browser comes back to a listener of its own on this machine's loopback. Whoever sees the
    page from elsewhere brings the address that the browser ended at.
    """

    def __init__(self, settings: Settings, state: State, *, back: Callable[[], str]) -> None:
        self._settings = settings
        self._state = state
        self._back = back
        self._lock = Lock()
        self._attempt: _Attempt | None = None

    def is_needed(self) -> bool:
        """Whether there is a reason to sign in: else nobody changes the account by a click."""
        if not self._settings.google.token_file.exists():
            return True
        told = (as_of_now(one, self._settings) for one in self._state.control.problems())
        codes = {one.code for one in told if one is not None}
        return bool(codes & SIGN_IN_CODES) or self._state.control.sign_in_ends_at() is not None

    def lacking(self) -> PhotosyncError | None:
        """What is wrong with the OAuth client; None if nothing is."""
        return lacking_client(self._settings)

    def client_file(self) -> str:
        """Where the settings have the OAuth client."""
        return readable(str(self._settings.google.client_secret_file))

    def begin(self) -> None:
        """Begin, unless an attempt waits for its answer already.

        Raises:
            SignInRequired: Nobody has to.
            ClientInvalid: There is no OAuth client to do it with.
        """
        if not self.is_needed():
            raise SignInRequired("photosync is signed in already.", hint="")
        with self._lock:
            if self._attempt is None or self._attempt.is_over:
                self._attempt = _Attempt(
                    self._settings, self._state, self._back(), wanted=self.is_needed
                )
                self._attempt.start()
            attempt = self._attempt
        attempt.begun.wait(BEGIN_SECONDS)
        if attempt.error is not None:
            raise attempt.error

    def address(self) -> str:
        """Google's page, while an attempt waits for its answer; else ""."""
        attempt = self._attempt
        return attempt.url if attempt is not None and not attempt.is_over else ""

    def trouble(self) -> PhotosyncError | None:
        """What is wrong with the answer that came last."""
        attempt = self._attempt
        return None if attempt is None else attempt.error or attempt.refused

    def answer(self, text: str) -> None:
        """The address that the browser ended at, brought by the user."""
        attempt = self._attempt
        if attempt is not None and not attempt.is_over:
            attempt.take(text)


class _Attempt(Thread):
    """``url``: where to give consent; ``begun``: it is known, or there is an ``error``."""

    def __init__(
        self, settings: Settings, state: State, back: str, *, wanted: Callable[[], bool]
    ) -> None:
        super().__init__(name="sign-in", daemon=True)
        self._wanted = wanted
        self._settings = settings
        self._state = state
        self._back = back
        self._answers: SimpleQueue[str] = SimpleQueue()
        self._was_answered = Event()
        self.begun = Event()
        self.url = ""
        self.error: PhotosyncError | None = None
        self.refused: PhotosyncError | None = None

    @property
    def is_over(self) -> bool:
        """Whether it waits for no answer any more; its thread may have a moment to go."""
        return self.error is not None or not self.is_alive()

    def take(self, text: str) -> None:
        """Try that answer; what is wrong with it is in ``refused`` soon."""
        self.refused = None
        self._was_answered.clear()
        self._answers.put(text)
        self._was_answered.wait(2.0)

    def run(self) -> None:
        """Wait for the answer, and keep what it gives."""
        from photosync.google.sign_in import sign_in

        client = client_file(self._settings)
        log.info("sign_in.begun")
        try:
            found = sign_in(
                client_secret_file=client,
                token_file=self._settings.google.token_file,
                open_browser=self._shown,
                say=self._said,
                pasted=self._answers.get,
                back=self._back,
                wanted=self._wanted,
            )
            signed_in(self._settings, self._state, found, client)
            log.info("sign_in.done")
        except PhotosyncError as error:
            self.error = error
            log.warning("sign_in.failed code=%s", error.code)
        except OSError as error:
            self.error = SignInRequired(f"The sign-in cannot be kept: {error.strerror}.")
            log.warning("sign_in.failed errno=%s", error.errno)
        finally:
            self._answers.put("")  # whoever waits for a paste does so no more
            self.begun.set()
            self._was_answered.set()

    def _shown(self, url: str) -> bool:
        self.url = url
        self.begun.set()
        return True

    def _said(self, text: str) -> None:
        """Instructions for a terminal, until something was pasted; then what is wrong with it."""
        if self.begun.is_set():
            message, _, hint = text.partition("\n")
            self.refused = SignInRequired(message, hint=hint)
            self._was_answered.set()
