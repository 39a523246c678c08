"""That nobody has signed in yet, and where to do it: the same words wherever it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.app.signing_in import NOBODY, lacking_client
from photosync.app.state import WEB_PORT
from photosync.config.hosts import is_loopback
from photosync.daemon import lock
from photosync.errors import SignInRequired

if TYPE_CHECKING:
    from photosync.app.state import State
    from photosync.config import Settings

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what stands for every address
MEANWHILE = ": photos are found and copied, and none is sent"


def page_address(settings: Settings, state: State) -> str:
    """Where the page of the running daemon is, ending in a slash; "" if it has none (yet)."""
    port = state.control.flag(WEB_PORT)
    if not settings.web.enabled or port is None:
        return ""
    host = ANYWHERE.get(settings.web.host, settings.web.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def not_signed_in(settings: Settings, state: State | None) -> SignInRequired:
    """What to say while there is no token: with the page where a click signs in, if there is one.

    ``state``: None if nothing ran yet.
    """
    runs = state is not None and lock.holder(settings.state_dir) is not None
    message = f"{NOBODY}{MEANWHILE if runs else ''}."
    lacking = lacking_client(settings)
    if lacking is not None:
        return SignInRequired(message, hint=str(lacking))
    address = page_address(settings, state) if state is not None and runs else ""
    host = settings.web.host
    if address and (host in ANYWHERE or is_loopback(host)):  # Google leads back to this machine
        return SignInRequired(message, hint=f"Sign in at {address}signin, or: photosync auth")
    return SignInRequired(message)
