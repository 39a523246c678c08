"""``python -m photosync``."""

from photosync.cli.main import main

if __name__ == "__main__":
    main()
