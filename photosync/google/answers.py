"""What an answer of Google's means: tables from status and body to our errors.

Pure: an ``Answer`` goes in, an error or None comes out. Everything in an answer is hostile: it
may be HTML, cut off, any shape of JSON, or hold secrets that must not reach a log. Texts and
codes are those of google-photos-api.md §1.2, §1.6, §2.2, §3.2, §3.3 and §6.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from photosync.errors import (
    AlbumGone,
    ApiNotEnabled,
    ChecksumMismatch,
    ClockWrong,
    DailyQuotaSpent,
    EmptyFile,
    FileTooLarge,
    Offline,
    PhotosDisabled,
    PhotosyncError,
    RateLimited,
    RequestRefused,
    ScopeMissing,
    ServerTrouble,
    SignInRequired,
    StorageFull,
    TokenLost,
    WriteCollision,
)
from photosync.google.faults import Answer, Fault, fault_of, retry_after, skew_seconds
from photosync.google.refusals import refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable


class Kind(Enum):
    """What was asked; the same text means different things in different places."""

    RAW = auto()
    START = auto()
    CHUNK = auto()
    QUERY = auto()
    CREATE = auto()
    ALBUM = auto()
    ALBUMS = auto()
    ITEMS = auto()

    @property
    def is_upload(self) -> bool:
        """Whether the request goes to ``/v1/uploads``."""
        return self in UPLOADS


UPLOADS = frozenset({Kind.RAW, Kind.START, Kind.CHUNK, Kind.QUERY})

ENABLE_URL = "https://console.cloud.google.com/apis/library/photoslibrary.googleapis.com"
CONSOLE_URL = re.compile(
    r"https://console\.(?:developers|cloud)\.google\.com/apis/(?:[a-z.]{1,40}/){1,4}overview"
    r"\?project=[a-z0-9-]{1,30}(?=[\s.]|$)"
)
"""The page of the user's own project (§1.2), and nothing else that a hostile text may hold."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One answer under examination: what was asked, what came, what it says."""

    kind: Kind
    answer: Answer
    fault: Fault

    def says(self, *phrases: str) -> bool:
        """Whether the answer holds one of ``phrases`` (lower case)."""
        return any(phrase in self.fault.text for phrase in phrases)

    def told(self, before: str) -> str:
        """``before`` and Google's own words, cleaned."""
        words = self.fault.message
        return f"{before}: {words}" if words else f"{before} (HTTP {self.answer.status})."


def error_of(kind: Kind, answer: Answer, *, now: float) -> PhotosyncError | None:
    """The error that ``answer`` to a request of ``kind`` stands for; None for any 2xx.

    ``now`` (seconds UTC) is needed to read a Retry-After that is a date. ``DailyQuotaSpent``
    comes without ``until``: when the day ends is the ledger's to say.
    """
    if 200 <= answer.status < 300:  # noqa: PLR2004 - the success class
        return None
    case = _Case(kind, answer, fault_of(answer))
    for rule in RULES:
        error = rule(case, now)
        if error is not None:
            return error
    return _trouble(case, now)


def lacks_consent(answer: Answer) -> bool:
    """Whether the answer, to a fresh token, means that only a new sign-in can help (§1.2)."""
    error = error_of(Kind.RAW, answer, now=0.0)
    return isinstance(error, (SignInRequired, ScopeMissing))


def _storage(case: _Case, _now: float) -> PhotosyncError | None:
    """Google answers a full account with 400, not 429 (§3.3), in a text that "may change"."""
    if not 400 <= case.answer.status < 500:  # noqa: PLR2004 - the client-error class
        return None
    if is_storage_text(case.fault.text) or "storageQuotaExceeded" in case.fault.reasons:
        return StorageFull("The Google account has no room for more photos.")
    return None


def is_storage_text(text: str) -> bool:
    """Whether Google complains of a full account; ``text`` in lower case."""
    return "remaining storage" in text or ("storage" in text and "not enough" in text)


