"""photosync on a computer whose clock is ahead: ``ahead.py SECONDS VERB …``."""

from __future__ import annotations

import sys
import time


def put_the_clock_ahead(seconds: float) -> None:
    """Before photosync is imported: it takes ``time.time`` as a default in places."""
    real = time.time
    time.time = lambda: real() + seconds


if __name__ == "__main__":
    put_the_clock_ahead(float(sys.argv.pop(1)))

    from photosync.cli import main

    main.main()
