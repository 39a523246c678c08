"""``python -m photosync.emulator``: the emulator alone."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from photosync.emulator.faults import FaultPlan
from photosync.emulator.options import Options
from photosync.emulator.server import PortTaken, serve


def _json_argument(text: str) -> Any:
    """JSON as it stands, or the file behind an ``@``."""
    return json.loads(Path(text[1:]).read_text("utf-8") if text.startswith("@") else text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m photosync.emulator", description=__doc__)
    parser.add_argument("--directory", type=Path, default=Path("emulated-google"))
    parser.add_argument("--port", type=int, default=8420)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--options", default="{}", help="JSON, or @FILE")
    parser.add_argument("--faults", default="[]", help="JSON list, or @FILE")
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    return parser


def _announce(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; 2 for wrong arguments, 1 if the port is taken."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        options = Options.from_mapping(_json_argument(given.options))
        faults = FaultPlan(_json_argument(given.faults)).remaining()
    except (ValueError, OSError) as error:
        parser.error(str(error))
    if (given.tls_cert is None) != (given.tls_key is None):
        parser.error("--tls-cert and --tls-key go together")
    tls = (given.tls_cert, given.tls_key) if given.tls_cert else None
    try:
        serve(
            given.directory,
            port=given.port,
            host=given.host,
            options=options,
            faults=faults,
            announce=_announce,
            tls=tls,
        )
    except PortTaken as taken:
        sys.stderr.write(f"{taken}; choose another --port.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