def _quota(case: _Case, now: float) -> PhotosyncError | None:
    """§6.3; on /uploads the same comes as 400 "Insufficient tokens for quota" (§2.2)."""
    fault = case.fault
    limited = (
        case.answer.status == 429  # noqa: PLR2004 - Too Many Requests
        or "insufficient tokens for quota" in fault.text
        or not fault.reasons.isdisjoint(QUOTA_REASONS)
    )
    if not limited:
        return None
    if _is_of_day(case) or "dailyLimitExceeded" in fault.reasons:
        return DailyQuotaSpent("Google says that the day's requests are used up.")
    return RateLimited(
        case.told("Google wants fewer requests"), retry_after=retry_after(case.answer, fault, now)
    )


def _is_of_day(case: _Case) -> bool:
    """Whether it is the day's quota: by the limit's own name; only without one by the text."""
    limit = case.fault.quota_limit.lower()
    return "perday" in limit if limit else case.says("per day", "perday")


QUOTA_REASONS = frozenset(
    {"rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded", "quotaExceeded"}
)


def _sign_in(case: _Case, _now: float) -> PhotosyncError | None:
    """401 with a token that was just refreshed; on /uploads that means a missing scope (§1.2).

    A page in HTML is some box on the way that wants a password of its own.
    """
    if case.answer.status != 401 or case.fault.is_html:  # noqa: PLR2004 - Unauthorized
        return None
    if case.kind.is_upload and (case.fault.code == 16 or case.says("authentication session")):  # noqa: PLR2004
        return ScopeMissing("Google does not let this sign-in add photos.")
    return SignInRequired("Google does not accept the sign-in any more.")


def _forbidden(case: _Case, _now: float) -> PhotosyncError | None:
    if case.answer.status != 403 or not case.fault.is_google:  # noqa: PLR2004 - Forbidden
        return None
    reasons = case.fault.reasons
    if "ACCESS_TOKEN_SCOPE_INSUFFICIENT" in reasons or case.says("insufficient authentication sc"):
        return ScopeMissing("The sign-in lacks a permission that photosync needs.")
    if not reasons.isdisjoint({"SERVICE_DISABLED", "accessNotConfigured"}) or case.says(
        "has not been used in project", "it is disabled"
    ):
        return _not_enabled(case.fault)
    return PhotosDisabled(case.told("Google forbids access to Google Photos"))


def _not_enabled(fault: Fault) -> ApiNotEnabled:
    found = CONSOLE_URL.search(fault.raw_text)
    url = found.group() if found else ENABLE_URL
    return ApiNotEnabled(
        "The Photos Library API is not switched on in your Google Cloud project.",
        hint=f"Switch it on at {url} and wait a few minutes.",
    )


def _network(case: _Case, _now: float) -> PhotosyncError | None:
    """A proxy or a captive portal answered in Google's place."""
    if case.answer.status == 407:  # noqa: PLR2004 - Proxy Authentication Required
        return Offline("The proxy wants a user name and a password.")
    if case.answer.status == 511:  # noqa: PLR2004 - Network Authentication Required
        return Offline("This network wants you to log in to it first.")
    return None


def _collision(case: _Case, now: float) -> PhotosyncError | None:
    if case.answer.status != 409:  # noqa: PLR2004 - Conflict
        return None
    return WriteCollision(
        case.told("Two writes met at Google"), retry_after=retry_after(case.answer, case.fault, now)
    )


def _upload(case: _Case, _now: float) -> PhotosyncError | None:
    """Texts of /uploads (§2.2)."""
    if not case.kind.is_upload:
        return None
    if case.answer.status == 413 or case.says("exceeded the max file size"):  # noqa: PLR2004
        return FileTooLarge(case.told("Google finds the file too large"))
    if case.answer.status != 400:  # noqa: PLR2004 - Bad Request
        return None
    if case.says("payload must not be empty"):
        return EmptyFile("Google received no bytes: the file is empty.")
    if case.says("checksum"):
        return ChecksumMismatch("Google received other bytes than were hashed.")
    return None


