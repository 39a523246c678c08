"""Who may reach the web page: this machine alone, or others by a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from photosync.config.environment import whence
from photosync.config.mistakes import Mistake, written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CURE = (
    "set web.password_file, and put a server with TLS in front; or leave it and use"
    " ssh -L 8642:127.0.0.1:8642 HOST"
)


def web_mistakes(
    content: Mapping[str, Any], file: Path | None, environ: Mapping[str, str]
) -> list[Mistake]:
    """A page that others can reach shows them every photo, unless it asks for a password."""
    from photosync.config.hosts import is_loopback

    table = content.get("web")
    web = table if isinstance(table, dict) else {}
    if web.get("password_file"):
        return []
    host, names = web.get("host", "127.0.0.1"), web.get("names")
    found = []
    if isinstance(host, str) and not is_loopback(host):
        found.append(("host", host, "others than this machine reach the web page there"))
    if isinstance(names, list) and names:
        found.append(("names", str(names[0]), "others than this machine know the page by a name"))
    return [
        Mistake(*whence(environ, file, f"web.{key}", "web", key), written(value), wrong, CURE)
        for key, value, wrong in found
    ]
