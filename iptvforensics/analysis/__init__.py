"""One capture file into a case: reading wing and sessions, in one streaming pass."""

from .capture_file import analyze_capture
from .options import Options, Progress, Summary

__all__ = ["Options", "Progress", "Summary", "analyze_capture"]
