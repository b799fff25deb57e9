"""The command `footpath`, which the wheel brings."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Does what the command line says, and gives its exit status."""
    from . import _native

    # The program listens for interrupts itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.command(["footpath", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
