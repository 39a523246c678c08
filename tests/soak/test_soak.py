"""A short soak; ``make soak`` runs longer ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.soak.running import soak

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.journey
def test_a_few_seconds_of_everything_at_once(tmp_path: Path) -> None:
    wrong, one = soak(tmp_path, seconds=15, seed=1)
    assert wrong == []
    assert one.made > 20
