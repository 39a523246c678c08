"""What the tests fork their children with."""

from __future__ import annotations

import subprocess
import sys

IMPORTS = """
    def child(order):
        if order["dies"]:
            import colorsys
            os._exit(77)
        known = "colorsys" in sys.modules
        import colorsys
        sys.modules["made.up"] = sys
        return 1 if known else 2
"""
ENDS = """
    def child(order):
        def work():
            time.sleep(order["seconds"])
            print("thread", flush=True)

        threading.Thread(target=work).start()
        atexit.register(print, "exit", flush=True)
        if order["raises"]:
            sys.exit(3)
        return 4
"""
FAILS = """
    def child(order):
        raise ValueError("never mind")
"""


def served(child: str, *orders: str) -> subprocess.CompletedProcess[str]:
    program = f"if True:\n    import atexit, os, sys, threading, time\n{child}"
    program += "    from tests.forking import serve\n    serve(child)\n"
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, input="\n".join(orders), capture_output=True, text=True, check=True
    )


def test_what_a_child_imported_the_next_one_has() -> None:
    told = served(IMPORTS, '{"dies": true}', '{"dies": false}', '{"dies": false}')
    assert told.stdout.split() == ["77", "2", "1"]
    assert told.stderr == ""


def test_a_child_ends_as_every_program_or_at_once() -> None:
    told = served(ENDS, '{"raises": true, "seconds": 0.05}', '{"raises": false, "seconds": 600}')
    assert told.stdout.split() == ["thread", "exit", "3", "4"]


def test_a_child_that_fails_says_so_and_is_not_its_parent() -> None:
    told = served(FAILS, "{}", "{}")
    assert told.stdout.split() == ["70", "70"]
    assert told.stderr.count("ValueError: never mind") == 2
