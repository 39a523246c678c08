"""A link of a given speed between the adb server and a phone of the lab, as its own process.

``python -m tests.bench.link PORT BYTES_A_SECOND`` prints the port to connect to. In memory the lab
is faster than any cable, so that what counts there is the computer's cores, not the program.
"""

from __future__ import annotations

import socket
import sys
import time
from threading import Thread

PIECE_BYTES = 256 * 1024


def main(reach: int, bytes_a_second: int) -> None:
    """Relay connections until killed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", reach))
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Thread(target=_carry, args=(near, far, 0), daemon=True).start()
            Thread(target=_carry, args=(far, near, bytes_a_second), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket, bytes_a_second: int) -> None:
    buffer = memoryview(bytearray(PIECE_BYTES))
    free_at = time.monotonic()
    while size := source.recv_into(buffer):
        target.sendall(buffer[:size])
        if bytes_a_second:
            now = time.monotonic()
            free_at = max(free_at, now - 0.01) + size / bytes_a_second
            if free_at > now + 0.001:
                time.sleep(free_at - now)
    target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
