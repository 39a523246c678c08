"""The client as the app puts it together: real waits, real time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from photosync.errors import Stopping
from photosync.google.connect import connect
from photosync.google.ports import NewItem
from tests.google.conftest import QUARTER, content_of, nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.google.ports import UploadFile
    from tests.google.conftest import Google


def test_a_photo_and_a_film_reach_the_library(
    google: Google, make_file: Callable[..., UploadFile]
) -> None:
    halt = threading.Event()
    connection = connect(
        api_url=google.emulator.url,
        token_file=google.token_file,
        chunk_bytes=QUARTER,
        resumable_above_bytes=QUARTER,
        spending=google.ledger,
        sessions=google.shelf,
        dead_tokens=google.dead,
        halt=halt,
    )
    assert connection.signed_in()
    contents = [content_of(1000), content_of(2 * QUARTER + 1, seed=1)]
    tokens = [
        connection.library.upload(make_file(content, key=key), nothing)
        for key, content in enumerate(contents)
    ]
    album_id = connection.library.create_album("Holiday")
    items = [NewItem(token, f"{number}.jpg") for number, token in enumerate(tokens)]
    assert all(one.error is None for one in connection.library.create(items, album_id=album_id))
    held = {item.file.read_bytes() for item in google.emulator.library.items()}
    assert held == set(contents)
    assert google.ledger.spent == ["upload", "start", *["chunk"] * 3, "album", "create"]
    halt.set()
    connection.close()
    with pytest.raises(Stopping):
        connection.library.create_album("Another")
