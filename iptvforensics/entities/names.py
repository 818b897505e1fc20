"""A host name to its registrable domain, by the public suffix list that is installed: nothing is fetched.

The rules are looked up in the list's text (publicsuffix.org/list, section "Format"): reading all ten thousand of
them takes longer than an analysis of a small capture.

**Known limitations**: the list is as old as the installed package; names in Unicode are not turned into ASCII.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import resources


@cache
def _rules() -> str:
    file = resources.files("publicsuffixlist") / "public_suffix_list.dat"
    return "\n" + file.read_text(encoding="utf-8") + "\n"


@lru_cache(1 << 12)
def _is_rule(rule: str) -> bool:
    return f"\n{rule}\n" in _rules()


@lru_cache(1 << 14)
def domain_of(host: str | None) -> str | None:
    """Return the registrable domain of a host name; None for addresses and names without one."""
    if not host or ":" in host or host.replace(".", "").isdigit():
        return None
    labels = host.lower().rstrip(".").split(".")
    if len(labels) < 2 or not all(labels):
        return None
    suffix = 1
    for size in range(1, len(labels) + 1):
        tail = ".".join(labels[-size:])
        if _is_rule(f"!{tail}"):
            suffix = size - 1
            break
        if _is_rule(tail):
            suffix = max(suffix, size)
        if size < len(labels) and _is_rule(f"*.{tail}"):
            suffix = max(suffix, size + 1)
    return ".".join(labels[-suffix - 1 :]) if len(labels) > suffix else None
