"""The process dies at every border that only a dated copy crosses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.staging import crossed_by, die_everywhere

if TYPE_CHECKING:
    from tests.crash.staging import Program, Stage

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1500)]


def test_a_death_at_any_border_on_a_dated_copys_way(
    folder_stage: Stage, dated_stage: Stage, programs: list[Program]
) -> None:
    """Those that other photos do not cross, and those at which their bytes are sent and noted."""
    common = {one[:2] for one in crossed_by(folder_stage, programs[0])}
    crossed = crossed_by(dated_stage, programs[0])
    own = [one for one in crossed if one[:2] not in common or "mark_uploaded" in one[1]]
    assert any("dated.py" in site for _, site, _ in own)
    assert any("files/dating.py" in site for _, site, _ in own)
    sent = [one for one in crossed if one[0] in ("request", "body") and one not in own]
    die_everywhere([*own, *sent], dated_stage, programs)
