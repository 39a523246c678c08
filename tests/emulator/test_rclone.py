"""A client that talks to the real Google every day must be content with ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import requests

from photosync.emulator.server import Emulator
from tests.emulator.conftest import picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulator.conftest import Tools

HOSTS = (
    "photoslibrary.googleapis.com",
    "oauth2.googleapis.com",
    "accounts.google.com",
    "www.googleapis.com",
)

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
"$RCLONE" copy "$WORK/photos" google:album/Trip
"$RCLONE" lsf google:album/Trip > "$WORK/listed"
"$RCLONE" lsf google:album > "$WORK/albums"
"$RCLONE" copy google:album/Trip "$WORK/fetched"
"$RCLONE" copy "$WORK/photos" google:album/Trip
"""


def prepare(work: Path) -> None:
    """A certificate for Google's names, and the names on this computer."""
    (work / "hosts").write_text("".join(f"127.0.0.1 {host}\n" for host in HOSTS))
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *(
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=emulator",
                "-addext",
                f"subjectAltName={names}",
            ),
            *("-keyout", str(work / "key.pem"), "-out", str(work / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )


def environment(work: Path, rclone: Path) -> dict[str, str]:
    """An rclone that signed in long ago: its access token has expired."""
    with Emulator(work / "google") as emulator:
        held = emulator.grant()
    token = {
        "access_token": held["token"],
        "token_type": "Bearer",
        "refresh_token": held["refresh_token"],
        "expiry": "2020-01-01T00:00:00Z",
    }
    return os.environ | {
        "WORK": str(work),
        "PYTHON": sys.executable,
        "RCLONE": str(rclone),
        "SSL_CERT_FILE": str(work / "cert.pem"),
        "RCLONE_CONFIG": str(work / "rclone.conf"),
        "RCLONE_CONFIG_GOOGLE_TYPE": "google photos",
        "RCLONE_CONFIG_GOOGLE_CLIENT_ID": held["client_id"],
        "RCLONE_CONFIG_GOOGLE_CLIENT_SECRET": held["client_secret"],
        "RCLONE_CONFIG_GOOGLE_TOKEN": json.dumps(token),
        "RCLONE_RETRIES": "1",
        "RCLONE_LOW_LEVEL_RETRIES": "1",
    }


def test_rclone_uploads_lists_and_fetches(tmp_path: Path, tools: Tools) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "Größe 1.jpg").write_bytes(picture(1))
    (photos / "IMG_0002.jpg").write_bytes(picture(2))
    prepare(tmp_path)
    done = subprocess.run(
        ["unshare", "-m", "-n", "sh", "-c", SCRIPT],
        env=environment(tmp_path, tools.rclone),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "listed").read_text("utf-8").split("\n") == [
        "Größe 1.jpg",
        "IMG_0002.jpg",
        "",
    ]
    assert (tmp_path / "albums").read_text("utf-8") == "Trip/\n"
    for file in photos.iterdir():
        assert (tmp_path / "fetched" / file.name).read_bytes() == file.read_bytes()
    with Emulator(tmp_path / "google") as emulator:
        assert {item.file_name for item in emulator.library.items()} == {
            "Größe 1.jpg",
            "IMG_0002.jpg",
        }
        (album,) = emulator.library.albums()
        assert (album.title, len(album.item_ids)) == ("Trip", 2)
        today = requests.get(emulator.url + "/emulator/requests.json", timeout=60).json()["today"]
    assert today["token"] >= 1
    assert (today["upload.raw"], today["albums.create"]) == (2, 1)
    assert 1 <= today["batchCreate"] <= 2
