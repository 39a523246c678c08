"""``photosync`` and ``python -m photosync``."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the verb that the arguments name, and exit; Ctrl-C while it loads ends it as quietly."""
    try:
        from photosync.cli.main import main as run
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
