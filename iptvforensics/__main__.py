"""`python -m iptvforensics`, and the command `iptvforensics`: the command line as a process of its own."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

from .cli import main


def run() -> NoReturn:
    """Run the command line and end the process, without taking the interpreter down piece by piece.

    That would cost a tenth of a second for nothing: files are closed and threads have ended when a command returns.
    Nor is there much to gain from looking for reference cycles among the modules and tables of one command.
    """
    gc.set_threshold(1_000_000, 5, 5)
    try:
        main()
    except SystemExit as end:
        code = end.code
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed by the reader, or not there at all
            stream.flush()
    os._exit(code if isinstance(code, int) else code is not None)


if __name__ == "__main__":
    run()
