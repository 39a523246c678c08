"""``photosync`` and ``python -m photosync``."""

import gc
import sys

INTERRUPTED = 130
STOPPED = "Stopped before it was done."


def main() -> None:
    """Run the verb that the arguments name, and exit; Ctrl-C while it loads ends it as plainly."""
    try:
        from photosync.cli.main import main as run
    except KeyboardInterrupt:
        sys.stderr.write(f"photosync: {STOPPED}\n")
        sys.exit(INTERRUPTED)
    gc.freeze()  # what was loaded stays to the end: nobody need look through it for garbage
    run()


if __name__ == "__main__":
    main()
