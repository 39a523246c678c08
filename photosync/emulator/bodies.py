"""Google's error answers, word for word (google-photos-api.md §1.2, §1.6, §2.2, §3, §6.3)."""

from __future__ import annotations

import html
import json
from typing import Any, Final

JSON_TYPE: Final = "application/json; charset=UTF-8"
UPLOAD_PREFIX: Final = "upload."

PROJECT: Final = "844831818923"
_SERVICE: Final = "photoslibrary.googleapis.com"

STATUS_NAMES: Final = {
    400: (3, "INVALID_ARGUMENT"),
    401: (16, "UNAUTHENTICATED"),
    403: (7, "PERMISSION_DENIED"),
    404: (5, "NOT_FOUND"),
    409: (10, "ABORTED"),
    413: (3, "INVALID_ARGUMENT"),
    429: (8, "RESOURCE_EXHAUSTED"),
    500: (13, "INTERNAL"),
    503: (14, "UNAVAILABLE"),
}

ALBUM_UNKNOWN: Final = "The provided ID does not match any albums."
ALBUM_FORBIDDEN: Final = "No permission to add media items to this album."
INVALID_ARGUMENT: Final = "Request contains an invalid argument."
INVALID_MEDIA_ID: Final = "Request contains an invalid media item id."
ITEM_FAILED: Final = "Failed: There was an error while trying to create this media item."
NO_TOKEN: Final = "Request must contain a valid upload token."  # noqa: S105 -- Google's sentence
TOO_MANY: Final = "Request must have less than 50 items."
STORAGE_FULL: Final = (
    "The remaining storage in the user's account is not enough to perform this operation."
)
NOT_FOUND: Final = "Requested entity was not found."
UNAVAILABLE: Final = "The service is currently unavailable."
INTERNAL: Final = "Internal error encountered."
ABORTED: Final = "The operation was aborted."
CONCURRENT: Final = f"Quota exceeded for quota 'concurrent write request' of service '{_SERVICE}'."
SCOPES: Final = "Request had insufficient authentication scopes."
CREDENTIALS: Final = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie "
    "or other valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project."
)
NO_SESSION: Final = "Authentication session is not defined."
EMPTY: Final = "Payload must not be empty"
TOO_LARGE: Final = "The request exceeded the max file size limit of 20 GB."
CHECKSUM: Final = "User-provided checksum does not match received payload content."
UPLOADS_QUOTA: Final = (
    f"Insufficient tokens for quota '{_SERVICE}/upload_requests' and limit 'UploadsPerMinute' of "
    f"service '{_SERVICE}' for consumer 'project_number:{PROJECT}'."
)
API_DISABLED: Final = (
    "Google Photos API has not been used in project 0 before or it is disabled. Enable it by "
    "visiting https://console.developers.google.com/apis/library/photoslibrary.googleapis.com/"
    "overview?project=0 then retry. If you enabled this API recently, wait a few minutes for the "
    "action to propagate to our systems and retry."
)


