"""Whom SFTP talks to: the hosts that SSH knows already, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")


def policy() -> Any:
    """A policy of paramiko's that takes a host whose key stands in a known_hosts file.

    paramiko itself takes anybody's, which would hand a password to whoever asks for it.

    Raises:
        ImportError: paramiko is not installed.
    """
    import paramiko

    class Known(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # it has no types
        """Looks the host up where ssh does."""

        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            """Nothing, if it is known.

            Raises:
                SSHException: It is not, or it has another key than it should.
            """
            del client
            known = paramiko.HostKeys()
            for name in KNOWN_HOSTS:
                file = Path(name).expanduser()
                if file.is_file():
                    known.load(str(file))
            if known.check(hostname, key):
                return
            entry = known.lookup(hostname)
            words = (
                "shows another key than the one that is known of it" if entry else "is not known"
            )
            host, _, port = hostname.strip("[").partition("]:")
            way = f"ssh -p {port} {host}" if port else f"ssh {host}"
            text = f"the host {hostname} {words} (compare and accept it once: {way})"
            raise paramiko.SSHException(text)

    return Known()
