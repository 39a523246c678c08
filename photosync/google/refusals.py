"""What Google's sign-in says no with, in our words: by the way back, on its page, or by token.

Words and where they come from: google-photos-api.md §1.2-1.6. Most of them stand only on Google's
page, which leads back to nobody; its address tells them too, in ``authError``.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from photosync.errors import ApiNotEnabled, ClientInvalid, ScopeMissing, SignInRequired

if TYPE_CHECKING:
    from photosync.errors import PhotosyncError

AUDIENCE = "https://console.cloud.google.com/auth/audience"
CLIENTS = "https://console.cloud.google.com/auth/clients"
DESKTOP = (
    f"Make a client of the kind 'Desktop app' at {CLIENTS}, download its JSON, then:"
    " photosync auth --client-secret FILE"
)
UNVERIFIED = (
    "If Google says that the app has not completed verification (403), press 'Publish app' at"
    f" {AUDIENCE}, or add your address to the test users there."
)
ADMIN = "Ask the administrator to allow the app, or sign in with a private Google account."

WORDS: dict[str, tuple[type[PhotosyncError], str, str]] = {
    "access_denied": (
        SignInRequired,
        "The consent was not given.",
        "Sign in again and press Continue: photosync auth. " + UNVERIFIED,
    ),
    "admin_policy_enforced": (
        ClientInvalid,
        "The administrator of that Google account does not let this app in.",
        ADMIN,
    ),
    "org_internal": (
        ClientInvalid,
        "The consent screen is 'Internal': only accounts of its organisation may sign in.",
        f"Make it 'External' at {AUDIENCE}, then: photosync auth",
    ),
    "disabled_client": (
        ClientInvalid,
        "The OAuth client, or its Google Cloud project, is switched off.",
        f"Switch it on at {CLIENTS}, or make another one and: photosync auth --client-secret FILE",
    ),
    "deleted_client": (ClientInvalid, "The OAuth client was deleted.", DESKTOP),
    "invalid_client": (
        ClientInvalid,
        "Google does not know the OAuth client, or its secret was replaced.",
        "Download its JSON once more, then: photosync auth --client-secret FILE",
    ),
    "unauthorized_client": (
        ClientInvalid,
        "The OAuth client is of a kind that may not sign in this way.",
        DESKTOP,
    ),
    "redirect_uri_mismatch": (
        ClientInvalid,
        "The OAuth client does not let a program on this computer sign in: it is no 'Desktop app'.",
        DESKTOP,
    ),
    "invalid_scope": (
        ScopeMissing,
        "Google does not know a permission that photosync asks for.",
        "Update photosync; permissions change now and then.",
    ),
    "unsupported_grant_type": (ClientInvalid, "The OAuth client is of another kind.", DESKTOP),
    "accessNotConfigured": (
        ApiNotEnabled,
        "The Photos Library API is not switched on in your Google Cloud project.",
        "Switch it on: https://console.cloud.google.com/apis/library/photoslibrary.googleapis.com",
    ),
    "disallowed_useragent": (
        SignInRequired,
        "Google takes no sign-in from a browser inside another app.",
        "Open the address in an ordinary browser.",
    ),
}
"""Word → what it means to us, in one sentence, and the cure."""

SHAPE = re.compile("|".join(sorted(map(re.escape, WORDS), key=len, reverse=True)))


def refusal_of(word: str) -> PhotosyncError | None:
    """What Google's word stands for; None if it is none that is known."""
    if word not in WORDS:
        return None
    kind, message, hint = WORDS[word]
    return kind(message, hint=hint)


def refusal_in(text: str) -> PhotosyncError | None:
    """What a pasted address of Google's error page, or words from it, stand for."""
    found = SHAPE.search(text) or SHAPE.search(_hidden(text))
    return None if found is None else refusal_of(found.group())


def _hidden(text: str) -> str:
    """What the address of Google's error page says in ``authError``: base64 of a message."""
    try:
        told = parse_qs(urlsplit(text.strip()).query).get("authError", [""])[0]
        raw = base64.urlsafe_b64decode(told + "=" * (-len(told) % 4))
    except (ValueError, binascii.Error):
        return ""
    return raw.decode("utf-8", "replace")
