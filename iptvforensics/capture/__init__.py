"""Evidence file -> blocks of whole records."""

from .block import (
    SPARE_BYTES,
    TLS_KEY_LOG,
    Block,
    CaptureAnomaly,
    IndexEntry,
    Interface,
    Metadata,
    ResolvedName,
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
    "ResolvedName",
    "Secret",
    "expand",
    "find_frame",
    "find_frames",
]
