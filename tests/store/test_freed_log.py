"""The log of what went from phones: whatever became of the file, it stops nobody."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from photosync.domain.freeing import Gone
from photosync.files.freed_log import NAME, FreedLog
from photosync.store.freeing import Freed

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.store.database import Database

GONE = Gone(
    "serial",
    "DCIM/\udcff.jpg",
    3,
    1_600_000_000_000_000_000,
    "0" * 64,
    "id",
    "mirror",
    1_700_000_000,
)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"size_bytes": 10**30},
        {"size_bytes": float("inf")},
        {"at": 2**63},
        {"mtime_ns": 10**30},
        {"sha256": "0" * 63},
        {"address": "\ud800"},
        {"path": "DCIM/\ud800.jpg"},
        {"google_id": "\ud800"},
        {"google_id": ""},
        {"kept_in": "nowhere"},
    ],
)
def test_a_line_that_cannot_be_on_record_is_none(
    tmp_path: Path, database: Database, spoilt: dict[str, Any]
) -> None:
    log = FreedLog(tmp_path)
    log.add(GONE)
    with (tmp_path / NAME).open("a") as out:
        out.write(f"{json.dumps({**asdict(GONE), **spoilt})}\n")
        out.write("[" * 100_000 + "\n")
    assert Freed(database).recall(log.lines()) == 0, "there is no such phone"
    assert list(log.lines()) == [GONE]