def _create(case: _Case, _now: float) -> PhotosyncError | None:
    """Texts of batchCreate (§3.3)."""
    if case.kind is not Kind.CREATE or not 400 <= case.answer.status < 500:  # noqa: PLR2004
        return None
    if case.says("valid upload token"):
        return TokenLost("Google does not know an upload token.")
    if case.says("no permission to add media items to this album"):
        return AlbumGone("Google does not let photosync add to the album.")
    if case.says("does not match any albums") or (
        case.answer.status == 404 and case.fault.is_google  # noqa: PLR2004 - Not Found
    ):
        return AlbumGone("The album is no longer in Google Photos.")
    return None


def _refused(case: _Case, _now: float) -> PhotosyncError | None:
    """What is left of 4xx in Google's own shape will not get better by asking again.

    A plain-text 400 counts too, a page in HTML does not: that is some box on the way.
    """
    status = case.answer.status
    if not 400 <= status < 500 or status == 408:  # noqa: PLR2004 - Request Timeout
        return None
    if case.fault.is_google or (status == 400 and not case.fault.is_html):  # noqa: PLR2004
        return RequestRefused(case.told("Google refused the request"))
    return None


def _trouble(case: _Case, now: float) -> ServerTrouble:
    """5xx, 408, redirects, pages of HTML: no answer of the API's."""
    return ServerTrouble(
        case.told("Google is in trouble"), retry_after=retry_after(case.answer, case.fault, now)
    )


RULES: tuple[Callable[[_Case, float], PhotosyncError | None], ...] = (
    _network,
    _storage,
    _quota,
    _sign_in,
    _forbidden,
    _collision,
    _upload,
    _create,
    _refused,
)
"""Asked in this order: what blocks everything comes before what concerns one request."""


def token_error_of(answer: Answer, *, now: float) -> PhotosyncError | None:
    """The same for the token endpoint (§1.6); None for a 200 that holds an access token."""
    fault = fault_of(answer)
    word = fault.oauth_error
    if answer.status == 200 and not word:  # noqa: PLR2004 - OK
        return None if fault.has_access_token else ServerTrouble("Google gave no access token.")
    if answer.status in (407, 511):
        return _network(_Case(Kind.RAW, answer, fault), now)
    if word == "invalid_grant":
        return clock_error(answer, now) or SignInRequired("The sign-in has expired or was revoked.")
    return refusal_of(word) or _token_trouble(answer, fault, now)


def clock_error(answer: Answer, now: float) -> ClockWrong | None:
    """What a clock far from Google's own explains, among other things, by an ``invalid_grant``."""
    ahead = skew_seconds(answer, now)
    if ahead is None or abs(ahead) < CLOCK_SECONDS:
        return None
    minutes = round(abs(ahead) / 60)
    span = f"{minutes} minutes" if minutes < 120 else f"{round(minutes / 60)} hours"  # noqa: PLR2004
    if minutes >= 2880:  # noqa: PLR2004 - two days
        span = f"{round(minutes / 1440)} days"
    way = "ahead" if ahead > 0 else "behind"
    return ClockWrong(f"This computer's clock is {span} {way}, and Google refuses the sign-in.")


def _token_trouble(answer: Answer, fault: Fault, now: float) -> PhotosyncError:
    wait = retry_after(answer, fault, now)
    if answer.status == 429:  # noqa: PLR2004 - Too Many Requests
        return RateLimited("Google wants fewer sign-in requests.", retry_after=wait)
    is_word = OAUTH_WORD.fullmatch(fault.oauth_error)
    what = fault.oauth_error if is_word else f"HTTP {answer.status}"
    return ServerTrouble(f"Google's sign-in server is in trouble ({what}).", retry_after=wait)


OAUTH_WORD = re.compile(r"[a-z_]{1,40}")

CLOCK_SECONDS = 300
"""So far from Google's a clock may be."""
