"""rclone against the emulator, in namespaces of its own where Google's names lead there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.emulator.server import Emulator
from tests.emulator.test_rclone import environment, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPT = """
set -eu
ip link set lo up
mount --bind "$WORK/hosts" /etc/hosts
"$PYTHON" -m photosync.emulator --directory "$WORK/google" --port 443 \
    --options '{"lenient_content_type": true}' \
    --tls-cert "$WORK/cert.pem" --tls-key "$WORK/key.pem" > "$WORK/announced" &
emulator=$!
trap 'kill $emulator; wait $emulator' EXIT
until grep -q https "$WORK/announced"; do kill -0 $emulator; sleep 0.02; done
began=$(date +%s.%N)
"$RCLONE" copy "$PHOTOS" google:upload
ended=$(date +%s.%N)
echo "$began $ended" > "$WORK/times"
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """``requests``: all that count against the day's quota."""

    seconds: float
    requests: int


def measure(photos: Path, work: Path) -> Measured | None:
    """Upload ``photos`` with rclone as it comes; None where that is not possible."""
    binary = shutil.which("rclone", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if binary is None or os.geteuid() != 0 or not shutil.which("unshare"):
        return None
    work.mkdir()
    prepare(work)
    environ: Mapping[str, str] = {
        **environment(work, Path(binary)),
        "PHOTOS": str(photos),
        "RCLONE_LOW_LEVEL_RETRIES": "10",
        "RCLONE_RETRIES": "3",
    }
    subprocess.run(
        ["unshare", "-m", "-n", "sh", "-c", SCRIPT],
        env=dict(environ),
        check=True,
        capture_output=True,
        timeout=900,
    )
    began, ended = map(float, (work / "times").read_text().split())
    with Emulator(work / "google") as emulator:
        assert len(emulator.library.items()) == len(list(photos.iterdir()))
        import requests

        today = requests.get(f"{emulator.url}/emulator/requests.json", timeout=5).json()["today"]
    counted = sum(count for kind, count in today.items() if kind != "token")
    return Measured(ended - began, counted)
