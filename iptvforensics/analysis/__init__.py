"""One capture file into a case: reading wing and sessions, in one streaming pass.

Names are loaded when they are first asked for: the process that decodes needs none of what drives it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .capture_file import analyze_capture
    from .options import Options, Progress, Summary
    from .secrets import keylogs_at, secrets_from, secrets_in

__all__ = ["Options", "Progress", "Summary", "analyze_capture", "keylogs_at", "secrets_from", "secrets_in"]

_ELSEWHERE = {
    "analyze_capture": "capture_file",
    "keylogs_at": "secrets",
    "secrets_from": "secrets",
    "secrets_in": "secrets",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ELSEWHERE.get(name, 'options')}", __name__), name)
