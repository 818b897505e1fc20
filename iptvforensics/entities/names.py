"""A host name to its registrable domain, by the public suffix list that is installed: nothing is fetched.

The rules are looked up in the list's text (publicsuffix.org/list, section "Format"): reading all ten thousand of
them takes longer than an analysis of a small capture. The list has names in Unicode: labels in the form of the wire
(`xn--`, RFC 3492) are compared in that form, and the domain is given as the host was.

**Known limitations**: the list is as old as the installed package; the same name in Unicode and in the form of the wire
gives two domains.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from importlib import resources

_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
"""Characters that stand for the dot between labels (RFC 3490 section 3.1)."""
_PREFIX = "xn--"


@cache
def _rules() -> str:
    file = resources.files("publicsuffixlist") / "public_suffix_list.dat"
    return "\n" + file.read_text(encoding="utf-8") + "\n"


@lru_cache(1 << 12)
def _is_rule(rule: str) -> bool:
    return f"\n{rule}\n" in _rules()


def _in_unicode(label: str) -> str:
    """Return a label as the list has it; one that is no good stays as it is."""
    if label.startswith(_PREFIX):
        try:
            return label[len(_PREFIX) :].encode("ascii").decode("punycode").lower()
        except (UnicodeError, OverflowError, ValueError):
            return label
    return unicodedata.normalize("NFC", label)


@lru_cache(1 << 14)
def domain_of(host: str | None) -> str | None:
    """Return the registrable domain of a host name; None for addresses and names without one."""
    if not host or ":" in host or host.replace(".", "").isdigit():
        return None
    labels = host.translate(_DOTS).lower().rstrip(".").split(".")
    if len(labels) < 2 or not all(labels):
        return None
    shown = [_in_unicode(label) for label in labels]
    suffix = 1
    for size in range(1, len(labels) + 1):
        tail = ".".join(shown[-size:])
        if _is_rule(f"!{tail}"):
            suffix = size - 1
            break
        if _is_rule(tail):
            suffix = max(suffix, size)
        if size < len(labels) and _is_rule(f"*.{tail}"):
            suffix = max(suffix, size + 1)
    return ".".join(labels[-suffix - 1 :]) if len(labels) > suffix else None
