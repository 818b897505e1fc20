"""One capture file into a case: reading wing and sessions, in one streaming pass."""

from .capture_file import analyze_capture
from .options import Options, Progress, Summary
from .secrets import keylogs_at, secrets_from, secrets_in

__all__ = ["Options", "Progress", "Summary", "analyze_capture", "keylogs_at", "secrets_from", "secrets_in"]
