"""User names and passwords to whether strangers would have the same: accounts for trials and of installers.

Equal credentials at two hosts say something only if nobody would think of them twice.

**Known limitations**: a short list of words in common use; others that many would choose are not known.
"""

from __future__ import annotations

_COMMON = frozenset(
    {"admin", "administrator", "root", "user", "username", "guest", "test", "tester", "testing", "demo", "trial",
     "free", "iptv", "tv", "live", "vip", "xtream", "xui", "panel", "default", "pass", "password", "passwd", "qwerty",
     "abc123", "none", "null"}
)  # fmt: skip
_LONG = 12
"""Characters from which on a word is nobody else's, even if it is user name and password alike."""


def is_common(username: str, password: str) -> bool:
    """Return True if strangers may well have the same user name and password.

    Example:
        >>> is_common("test", "test123"), is_common("u30101f448", "p4f53190c3")
        (True, False)
    """
    user, word = username.lower(), password.lower()
    if user == word and len(user) < _LONG:
        return True
    return _is_plain(user) and _is_plain(word)


def _is_plain(word: str) -> bool:
    """Return True for a common word, also with digits behind it, and for a few digits."""
    start = word.rstrip("0123456789")
    return start in _COMMON or (not start and len(word) <= 6)
