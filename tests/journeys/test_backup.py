"""The second copy, made by the real program: to a folder and to S3, plain and sealed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import World, jpeg, mp4, wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.journey

TAKEN = 1_600_000_000  # 2020-09-13


def backup_to(world: World, to: Path | str, more: str = "") -> None:
    world.configure(more=f"[backup]\nto = {json.dumps(str(to))}\n{more}\n")


def put(world: World, name: str, content: bytes) -> Path:
    file = world.put(name, content)
    os.utime(file, (TAKEN, TAKEN))
    return file


def files(root: Path) -> dict[str, bytes]:
    """What somebody sees who looks into the backup."""
    return {
        str(one.relative_to(root)): one.read_bytes()
        for one in sorted(root.rglob("*"))
        if one.is_file() and ".photosync" not in one.parts
    }


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


def test_a_run_leaves_a_tree_that_anybody_can_read(world: World, disk: Path) -> None:
    backup_to(world, disk)
    first = put(world, "a/one.jpg", jpeg(1))
    put(world, "b/one.jpg", jpeg(2))
    put(world, "twin.jpg", jpeg(1))
    put(world, "film.mp4", mp4(1, 300_000))
    world.once()
    assert files(disk) == {
        "Pictures/2020/09/one.jpg": jpeg(1),
        "Pictures/2020/09/one~1.jpg": jpeg(2),
        "Pictures/2020/09/film.mp4": mp4(1, 300_000),
    }
    there = disk / "Pictures/2020/09/one.jpg"
    assert there.stat().st_mtime_ns == first.stat().st_mtime_ns
    status = world.json("status")["backup"]
    assert (status["to"], status["items"], status["waiting"]) == (str(disk), 3, 0)
    assert not list((disk / ".photosync/part").iterdir())
