"""Tokens for forms, the forms themselves, and a sentence for the page that follows one."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from photosync.web.asked import Nonsense
from photosync.web.guard import MOST_BODY_BYTES, Tokens

if TYPE_CHECKING:
    from starlette.requests import Request

MOST_FIELDS = 20_000
MOST_NOTES = 100
FORM = "application/x-www-form-urlencoded"


class Forged(Exception):
    """A form without the token of our own pages."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a form brought; its token was right."""

    values: dict[str, list[str]]

    def one(self, name: str, otherwise: str = "") -> str:
        """The first value of that name."""
        return self.values.get(name, [otherwise])[0]

    def flat(self) -> dict[str, str]:
        """The first value of each name."""
        return {name: some[0] for name, some in self.values.items()}


class Notes:
    """Makes and checks tokens, and keeps a sentence until the next page has said it."""

    def __init__(self) -> None:
        self._tokens = Tokens()
        self._notes: OrderedDict[str, str] = OrderedDict()

    def token_for(self, request: Request) -> str:
        """What forms on a page for that request have to bring back."""
        return self._tokens.of(request.scope.get("photosync.session", ""))

    def around(self, request: Request) -> dict[str, Any]:
        """What every page has besides its own: the forms' token, a sentence that waits for it."""
        return {
            "token": self.token_for(request),
            "note": self.taken(request.query_params.get("said", "")),
            "has_session": "photosync.session" in request.scope,
        }

    async def form(self, request: Request) -> Form:
        """The form in a request.

        Raises:
            Forged: Not one of our pages sent it, or one from before a restart.
            Nonsense: It is no form, or too large.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != FORM:
            raise Nonsense("Only forms are taken.")
        body = bytearray()
        async for block in request.stream():
            body += block
            if len(body) > MOST_BODY_BYTES:
                raise Nonsense("That is too much at once.")
        try:
            values = parse_qs(
                body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS
            )
        except ValueError as error:
            raise Nonsense("That is no form.") from error
        form = Form(values)
        session = request.scope.get("photosync.session", "")
        if not self._tokens.fits(form.one("token"), session):
            raise Forged
        return form

    def keep(self, text: str) -> str:
        """Remember a sentence; by what it is asked for."""
        number = secrets.token_urlsafe(8)
        self._notes[number] = text
        while len(self._notes) > MOST_NOTES:
            self._notes.popitem(last=False)
        return number

    def taken(self, number: str) -> str:
        """The sentence, once; else ""."""
        return self._notes.pop(number, "") if number else ""


def safe_back(address: str) -> str:
    """A page of ours to go back to: the address if it is one, else the overview."""
    if not address.startswith("/") or address.startswith(("//", "/\\")) or len(address) > 20_000:  # noqa: PLR2004 - longer than any of ours
        return "/"
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not address.isascii() or not address.isprintable():
        return "/"
    return address
