"""What each fault does to the request it strikes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from photosync.emulator import bodies
from photosync.emulator.transport import HangUp, HungUp

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.emulator.faults import Fault
    from photosync.emulator.options import Options

SESSION_KINDS: Final = ("upload.chunk", "upload.query", "upload.finalize", "upload.cancel")

_PORTAL: Final = (
    "<!DOCTYPE html><html><head><title>Welcome to the hotel</title></head>"
    "<body><h1>Please sign in to use the Wi-Fi</h1></body></html>"
)
_DEFAULT_HANG_SECONDS: Final = 30.0


def before(fault: Fault, kind: str, options: Options) -> None:
    """Faults that leave no effect behind.

    Raises:
        Refusal: The answer instead of the real one.
        HangUp: No answer at all.
    """
    if fault.fault == "reset-before":
        raise HangUp(reset=True)
    if fault.fault == "html":
        page = (fault.body if fault.body is not None else _PORTAL).encode()
        raise bodies.Refusal(fault.code or 200, page, content_type="text/html; charset=utf-8")
    refusal = _REFUSALS.get(fault.fault)
    if refusal is not None:
        raise refusal(fault, kind, options)


def pause(fault: Fault | None) -> float:
    """How long the request hangs before anything is done, seconds."""
    if fault is None or fault.fault != "hang":
        return 0.0
    return _DEFAULT_HANG_SECONDS if fault.seconds is None else fault.seconds


def after(fault: Fault | None, response: Response) -> Response:
    """Faults that let the effect happen and spoil the answer."""
    name = fault.fault if fault else ""
    if name in {"reset-after", "lost-answer"}:
        return HungUp(reset=name == "reset-after")
    if name == "missing-status-header" and "x-goog-upload-status" in response.headers:
        del response.headers["x-goog-upload-status"]
    if name == "truncated-json":
        body = bytes(response.body)
        headers = dict(response.headers)
        headers.pop("content-length", None)
        return Response(body[: len(body) // 2], response.status_code, headers)
    return response


def _unavailable(fault: Fault, kind: str, options: Options) -> bodies.Refusal:  # noqa: ARG001
    advice = {"retry-after": str(int(2 if fault.seconds is None else fault.seconds))}
    return bodies.refused(kind, 503, bodies.UNAVAILABLE, headers=advice)


_REFUSALS: Final[dict[str, Callable[[Fault, str, Options], bodies.Refusal]]] = {
    "quota-day": lambda _, kind, options: bodies.quota_day(
        kind, options.daily_limit, options.retry_after_seconds
    ),
    "quota-minute": lambda _, kind, options: bodies.quota_minute(
        kind, options.writes_per_minute, options.retry_after_seconds
    ),
    "concurrent": lambda _, kind, options: bodies.concurrent(
        kind, options.concurrent_status, options.retry_after_seconds
    ),
    "uploads-quota": lambda *_: bodies.bare(400, bodies.UPLOADS_QUOTA),
    "500": lambda _, kind, __: bodies.refused(kind, 500, bodies.INTERNAL),
    "502": lambda *_: bodies.html_page("The server encountered a temporary error.", 502),
    "503": lambda _, kind, __: bodies.refused(kind, 503, bodies.UNAVAILABLE),
    "503-with-retry-after": _unavailable,
    "storage-full": lambda *_: bodies.wrapped(400, bodies.STORAGE_FULL),
    "invalid-grant": lambda *_: bodies.oauth(
        400, "invalid_grant", "Token has been expired or revoked."
    ),
    "401": lambda _, kind, __: bodies.unauthenticated(kind),
    "api-not-enabled": lambda _, kind, __: bodies.api_not_enabled(kind),
    "scope-missing": lambda _, kind, __: bodies.scope_missing(kind),
}
