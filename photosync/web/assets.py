"""Templates and what pages load besides: each by a name that we know, never by a path."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

from photosync import __version__
from photosync.web import words

if TYPE_CHECKING:
    from starlette.requests import Request

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": CSP, "Referrer-Policy": "same-origin"}
"""With "no-referrer" a browser sends the Origin of a form as "null"."""
KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
SHARED = "page.js"
"""What other scripts import."""
FOREVER = "public, max-age=31536000, immutable"
SOON = "public, max-age=60"


class Assets:
    """Read once, with the first page that is asked for."""

    def __init__(self) -> None:
        from jinja2 import Environment, PackageLoader, StrictUndefined

        folder = resources.files("photosync.web").joinpath("static")
        self._files = {
            one.name: one.read_bytes()
            for one in folder.iterdir()
            if one.name.rpartition(".")[2] in KINDS
        }
        self._marks = {name: _mark(content) for name, content in self._files.items()}
        # by another address it would be another script, and run a second time
        shared = f'"{self.address(SHARED)}"'.encode()
        for name in (one for one in self._files if one.endswith(".js") and one != SHARED):
            self._files[name] = self._files[name].replace(f'"./{SHARED}"'.encode(), shared)
            self._marks[name] = _mark(self._files[name])
        self._templates = Environment(
            loader=PackageLoader("photosync.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals.update(static=self.address, words=words, version=__version__)

    def address(self, name: str) -> str:
        """Where a file of ours is: another address for other content."""
        return f"/static/{name}?v={self._marks[name]}"

    async def static(self, request: Request) -> Response:
        """One of our files."""
        name = request.path_params["name"]
        content = self._files.get(name)
        if content is None:
            return Response(status_code=404)
        is_exact = request.query_params.get("v") == self._marks[name]
        return Response(
            content,
            media_type=KINDS[name.rpartition(".")[2]],
            headers={"Cache-Control": FOREVER if is_exact else SOON},
        )

    def text(self, template: str, **values: Any) -> str:
        """A template, filled in; every value is escaped."""
        return self._templates.get_template(template).render(**values)

    def page(self, template: str, *, code: int = 200, **values: Any) -> HTMLResponse:
        """The same as a page that runs nothing but our own files."""
        text = self.text(template, **values)
        return HTMLResponse(text, code, headers=HEADERS)


def _mark(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
