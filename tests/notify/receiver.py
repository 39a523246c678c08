"""Whoever is to be told: an HTTP server that writes down what it hears."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Self


class Receiver:
    """Answers ``answer``, or nothing while ``hangs`` is set."""

    def __init__(self, answer: int = 200) -> None:
        self.answer = answer
        self.heard: list[tuple[str, str]] = []
        self.hangs = Event()
        self.asked = Event()
        self.goes_on = Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                receiver.heard.append((self.path, self.rfile.read(length).decode()))
                receiver.asked.set()
                if receiver.hangs.is_set():
                    receiver.goes_on.wait(60)
                    return
                self.send_response(receiver.answer)
                if receiver.answer in (301, 302):
                    self.send_header("Location", f"{receiver.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def address(self) -> str:
        """As apprise has it."""
        return f"json://127.0.0.1:{self.port}/secret-word"

    def notices(self) -> list[tuple[str, str]]:
        """(title, text) of each notice that apprise sent."""
        found = []
        for path, body in self.heard:
            if "/ping" not in path:
                told = json.loads(body)
                found.append((told["title"], told["message"]))
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.goes_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
