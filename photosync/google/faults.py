"""Answers as they come off the wire, and what can be read out of a hostile one."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST_MESSAGE = 300  # characters that reach a log or a page
LONGEST_WAIT = 86_400.0  # seconds; no Retry-After is believed beyond a day
MOST_DETAILS = 50

SECRET = re.compile(
    r"(?i)bearer\s+\S+|ya29\.\S+|[14]/[/0]\S+|GOCSPX-\S+|upload_id=\S+|[\w+/=.~-]{48,}"
)
"""Access and refresh tokens, sign-in codes, client secrets, session URLs, and any run too long
to be a word."""

HEADER_SAFE = re.compile(r"[!-~]+")  # visible ASCII: what a header can carry as it is


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; header names in lower case, ``body`` bounded.

    ``is_whole`` is False if the body went on beyond the bound.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_whole: bool = True

    def json(self) -> Any:
        """The body as JSON; None if it is none, cut off or too deep."""
        if not self.is_whole:
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Fault:
    """What an error answer says.

    ``code`` is a google.rpc.Code (0 unknown), ``message`` is clean for people, ``text`` lower
    case for matching, ``raw_text`` neither; ``is_google`` tells Google's JSON from a stranger's.
    """

    code: int = 0
    message: str = ""
    raw_text: str = ""
    reasons: frozenset[str] = frozenset()
    quota_limit: str = ""
    retry_delay: str = ""
    oauth_error: str = ""
    has_access_token: bool = False
    is_google: bool = False
    is_html: bool = False

    @property
    def text(self) -> str:
        """For matching: everything said, in lower case, with plain blanks."""
        return " ".join(self.raw_text.lower().replace("\u2019", "'").split())


def clean(text: object, *, longest: int = LONGEST_MESSAGE) -> str:
    """``text`` as one short printable line without anything that looks like a secret."""
    if not isinstance(text, str):
        return ""
    line = "".join(one if one.isprintable() else " " for one in text[: 8 * longest])
    line = " ".join(SECRET.sub("[…]", line).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def fault_of(answer: Answer) -> Fault:
    """Read an error answer, wrapped in "error" (§3.3), un-wrapped (§2.2), OAuth's, or text."""
    data = answer.json()
    if not isinstance(data, dict):
        raw = answer.body[:65_536].decode("utf-8", "replace")
        if "<html" in raw[:2000].lower() or raw.lstrip()[:1] == "<":
            return Fault(is_html=True)  # its words are a stranger's
        return Fault(message=clean(raw), raw_text=raw)
    word = data.get("error")
    if isinstance(word, str):
        description = _text(data, "error_description")
        return Fault(message=clean(description), raw_text=description, oauth_error=word[:100])
    inner = word if isinstance(word, dict) else data
    message = _text(inner, "message")
    return Fault(
        code=_rpc_code(inner, wrapped=inner is word),
        message=clean(message),
        raw_text=message,
        reasons=frozenset(_reasons(inner)),
        quota_limit=_quota_limit(inner),
        retry_delay=_retry_delay(inner),
        has_access_token=HEADER_SAFE.fullmatch(_text(data, "access_token")) is not None,
        is_google="code" in inner or "status" in inner,
    )


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _rpc_code(inner: dict[str, Any], *, wrapped: bool) -> int:
    """Un-wrapped bodies carry the rpc code; wrapped ones the HTTP status there."""
    code = inner.get("code")
    return code if isinstance(code, int) and not wrapped else 0


def _dicts(inner: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    values = inner.get(key)
    if isinstance(values, list):
        yield from (value for value in values[:MOST_DETAILS] if isinstance(value, dict))


def _reasons(inner: dict[str, Any]) -> Iterator[str]:
    for key in ("details", "errors"):
        for detail in _dicts(inner, key):
            reason = _text(detail, "reason")
            if reason:
                yield reason


def _quota_limit(inner: dict[str, Any]) -> str:
    for detail in _dicts(inner, "details"):
        metadata = detail.get("metadata")
        if isinstance(metadata, dict) and _text(metadata, "quota_limit"):
            return _text(metadata, "quota_limit")
    return ""


def _retry_delay(inner: dict[str, Any]) -> str:
    for detail in _dicts(inner, "details"):
        if _text(detail, "retryDelay"):
            return _text(detail, "retryDelay")
    return ""


def retry_after(answer: Answer, fault: Fault, now: float) -> float | None:
    """Seconds that the server asks to wait, at most a day; None if it does not say (§6.3)."""
    header = answer.headers.get("retry-after", "").strip()
    told = _seconds(header)
    if told is None and header:
        told = _until(header, now)
    if told is None:
        told = _seconds(fault.retry_delay.removesuffix("s"))
    return None if told is None else min(max(told, 0.0), LONGEST_WAIT)


def skew_seconds(answer: Answer, now: float) -> float | None:
    """By how much this computer's clock is ahead of the server's; None if it does not say."""
    ahead = _until(answer.headers.get("date", ""), now)
    return None if ahead is None else -ahead


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text[:40])
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _until(date: str, now: float) -> float | None:
    try:
        return parsedate_to_datetime(date[:60]).timestamp() - now
    except (ValueError, OverflowError):
        return None
