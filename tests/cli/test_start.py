"""The first half second of every verb, in which the program is still being loaded."""

from __future__ import annotations

import gc
import sys
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING

import pytest

from photosync.__main__ import INTERRUPTED, main
from photosync.cli import main as program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from tests.cli.conftest import Home


class CtrlC(MetaPathFinder):
    """Comes while ``photosync.cli.main`` is looked for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Nothing of any other module."""
        del path, target
        if fullname == "photosync.cli.main":
            raise KeyboardInterrupt
        return None


def test_ctrl_c_while_it_loads_shows_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "photosync.cli.main", raising=False)
    monkeypatch.setattr(sys, "meta_path", [CtrlC(), *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == INTERRUPTED
    assert capsys.readouterr().err == "photosync: Stopped before it was done.\n"


def test_what_was_loaded_is_not_looked_through_for_garbage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A third of a short verb's time went into that, most of it at the end."""
    frozen: list[int] = []
    monkeypatch.setattr(program, "main", lambda: frozen.append(gc.get_freeze_count()))
    before = gc.get_freeze_count()
    try:
        main()
    finally:
        gc.unfreeze()
    assert frozen[0] - before > 10_000


@pytest.mark.parametrize(
    "verb", [["restore", "--all"], ["doctor"], ["auth"], ["config", "show"], ["list"]]
)
def test_ctrl_c_before_a_verb_heeds_it_is_answered(
    home: Home, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    """While the settings are read, say."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("photosync.config.load", interrupted)

    said = home.say(*verb)

    assert said.code == INTERRUPTED
    assert said.err == "photosync: Stopped before it was done.\n"
    assert home.say(*verb, "--json").json["error"]["code"] == "stopping"
