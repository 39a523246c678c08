from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from photosync.cli.demo import _held_back

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _as_in_a_fresh_program() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_heard_when_it_is_let_through() -> None:
    with _held_back(signal.SIGINT) as let_through:
        os.kill(os.getpid(), signal.SIGINT)  # in the middle of starting a process
        with pytest.raises(KeyboardInterrupt):
            let_through()
    with _held_back(signal.SIGINT) as let_through:
        let_through()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