class Refusal(Exception):  # an answer, not a failure of ours
    """An answer other than success: ``status``, ``body`` and ``headers`` as they go out."""

    def __init__(
        self,
        status: int,
        body: bytes,
        *,
        content_type: str = JSON_TYPE,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = {"content-type": content_type, **(headers or {})}


def dump(value: Any, *, pretty: bool = True) -> bytes:
    """JSON as Google writes it."""
    text = json.dumps(value, indent=2 if pretty else None, ensure_ascii=False)
    return (text + "\n").encode("utf-8", "surrogatepass")


def wrapped(
    status: int, message: str, *, headers: dict[str, str] | None = None, **extra: Any
) -> Refusal:
    """An error of a JSON endpoint: ``{"error": {...}}``."""
    error = {"code": status, "message": message}
    error |= {"errors": extra["errors"]} if "errors" in extra else {}
    error["status"] = extra.get("name", STATUS_NAMES[status][1])
    error |= {"details": extra["details"]} if "details" in extra else {}
    return Refusal(status, dump({"error": error}), headers=headers)


def bare(status: int, message: str, *, headers: dict[str, str] | None = None) -> Refusal:
    """An error of the uploads endpoint: a google.rpc.Status without envelope (§2.2)."""
    code = STATUS_NAMES[status][0]
    body = json.dumps({"code": code, "message": message}, separators=(",", ":")).encode()
    return Refusal(status, body, headers=headers)


def text(status: int, message: str, *, headers: dict[str, str] | None = None) -> Refusal:
    """An error of the upload protocol's own server: plain text (§2.3)."""
    return Refusal(status, message.encode(), content_type="text/plain", headers=headers)


def refused(
    kind: str, status: int, message: str, *, headers: dict[str, str] | None = None
) -> Refusal:
    """The error in the form the endpoint of ``kind`` has."""
    if kind.startswith(UPLOAD_PREFIX):
        return bare(status, message, headers=headers)
    return wrapped(status, message, headers=headers)


def oauth(status: int, error: str, description: str) -> Refusal:
    """An error of the token endpoint (§1.6)."""
    return Refusal(status, dump({"error": error, "error_description": description}))


def unauthenticated(kind: str) -> Refusal:
    """401: no token, a wrong one, or one that expired; on uploads also one without the scope."""
    if kind.startswith(UPLOAD_PREFIX):
        return bare(401, NO_SESSION)
    return wrapped(
        401,
        CREDENTIALS,
        headers={
            "www-authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
        },
    )


def scope_missing(kind: str) -> Refusal:
    """The token lacks the scope, or Google removed it in March 2025 (§1.2)."""
    return unauthenticated(kind) if kind.startswith(UPLOAD_PREFIX) else wrapped(403, SCOPES)


def api_not_enabled(kind: str) -> Refusal:
    """The Cloud project has not switched the API on (§1.2)."""
    if kind.startswith(UPLOAD_PREFIX):
        return bare(403, API_DISABLED)
    errors = [
        {
            "message": API_DISABLED,
            "domain": "usageLimits",
            "reason": "accessNotConfigured",
            "extendedHelp": "https://console.developers.google.com",
        }
    ]
    return wrapped(403, API_DISABLED, errors=errors)


def invalid_field(path: str, description: str) -> Refusal:
    """A request that does not parse: BadRequest with the violation (§3.1)."""
    violation = {"description": description}
    if path:
        violation = {"field": path, **violation}
    details = [
        {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    ]
    return wrapped(400, description, details=details)


def invalid_mask(fields: str, path: str) -> Refusal:
    """A ``fields`` parameter that names what is not there (§3.1)."""
    description = (
        f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
    )
    violations = [{"field": fields, "description": description}]
    details = [
        {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}
    ]
    return wrapped(400, INVALID_ARGUMENT, details=details)


def quota_day(kind: str, limit: int, retry_after: int = 0) -> Refusal:
    """The project's requests of the day are spent (§6.3)."""
    return _quota(
        kind,
        ("All requests", "All requests per day"),
        ("all_requests", "ApiCallsPerProjectPerDay", limit),
        retry_after,
    )


def quota_minute(kind: str, limit: int, retry_after: int = 0) -> Refusal:
    """The user's writes of the minute are spent (§6.3)."""
    return _quota(
        kind,
        ("Write requests", "Write requests per minute per user"),
        ("write_requests", "WritesPerMinutePerUser", limit),
        retry_after,
    )


def concurrent(kind: str, status: int, retry_after: int = 0) -> Refusal:
    """Two writes of one user at once: 429, or 409 as seen elsewhere (§3.3, §6.3)."""
    message = ABORTED if status == 409 else CONCURRENT
    return refused(kind, status, message, headers=_advice(retry_after))


def html_page(title: str, status: int = 404) -> Refusal:
    """A page for people where a client expected data: what Google's front end sends."""
    page = (
        "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n"
        f"  <title>Error {status} (Not Found)!!1</title>\n"
        f"  <p><b>{status}.</b> <ins>That's an error.</ins>\n"
        f"  <p>{html.escape(title)} <ins>That's all we know.</ins>\n"
    )
    return Refusal(status, page.encode(), content_type="text/html; charset=UTF-8")


def _advice(retry_after: int) -> dict[str, str] | None:
    return {"retry-after": str(retry_after)} if retry_after else None


def _quota(
    kind: str, names: tuple[str, str], limits: tuple[str, str, int], retry_after: int
) -> Refusal:
    metric, limit = names
    message = (
        f"Quota exceeded for quota metric '{metric}' and limit '{limit}' of service "
        f"'{_SERVICE}' for consumer 'project_number:{PROJECT}'."
    )
    if kind.startswith(UPLOAD_PREFIX):
        return bare(429, message, headers=_advice(retry_after))
    errors = [{"message": message, "domain": "global", "reason": "rateLimitExceeded"}]
    details = _quota_details(*limits)
    if retry_after:
        details.append(
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_after}s"}
        )
    return wrapped(429, message, errors=errors, details=details, headers=_advice(retry_after))


def _quota_details(metric: str, limit: str, value: int) -> list[dict[str, Any]]:
    metadata = {
        "service": _SERVICE,
        "quota_limit_value": str(value),
        "quota_location": "global",
        "consumer": f"projects/{PROJECT}",
        "quota_metric": f"{_SERVICE}/{metric}",
        "quota_limit": limit,
    }
    link = {
        "description": "Request a higher quota limit.",
        "url": "https://cloud.google.com/docs/quota#requesting_higher_quota",
    }
    return [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": metadata,
        },
        {"@type": "type.googleapis.com/google.rpc.Help", "links": [link]},
    ]
