"""What the tests fork their children with."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """if True:
    import os, sys
    from tests.forking import serve

    def child(order):
        if order["dies"]:
            import colorsys
            os._exit(77)
        known = "colorsys" in sys.modules
        import colorsys
        sys.modules["made.up"] = sys
        return 1 if known else 2

    serve(child)
"""


def test_what_a_child_imported_the_next_one_has() -> None:
    orders = '{"dies": true}\n{"dies": false}\n{"dies": false}\n'
    command = [sys.executable, "-c", PROGRAM]
    told = subprocess.run(command, input=orders, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["77", "2", "1"]
    assert told.stderr == ""
