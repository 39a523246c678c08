"""The look at what may go from a phone, as far as it is the program's and not the stage's."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from photosync.app.freeing import _look_through
from photosync.domain.media import Source, SourceKind
from photosync.errors import Stopping


def test_who_stops_the_look_hears_that_nothing_was_removed() -> None:
    halt = Event()
    halt.set()
    stage = SimpleNamespace(settle=lambda _source: None, prove=lambda _source: iter([object()]))
    offer: Any = SimpleNamespace(stage=stage)
    phone = Source(
        id=1, kind=SourceKind.PHONE, address="R58M", label="Pixel", album="", connected=True
    )
    with pytest.raises(Stopping, match="Stopped before anything was removed"):
        _look_through(offer, phone, halt, lambda _proven, _bytes: None)
