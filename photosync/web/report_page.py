"""The page of ``photosync report --html``: one file that needs nothing but a browser.

No script, and nothing is loaded from anywhere: its policy forbids what it does not need. Every
name in it is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from photosync.domain.media import in_units

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

MARK: Final = "<!-- written by photosync report -->"
"""The second line of every such page: none but these is written over."""

MOST_ROWS: Final = 2000
FOLDER: Final = Path(__file__).parent / "templates"
WORDS: Final = {
    "phone": "phone",
    "mirror": "mirror",
    "folder": "watched folder",
    "backup": "second copy",
    "library": "library",
}


def is_report(beginning: bytes) -> bool:
    """Whether a file that begins so is a page of ours."""
    return beginning.startswith(f"<!doctype html>\n{MARK}\n".encode())


def picture(jpeg: bytes) -> str:
    """A picture as an address that holds it."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def page(
    found: Json, *, newest: list[Json], pictures_shown: int, left_out: list[str]
) -> Iterator[bytes]:
    """The page, piece by piece.

    ``found``: the report's document, whose examples may hold a ``picture``; ``newest``: folders
    with their newest ``samples``; ``left_out``: sentences on what is not shown.
    """
    style = (FOLDER / "report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    rows = {name: found[name][:MOST_ROWS] for name in ("folders", "months")}
    more = [f"{len(found[name]) - MOST_ROWS:,} {name} more are in --json." for name in rows
            if len(found[name]) > MOST_ROWS]  # fmt: skip
    for one in found["sources"]:
        one["seen_words"] = _seen(one)
    pieces = _environment().get_template("report.html").generate(
        found=found,
        mark=Markup(MARK),  # noqa: S704 - a constant
        style=Markup(style),  # noqa: S704 - our own file
        policy="default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src 'sha256-{digest}'",
        made_at=_local(found["made_at"]),
        words=WORDS,
        has_mirror=any(one["kind"] != "folder" for one in found["sources"]),
        newest=newest,
        pictures_shown=pictures_shown,
        left_out=[*left_out, *more],
        **rows,
    )  # fmt: skip
    return (piece.encode("utf-8", "replace") for piece in pieces)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["count"] = lambda number: f"{number:,}"
    made.filters["size"] = in_units
    return made


def _seen(source: Json) -> str:
    if source["seen"] == "now":
        return "as it is now"
    at = _local(source["looked_at"])
    return f"as it was when it was last looked through ({at})" if at else "never looked through"


def _local(rfc3339: str | None) -> str:
    if rfc3339 is None:
        return ""
    at = datetime.strptime(rfc3339, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return at.astimezone().strftime("%Y-%m-%d %H:%M")
