"""Evidence file -> blocks of whole records.

Names are loaded when they are first asked for: finding evidence files needs none of what reads them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .block import (
        SPARE_BYTES,
        TLS_KEY_LOG,
        Block,
        CaptureAnomaly,
        IndexEntry,
        Interface,
        Metadata,
        Secret,
    )
    from .frame import Frame, find_frame, find_frames
    from .inputs import expand
    from .reader import CaptureReader

__all__ = [
    "SPARE_BYTES",
    "TLS_KEY_LOG",
    "Block",
    "CaptureAnomaly",
    "CaptureReader",
    "Frame",
    "IndexEntry",
    "Interface",
    "Metadata",
    "Secret",
    "expand",
    "find_frame",
    "find_frames",
]

_ELSEWHERE = {
    "CaptureReader": "reader",
    "Frame": "frame",
    "expand": "inputs",
    "find_frame": "frame",
    "find_frames": "frame",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ELSEWHERE.get(name, 'block')}", __name__), name)
