"""A body that a client posts -> one row for what it says of the device: addresses, serial number, model, firmware.

Updates, statistics and crash reports are posted as JSON or as forms, each maker with names of its own. A body counts
that names a link-layer address, or a model together with a serial number, a firmware or an identifier of the device.
One that names several serial numbers or models, or one name with several addresses, is a list and tells nothing of
whoever posts it; nor does one that has too many values to look at all of them.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from ..listings.values import mac_address, text
from ..protocol import Event, Opening, Row
from ._urls_parser import UrlsParser

MAX_BYTES = 1 << 18
_MAX_DEPTH, _MAX_VALUES, _MAX_CHARS = 8, 20_000, 100
_MAX_ADDRESSES = 4
"""Interfaces of a device: of both radios, of the cable, of Bluetooth."""

_NAMES = {
    "claimed_macs": r"(?:eth(?:ernet)?\d?|w(?:ifi|lan)\d?|lan|bt|bluetooth|local|device|stb|box)?mac(?:addr(?:ess)?)?",
    "serial": r"(?:device|stb|box|hardware)?(?:sn|serial(?:no|num|number)?)",
    "model": r"(?:device|stb|box|product|hardware)?model(?:name|number)?",
    "firmware": r"(?:fw|firmware|rom|sw|software|system)(?:ver(?:sion)?(?:name)?)?|incremental|fingerprint",
    "device_id_sent": r"(?:device|android|stb|box)(?:uu)?id|uuid|udid",
    "manufacturer": r"(?:device)?(?:brand|manufacturer|vendor)",
}
_KEY = re.compile("|".join(f"(?P<{what}>{names})" for what, names in _NAMES.items()))
_JOINTS = re.compile(r"[\W_]+")
_NOTHING = frozenset({"", "0", "null", "none", "unknown", "undefined", "n/a"})
_FORM = re.compile(rb"[\w.%\[\]-]{1,64}=")


class ReportsParser:
    """Reads one body that is posted: its URLs, and at its end what it says of the device."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._urls = UrlsParser(opening)
        self._about = {"body_url": opening.info.name, "media_type": opening.info.media_type}
        self._body: bytearray | None = None if opening.midstream else bytearray()
        """None once it is not known as a whole."""

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return rows for the URLs that are complete now."""
        if self._body is not None:
            if len(self._body) + len(data) > MAX_BYTES:
                self._body = None
            else:
                self._body += data
        return self._urls.feed(data, from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing: a body with a gap is read for URLs only."""
        self._body = None
        return self._urls.gap(length, from_orig)

    def end(self, from_orig: bool) -> list[Event]:
        """Return what is left of the URLs, and the row of the report."""
        events = self._urls.end(from_orig)
        said = read_report(bytes(self._body)) if self._body else None
        self._body = None
        return [*events, Row("device_reports", from_orig, 0, {**said, **self._about})] if said else events


def read_report(body: bytes) -> dict[str, Any] | None:
    """Return what a posted body says of the device that posts it; None if it says too little, or of several devices.

    Example:
        >>> found = read_report(b'{"device": {"model": "X96", "romVersion": "9.1"}}')
        >>> found["model"], found["firmware"]
        ('X96', '9.1')
    """
    found: dict[str, dict[str, set[str]]] = {what: {} for what in _NAMES}
    pairs = list(islice(_pairs(body), _MAX_VALUES + 1))
    if len(pairs) > _MAX_VALUES:
        return None  # what is behind may be of other devices
    for key, value in pairs:
        match = _KEY.fullmatch(_JOINTS.sub("", key[:_MAX_CHARS]).lower())
        plain = (text(value) or "").strip() if match is not None else ""
        if match is None or plain.lower() in _NOTHING:
            continue
        if match.lastgroup != "claimed_macs":
            found[str(match.lastgroup)].setdefault(match[0], set()).add(plain[:_MAX_CHARS])
        elif isinstance(value, str) and (address := mac_address(value)[0]) is not None:
            found["claimed_macs"].setdefault(match[0], set()).add(address)
    if any(len(values) > 1 for what in ("claimed_macs", "serial", "model") for values in found[what].values()):
        return None
    values = {what: sorted(set().union(*of.values())) for what, of in found.items()}
    if len(values["claimed_macs"]) > _MAX_ADDRESSES or any(len(values[what]) > 1 for what in ("serial", "model")):
        return None
    row = {what: next(iter(said), None) for what, said in values.items()} | {
        "claimed_macs": values["claimed_macs"] or None
    }
    is_told = row["claimed_macs"] or (row["model"] and (row["serial"] or row["firmware"] or row["device_id_sent"]))
    return row if is_told else None


def _pairs(body: bytes) -> Iterator[tuple[str, Any]]:
    """Yield names and values of JSON, at any depth up to a limit, or of a form."""
    begin = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin[:1] in (b"{", b"["):
        try:
            yield from _members(json.loads(begin.decode("utf-8", "replace"), object_pairs_hook=_Members))
        except (ValueError, RecursionError):
            return
    elif _FORM.match(begin):
        yield from parse_qsl(begin.decode("utf-8", "replace").strip())


class _Members(list[tuple[str, Any]]):
    """The members of an object in JSON, those with one name as well."""


def _members(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield names and values from the outside to the inside: what describes the device stands before long lists."""
    waiting: deque[tuple[str, Any, int]] = deque([("", document, 0)])
    while waiting:
        key, value, depth = waiting.popleft()
        inside = value if isinstance(value, _Members) else ((key, each) for each in value)
        for name, each in inside:
            if isinstance(each, list):
                if depth < _MAX_DEPTH:
                    waiting.append((name, each, depth + 1))
            elif isinstance(each, str | int) and not isinstance(each, bool):
                yield name, each
