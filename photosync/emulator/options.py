"""What the emulator does where Google's behaviour varies, is a limit, or is unknown."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

GIGABYTE: Final = 1024**3
DAY: Final = 86_400


@dataclass(slots=True)
class Options:
    """Every switch with its default. Values may change while the emulator runs.

    Attributes:
        daily_limit: Requests per Cloud project and Pacific day (§6.1).
        count_uploads: Whether upload requests count towards ``daily_limit`` (§11: unclear).
        writes_per_minute: Writes per user within 60 seconds (§6.2).
        uploads_per_minute: Upload requests per user within 60 seconds, answered with the 400 of
            §2.2; 0 is no limit.
        granularity_bytes: Every chunk but the last is a multiple of it (§2.3).
        wrong_offset_status: 409, 400, 412 or 416 (§2.3: Google contradicts itself).
        keep_prefix: What a broken connection leaves of a chunk: ``arbitrary`` all that came,
            ``aligned`` a multiple of the granularity, ``none`` nothing.
        partial_status: HTTP status of a batchCreate with mixed results: 207 or 200 (§3.2).
        duplicate_in_batch: 6 refuses the second of two equal files in one batch; ``same-id``
            answers with the first one's id (§3.4).
        concurrent_status: Two writes at once: 429 or 409 (§3.4).
        reused_token: A token used again: ``same-id`` or ``code-3`` (§3.4: undocumented).
        final_query_token: Whether a query of a finished session repeats the upload token (§2.3).
        testing_mode: Refresh tokens die after seven days (§1.3).
        consent_refusal: Google refuses to ask at all, with that word (§1.6); "" asks.
        no_refresh_token: The token reply never holds a refresh token (§1.3).
        access_token_seconds: Life of an access token.
        token_seconds: Life of an upload token (§3.1: one day).
        session_seconds: Life of an upload session (§2.3: seven days at Street View).
        base_url_seconds: Life of a base URL (§5: about 60 minutes).
        lenient_content_type: Whether a raw upload may lack its Content-type. The guide requires
            it (§2.1), but Google takes rclone's uploads, which have none; a wrong one is refused.
        latency_seconds: Wait before every answer.
        bandwidth_bytes_per_second: Speed at which upload bodies are read; 0 is unlimited.
        storage_bytes: Room in each account; 0 is unlimited.
        max_video_bytes: Longest upload, else 413 (§2.2).
        max_photo_bytes: Longest photo, else code 3 at batchCreate (§7).
        album_items_limit: Most items of one album (§4).
        retry_after_seconds: Sent as Retry-After with each 429; 0 sends none (§6.3).
        video_processing_seconds: How long a new video says PROCESSING (§5).
    """

    daily_limit: int = 10_000
    count_uploads: bool = True
    writes_per_minute: int = 30
    uploads_per_minute: int = 0
    granularity_bytes: int = 262_144
    wrong_offset_status: int = 409
    keep_prefix: str = "arbitrary"
    partial_status: int = 207
    duplicate_in_batch: int | str = 6
    concurrent_status: int = 429
    reused_token: str = "same-id"  # noqa: S105 -- a rule's name, not a secret
    final_query_token: bool = False
    testing_mode: bool = False
    consent_refusal: str = ""
    no_refresh_token: bool = False
    access_token_seconds: int = 3_600
    token_seconds: int = DAY
    session_seconds: int = 7 * DAY
    base_url_seconds: int = 3_600
    lenient_content_type: bool = False
    latency_seconds: float = 0.0
    bandwidth_bytes_per_second: int = 0
    storage_bytes: int = 0
    max_video_bytes: int = 20 * GIGABYTE
    max_photo_bytes: int = 200 * 1024**2
    album_items_limit: int = 20_000
    retry_after_seconds: int = 0
    video_processing_seconds: float = 0.0

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Options:
        """The defaults, changed by ``values``.

        Raises:
            ValueError: There is no such option, or its value will not do.
        """
        options = cls()
        options.update(values)
        return options

    def update(self, values: Mapping[str, Any]) -> None:
        """Change several options, or none if one of them is wrong.

        Raises:
            ValueError: There is no such option, or its value will not do.
        """
        known = {field.name: type(field.default) for field in fields(self)}
        checked = {name: _checked(name, value, known) for name, value in values.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    def to_mapping(self) -> dict[str, Any]:
        """All options by name."""
        return asdict(self)


CONSENT_REFUSALS: Final = (
    *("access_denied", "admin_policy_enforced", "deleted_client", "disabled_client"),
    *("disallowed_useragent", "org_internal"),
)

_CHOICES: Final[dict[str, tuple[object, ...]]] = {
    "consent_refusal": ("", *CONSENT_REFUSALS),
    "wrong_offset_status": (409, 400, 412, 416),
    "keep_prefix": ("arbitrary", "aligned", "none"),
    "partial_status": (207, 200),
    "duplicate_in_batch": (6, "same-id"),
    "concurrent_status": (429, 409),
    "reused_token": ("same-id", "code-3"),
}


def _checked(name: str, value: Any, known: Mapping[str, type]) -> Any:
    if name not in known:
        raise ValueError(f"There is no option {name!r}. Known: {', '.join(sorted(known))}.")
    if name in _CHOICES:
        if value not in _CHOICES[name] or isinstance(value, bool):
            raise ValueError(f"Option {name} is one of {_CHOICES[name]}, not {value!r}.")
        return value
    if known[name] is bool:
        if not isinstance(value, bool):
            raise ValueError(f"Option {name} is true or false, not {value!r}.")
        return value
    return _checked_number(name, value, known[name])


def _checked_number(name: str, value: Any, kind: type) -> int | float:
    allowed = (int, float) if kind is float else (int,)
    least = 1 if name == "granularity_bytes" else 0
    # Written so that NaN, which compares false with everything, is refused as well.
    fine = isinstance(value, allowed) and not isinstance(value, bool) and least <= value < 10**15
    if not fine:
        raise ValueError(f"Option {name} is a number from {least} up, not {value!r}.")
    return kind(value)  # type: ignore[no-any-return]  # int or float, by the field's default
