r"""Values with bytes that were no UTF-8 to values that any file can hold."""

from __future__ import annotations

from typing import Any


def is_whole_text(text: str) -> bool:
    """Return True if a text has no halves of characters."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def scrubbed(value: Any) -> Any:
    r"""Return a value without halves of characters: bytes that were no UTF-8 become `\xNN`, others `\uNNNN`."""
    if isinstance(value, str):
        if is_whole_text(value):
            return value
        try:
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        except UnicodeEncodeError:
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {scrubbed(k): scrubbed(v) for k, v in value.items()}
    if isinstance(value, list):
        return [scrubbed(v) for v in value]
    return value
