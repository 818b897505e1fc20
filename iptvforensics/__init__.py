"""From network captures of seized IPTV set-top boxes to evidence.

`analyze(paths, case=...)` and `open_case(folder)` return a `Case`; `errors` holds the exceptions. Nothing
heavy is loaded before one of them is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import errors
    from .case import Case, analyze, open_case

__version__ = "0.1.0"
__all__ = ["Case", "__version__", "analyze", "errors", "open_case"]


def __getattr__(name: str) -> Any:
    if name in ("Case", "analyze", "open_case"):
        return getattr(import_module(".case", __name__), name)
    if name == "errors":
        return import_module(".errors", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
