"""An SFTP server over one folder, of paramiko's own parts, on loopback."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, PASSWORD = "lisa", "very-secret-indeed"


class _Gate(paramiko.ServerInterface):  # type: ignore[misc]
    def check_auth_password(self, username: str, password: str) -> int:
        good = (username, password) == (USER, PASSWORD)
        return int(paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED)

    def check_channel_request(self, _kind: str, _number: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)


class _Handle(paramiko.SFTPHandle):  # type: ignore[misc]
    def stat(self) -> Any:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class Files(paramiko.SFTPServerInterface):  # type: ignore[misc]
    """What the folder shows."""

    root = ""

    def __init__(self, server: Any, root: str) -> None:
        super().__init__(server)
        self.root = root

    def _real(self, path: str) -> str:
        return f"{self.root}{self.canonicalize(path)}"

    def _done(self, call: Any, *arguments: Any) -> int:
        try:
            call(*arguments)
        except OSError as error:
            return int(paramiko.SFTPServer.convert_errno(error.errno))
        return int(paramiko.SFTP_OK)

    def list_folder(self, path: str) -> Any:
        try:
            names = sorted(Path(self._real(path)).iterdir())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        found = []
        for name in names:
            one = paramiko.SFTPAttributes.from_stat(name.stat())
            one.filename = name.name
            found.append(one)
        return found

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(Path(self._real(path)).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    lstat = stat

    def open(self, path: str, flags: int, _attributes: Any) -> Any:
        try:
            descriptor = os.open(self._real(path), flags, 0o600)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        mode = "wb" if flags & os.O_WRONLY else "r+b" if flags & os.O_RDWR else "rb"
        handle = _Handle(flags)
        handle.readfile = handle.writefile = os.fdopen(descriptor, mode)
        return handle

    def remove(self, path: str) -> int:
        return self._done(os.remove, self._real(path))

    def rename(self, path: str, to: str) -> int:
        return self._done(os.rename, self._real(path), self._real(to))

    posix_rename = rename

    def mkdir(self, path: str, _attributes: Any) -> int:
        return self._done(os.mkdir, self._real(path))


@contextmanager
def server(root: Path) -> Iterator[tuple[int, Any]]:
    """(port, the host's key) of a server that shows ``root`` as "/"."""
    key = paramiko.RSAKey.generate(2048)
    transports: list[Any] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files, str(root))
            transports.append(transport)
            transport.start_server(event=threading.Event(), server=_Gate())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], key
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for one in transports:
            one.close()
