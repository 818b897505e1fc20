"""One file per protocol; none imports another. A file is found by its name, there is nothing to register."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from ..protocol import Protocol


@cache
def registry() -> dict[str, Protocol]:
    """Return every protocol by name, in the order of the file names.

    Files whose name begins with an underscore (the template) are left out.
    """
    names = sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    found = (import_module(f"{__name__}.{name}").PROTOCOL for name in names)
    return {protocol.name: protocol for protocol in found}
