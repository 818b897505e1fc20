"""pyshark in a thread with an event loop of its own.

pyshark drives an event loop by itself and fails where one runs already, as in Jupyter; a thread has none.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import CaptureError, MissingProgramError


def read_packet(path: str, frame_no: int, tshark: str) -> Any:
    """Return one frame of a file as a pyshark packet."""
    with ThreadPoolExecutor(1, "iptvforensics-pyshark") as thread:
        return thread.submit(_read, path, frame_no, tshark).result()


def _read(path: str, frame_no: int, tshark: str) -> Any:
    try:
        import pyshark
    except ImportError:
        raise MissingProgramError('decoding with pyshark needs it: pip install "pyshark>=0.6"') from None
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        capture = pyshark.FileCapture(
            path,
            display_filter=f"frame.number=={frame_no}",
            custom_parameters=["-n", "-c", str(frame_no)],
            tshark_path=tshark,
            eventloop=loop,
        )
        try:
            for packet in capture:
                return packet
        finally:
            capture.close()
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    raise CaptureError(f"tshark shows no frame {frame_no}", path=path)
