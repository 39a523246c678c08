"""Pages and their opaque tokens (google-photos-api.md §4, §5)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from photosync.emulator import bodies

if TYPE_CHECKING:
    from collections.abc import Mapping


def page_size(given: Any, *, default: int, most: int) -> int:
    """How many to list; 0 is the default, too many are cut to ``most``.

    Raises:
        Refusal: 400: it is no number, or a negative one.
    """
    if isinstance(given, str):
        if not re.fullmatch(r"-?\d{1,9}", given):
            message = f"Invalid value at 'page_size' (TYPE_INT32), \"{given}\""
            raise bodies.invalid_field("page_size", message)
        given = int(given)
    if given < 0:
        raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
    return min(given or default, most)


def token_for(position: int, question: Mapping[str, Any]) -> str:
    """The token of the page behind ``position`` in the answer to ``question``."""
    content = json.dumps([position, _hash(question)]).encode()
    return base64.urlsafe_b64encode(content).decode()


def position_of(token: str, question: Mapping[str, Any]) -> int | None:
    """The position a token stands for; None for no token.

    Raises:
        Refusal: 400: it is none of ours, or belongs to another question.
    """
    if not token:
        return None
    try:
        position, asked = json.loads(base64.urlsafe_b64decode(token.encode("ascii")))
    except (ValueError, TypeError, binascii.Error):
        raise bodies.wrapped(400, bodies.INVALID_ARGUMENT) from None
    if asked != _hash(question) or not isinstance(position, int):
        raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
    return position


def _hash(question: Mapping[str, Any]) -> str:
    text = json.dumps(question, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
