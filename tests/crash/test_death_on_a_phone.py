"""The process dies at every border that only a photo of a phone crosses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.staging import crossed_by, die_everywhere

if TYPE_CHECKING:
    from tests.crash.staging import Program, Stage

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1500)]


def test_a_death_at_any_border_on_a_phones_way(
    folder_stage: Stage, phone_stage: Stage, programs: list[Program]
) -> None:
    """Those that a folder's photos do not cross."""
    common = {one[:2] for one in crossed_by(folder_stage, programs[0])}
    own = [one for one in crossed_by(phone_stage, programs[0]) if one[:2] not in common]
    die_everywhere(own, phone_stage, programs)
