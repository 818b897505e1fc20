"""Channel lists in the grammars of old receivers, as one page offers them by device: lines to entries.

`get.php?type=KEY` writes the same list in a dozen ways. A grammar that could be any text is read only where the
request or the offered file name says which one it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Found = dict[str, Any]

_URL = r"[A-Za-z][A-Za-z0-9+.-]*://\S+"
_SIMPLE = re.compile(rf"({_URL})\s+#Name:\s*(.*)")
_NAME_URL = re.compile(rf"([^#].*),\s*({_URL})\s*\Z")
_BRACES = re.compile(rf"IPTV:\s*\{{\s*(.*?)\s*\}}\s*\{{\s*({_URL})\s*\}}")
_GST = re.compile(rf"I:\s*({_URL})\s+(.*)")
_SPACE = re.compile(rf"(\S.*?)\s+({_URL})\s*\Z")
_TAG = re.compile(r"\[(TITLE|URL|DESCRIPTION|TYPE)\]\s*(.*)", re.IGNORECASE)
_FIELD = re.compile(r"(Channel name|URL)\s*:\s*(.*)", re.IGNORECASE)
_WEBTV = re.compile(r"<webtv\s+([^<>]*)>", re.IGNORECASE)
_XML_ATTRIBUTE = re.compile(r"""([A-Za-z]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_ASSIGNMENT = re.compile(r"\b(USERNAME|PASSWORD)\s*=\s*[\"']([^\"']*)[\"']")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


class Grammar:
    """How one kind of list is read, line by line. A subclass says what a line adds."""

    def line(self, text: str) -> list[Found]:
        """Return the entries that a line completes."""
        raise NotImplementedError


class OneLine(Grammar):
    """Grammars with an entry per line."""

    def __init__(self, pattern: re.Pattern[str], url: int, name: int) -> None:
        self._pattern, self._url, self._name = pattern, url, name

    def line(self, text: str) -> list[Found]:
        """Return the entry of a line, if it is one."""
        match = self._pattern.match(text)
        if match is None:
            return []
        return [{"name": match[self._name].strip() or None, "entry_url": match[self._url]}]


class Blocks(Grammar):
    """Grammars with a field per line: `[TITLE]` and its value, or `Channel name:` ... `[Webtv channel END]`."""

    def __init__(self, field: re.Pattern[str], names: dict[str, str]) -> None:
        self._field, self._names = field, names
        self._found: Found = {}
        self._open: str | None = None

    def line(self, text: str) -> list[Found]:
        """Return the entry that is complete when its URL has come; the name comes first."""
        match = self._field.match(text)
        if match is not None:
            self._open = self._names.get(match[1].lower())
            value = match[2].strip()
        else:
            value = text
        if self._open is None or not value:
            return []
        self._found[self._open], is_url = value, self._open == "entry_url"
        self._open = None
        if not is_url:
            return []
        found, self._found = self._found, {}
        return [found]


class WebTv(Grammar):
    """`<webtv title="..." url="..."/>`, read without an XML parser: receivers do so too."""

    def line(self, text: str) -> list[Found]:
        """Return the entries of a line."""
        found = []
        for element in _WEBTV.finditer(text):
            fields = {key.lower(): _plain(a or b) for key, a, b in _XML_ATTRIBUTE.findall(element[1])}
            entry = {"name": fields.get("title"), "entry_url": fields.get("url"), "logo_url": fields.get("iconsrc")}
            entry["category_name"] = fields.get("group")
            found.append({key: value or None for key, value in entry.items()})
        return found


def _plain(value: str) -> str:
    for entity, char in _ENTITIES:
        value = value.replace(entity, char)
    return value


GRAMMARS: dict[str, Callable[[], Grammar]] = {
    "simple": lambda: OneLine(_SIMPLE, 1, 2),
    "name,url": lambda: OneLine(_NAME_URL, 2, 1),
    "braces": lambda: OneLine(_BRACES, 2, 1),
    "gst": lambda: OneLine(_GST, 1, 2),
    "name url": lambda: OneLine(_SPACE, 2, 1),
    "octagon": lambda: Blocks(_TAG, {"title": "name", "url": "entry_url", "description": "category_name"}),
    "webtvlist": lambda: Blocks(_FIELD, {"channel name": "name", "url": "entry_url"}),
    "webtv": WebTv,
}


def script_account(head: str) -> tuple[str | None, str | None] | None:
    """Return user name and password that a set-up script for receivers holds."""
    found = dict(_ASSIGNMENT.findall(head))
    return (found.get("USERNAME"), found.get("PASSWORD")) if "USERNAME" in found else None
