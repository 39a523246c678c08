"""The process dies at every border that a photo of a folder crosses, and nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.staging import crossed_by, die_everywhere

if TYPE_CHECKING:
    from tests.crash.staging import Program, Stage

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1500)]


def test_a_death_at_any_border_on_a_folders_way(
    folder_stage: Stage, programs: list[Program]
) -> None:
    die_everywhere(crossed_by(folder_stage, programs[0]), folder_stage, programs)
