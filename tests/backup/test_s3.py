"""The second copy in S3, as moto plays it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyrage
import pytest

from tests.journeys.conftest import World, jpeg, mp4
from tests.journeys.conftest import world as world  # noqa: PLC0414 - a fixture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.journey

KEY, SECRET = "AKIAEXAMPLE", "very-secret-indeed"


@contextmanager
def _server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with _server() as url:
        yield url


def client(endpoint: str) -> Any:
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )


@pytest.fixture
def bucket(endpoint: str, request: pytest.FixtureRequest) -> str:
    name = f"photos-{abs(hash(request.node.name)):x}"
    client(endpoint).create_bucket(Bucket=name)
    return name


def configure(world: World, endpoint: str, bucket: str, more: str = "") -> None:
    options = f'{{endpoint_url = "{endpoint}", key = "{KEY}", secret = "{SECRET}"}}'
    to = f"s3://{bucket}/all/photos"
    world.configure(more=f"[backup]\nto = {json.dumps(to)}\noptions = {options}\n{more}\n")


def objects(endpoint: str, bucket: str) -> dict[str, bytes]:
    s3 = client(endpoint)
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for one in page.get("Contents", ()):
            body = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"]
            found[one["Key"].removeprefix("all/photos/")] = body.read()
    return found


def photos(endpoint: str, bucket: str) -> dict[str, bytes]:
    return {
        name: content
        for name, content in objects(endpoint, bucket).items()
        if not name.startswith(".photosync/")
    }


def put(world: World, name: str, content: bytes) -> None:
    os.utime(world.put(name, content), (1_600_000_000, 1_600_000_000))


def test_sealed_in_s3_and_opened_by_age(
    world: World, endpoint: str, bucket: str, tmp_path: Path
) -> None:
    world.run("backup", "--new-key")
    configure(world, endpoint, bucket, "encrypt = true")
    large = mp4(1, 60_000_000)  # in several parts
    put(world, "one.jpg", jpeg(1))
    put(world, "film.mp4", large)
    world.once()
    found = photos(endpoint, bucket)
    assert sorted(found) == ["Pictures/2020/09/film.mp4.age", "Pictures/2020/09/one.jpg.age"]
    key = str(world.state / "backup-key.txt")
    for name, content in (("film.mp4", large), ("one.jpg", jpeg(1))):
        sealed = tmp_path / "sealed"
        sealed.write_bytes(found[f"Pictures/2020/09/{name}.age"])
        done = subprocess.run(
            ["age", "-d", "-i", key, str(sealed)], capture_output=True, check=True
        )
        assert done.stdout == content
    verified = world.json("verify", "--backup", "--all")["backup"]
    assert (verified["read"], verified["opened"], verified["differences"]) == (2, True, [])
    assert client(endpoint).list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_what_lay_in_s3_as_plain_is_sealed_when_asked(
    world: World, endpoint: str, bucket: str
) -> None:
    configure(world, endpoint, bucket)
    contents = [jpeg(1), mp4(1, 300_000)]
    put(world, "Lisa.jpg", contents[0])
    put(world, "film.mp4", contents[1])
    world.once()
    key = world.state / "backup-key.txt"
    world.run("backup", "--new-key")
    configure(world, endpoint, bucket, "encrypt = true\nencrypt_names = true")
    assert world.json("status")["backup"]["exposed"]["plain"] == 2
    done = world.json("backup", "--reseal")
    assert (done["sealed"], done["removed"], done["exposed"]) == (2, 2, None)
    identity = pyrage.x25519.Identity.from_str(key.read_text().split("\n")[2])
    found = photos(endpoint, bucket)
    assert all(name.endswith(".age") for name in found)
    opened = [pyrage.decrypt(content, [identity]) for content in found.values()]
    assert sorted(opened) == sorted(contents)
    everything = objects(endpoint, bucket)
    told = "\n".join(everything).encode() + b"".join(everything.values())
    assert not any(name in told for name in (b"Lisa", b"film", b"Pictures"))
    verified = world.json("verify", "--backup", "--all")["backup"]
    assert (verified["read"], verified["unknown"], verified["differences"]) == (2, [], [])


def test_what_is_wrong_in_s3_is_found_and_brought_there_again(
    world: World, endpoint: str, bucket: str
) -> None:
    configure(world, endpoint, bucket)
    for number in range(3):
        put(world, f"{number}.jpg", jpeg(number))
    world.once()
    s3 = client(endpoint)
    at = "all/photos/Pictures/2020/09"
    s3.delete_object(Bucket=bucket, Key=f"{at}/0.jpg")
    s3.put_object(Bucket=bucket, Key=f"{at}/1.jpg", Body=jpeg(9))
    s3.put_object(Bucket=bucket, Key=f"{at}/strange.txt", Body=b"?")
    found = world.json("verify", "--backup")["backup"]
    assert sorted((one["what"], one["path"][-5:]) for one in found["differences"]) == [
        ("damaged", "1.jpg"),
        ("missing", "0.jpg"),
    ]
    assert found["unknown"] == ["Pictures/2020/09/strange.txt"]
    assert world.json("backup")["made"] == 2
    contents = [*photos(endpoint, bucket).values()]
    assert all(jpeg(number) in contents for number in range(3))
    assert jpeg(9) in contents, "nothing is overwritten"


def test_no_secret_is_ever_told(world: World, endpoint: str, bucket: str) -> None:
    configure(world, endpoint, bucket)
    put(world, "one.jpg", jpeg(1))
    told = ""
    for verb in ("config show", "run --once --verbose", "status", "doctor --offline", "verify"):
        done = world.run(*verb.split())
        told += done.stdout + done.stderr
    configure(world, endpoint, f"{bucket}-not-there")
    for verb in ("backup --verbose", "run --once", "status", "doctor --offline"):
        done = world.run(*verb.split())
        told += done.stdout + done.stderr
    assert "s3://" in told
    assert "Make the bucket or folder" in told
    assert SECRET not in told
    assert KEY not in told


def test_a_server_that_is_gone_is_waited_for(world: World, tmp_path: Path) -> None:
    with _server() as endpoint:
        client(endpoint).create_bucket(Bucket="gone")
        configure(world, endpoint, "gone")
        put(world, "one.jpg", jpeg(1))
        world.once()
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", int(endpoint.rpartition(":")[2])))  # no other test's server
        put(world, "two.jpg", jpeg(2))
        done = world.run("backup")
        assert done.returncode == 0, "nothing waits that was not found yet"
        told = world.once(code=3)
        assert world.holds(jpeg(2))
        assert (told["not_backed_up"], told["problems"][0]["code"]) == (1, "backup_away")
        done = world.run("backup")
        assert done.returncode == 3
        assert "cannot be reached" in done.stdout
