"""Installed libraries -> which ones an analysis had, for its manifest: with others a capture gives other rows."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping

READ_BY = {
    "hpack": "HTTP/2",
    "pylsqpack": "HTTP/3",
    "brotli": "bodies and certificates in Brotli",
    "backports.zstd": "bodies and certificates in Zstandard",
    "publicsuffixlist": "domains of hosts",
}
"""Libraries on which rows depend, and what they read. All but the last are extras of this package; from Python 3.14 on,
Python itself reads Zstandard."""

_NAMES = {name.replace(".", "-"): name for name in READ_BY}
_INSTALLED = re.compile(r"([A-Za-z0-9_.-]+?)-(\d[^-]*)(?:-py[\d.]+)?\.(?:dist|egg)-info")


def present() -> dict[str, str]:
    """Return name and version of those libraries that are installed, by the folders that installers leave.

    `importlib.metadata` says the same, but takes longer than a small capture.
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            entries = os.listdir(folder or ".")
        except OSError:  # none, an archive, or closed to this user: nothing is loaded from there
            continue
        for entry in entries:
            installed = _INSTALLED.fullmatch(entry)
            name = _NAMES.get(re.sub("[-_.]+", "-", installed[1]).lower()) if installed else None
            if installed and name:
                found.setdefault(name, installed[2])
    return {name: found[name] for name in READ_BY if name in found}


def unlike(recorded: Mapping[str, str], here: Mapping[str, str]) -> str:
    """Return how the libraries of an analysis differ from those that are here; nothing if they do not.

    Example:
        >>> unlike({}, {"hpack": "4.1.0"})
        'analysed without hpack (HTTP/2), which is here in version 4.1.0'
    """
    said = []
    for name, what in READ_BY.items():
        then, now = recorded.get(name), here.get(name)
        if then is None and now is not None:
            said.append(f"analysed without {name} ({what}), which is here in version {now}")
        elif now is None and then is not None:
            said.append(f"analysed with {name} {then} ({what}), which is not installed here")
        elif then != now:
            said.append(f"analysed with {name} {then} ({what}), here is {now}")
    return "; ".join(said)
