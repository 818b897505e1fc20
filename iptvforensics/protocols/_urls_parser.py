"""Bytes of a text, word by word -> rows for the URLs that have the form of a panel's.

A word is what stands between white space, quotes and brackets; it holds one URL at most, which may hold another one,
percent-encoded.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from ..protocol import Anomaly, Event, Opening, Row

MAX_WORD_BYTES = 4096
MAX_SEARCHED_BYTES = 8 << 20
MAX_BESIDE_BYTES = 1 << 20
"""Of a body that another protocol reads: a list of 110,000 entries takes its time anyway."""
MAX_URLS = 1000

_ENDS = re.compile(rb"[\x00-\x20\"'<>`{}|^\x7f]")
_SEPARATOR = re.compile(rb":(?://|\\/\\/)|%3a%2f%2f", re.IGNORECASE)
_URL = re.compile(r"(?:https?|rtmp[est]?|rtsp|mms)://[^\s\"'<>`{}|^\\]+", re.IGNORECASE)
_CODED = re.compile(r"(?:https?|rtmp[est]?|rtsp|mms)%3a%2f%2f[^&;,\s]+", re.IGNORECASE)
_AMPERSAND = re.compile(r"&(?:amp|#0*38|#x0*26);", re.IGNORECASE)
_BEHIND = ".,;:!?)]*"
"""What stands behind a URL in a sentence."""

_ACCOUNT = re.compile(
    r"[?&]username=[^&]*&(?:[^#]*&)?password=|[?&]mac=(?:[0-9a-f]{2}(?::|%3a|-)){5}"
    r"|/(?:get|player_api|panel_api|xmltv|enigma2|xplugin|portal|server/load)\.php\b"
    r"|/(?:player_api|playlist|epg)/[^/]+/[^/?]+"
    r"|/(?:live|movie|series|timeshifts?)/[^/]+/[^/]+/\d"
    r"|/stalker_portal(?:/|$)|^https?://[^/]+/c/?$"
    r"|^https?://[^/]+/[^/?]{3,}/[^/?]{3,}/\d+\.(?:ts|m3u8|mp4|mkv|avi)$",
    re.IGNORECASE,
)


class UrlsParser:
    """Reads one text."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._about = {"body_url": opening.info.name, "media_type": opening.info.media_type}
        self._is_beside = opening.carrier == "beside"
        self._limit = MAX_BESIDE_BYTES if self._is_beside else MAX_SEARCHED_BYTES
        self._at = 0
        """Offset of the first byte that is kept."""
        self._kept = b""
        """The beginning of a word whose end has not come."""
        self._skips = False
        """True within a word that is too long to be one."""
        self._known: set[str] = set()
        self._left_out = 0
        self._is_cut = False

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return rows for the words that are complete now."""
        room = max(self._limit - self._at - len(self._kept), 0)
        self._is_cut |= len(data) > room
        text = self._kept + bytes(data[:room])
        begin = _last_word(text)
        if begin == 0 and not self._skips:
            self._kept = text
            return []
        events = self._words(text[:begin], from_orig)
        self._skips = not begin  # still in a word that is too long to be one
        self._at += begin or len(text)
        self._kept = text[begin:] if begin else b""
        return events

    def gap(self, length: int, _from_orig: bool) -> list[Event]:
        """Return nothing: a word that a gap cuts says nothing."""
        self._at += len(self._kept) + max(length, 0)
        self._kept, self._skips = b"", False
        return []

    def end(self, from_orig: bool) -> list[Event]:
        """Return a row for the last word, and what was left out."""
        events = [] if self._is_cut else self._words(self._kept, from_orig)
        self._kept = b""
        if self._left_out:
            why = f"more than {MAX_URLS} different URLs in one body"
            events.append(Anomaly("URLS_over_limit", from_orig, 0, why, self._left_out))
        if self._is_cut:
            why = f"searched up to {self._limit} bytes"
            events.append(Anomaly("URLS_body_over_limit", from_orig, 0, why))
        self._left_out, self._is_cut = 0, False
        return events

    def _words(self, text: bytes, from_orig: bool) -> list[Event]:
        """Return rows for the URLs in a text that ends between two words, or in one that is too long."""
        events: list[Event] = []
        at = 0
        while (found := _SEPARATOR.search(text, at)) is not None:
            stop = _ENDS.search(text, found.end())
            end = at = len(text) if stop is None else stop.start()
            window = max(0, found.start() - MAX_WORD_BYTES - 1)
            begin = _last_word(text[window : found.start()])
            if begin is None or (window + begin == 0 and self._skips) or end - window - begin > MAX_WORD_BYTES:
                continue
            self._word(text[window + begin : end], window + begin, from_orig, events)
        return events

    def _word(self, word: bytes, at: int, from_orig: bool, events: list[Event]) -> None:
        text = word.decode("utf-8", "backslashreplace")
        plain, escaped = text, None
        if "\\/" in text:
            plain, escaped = text.replace("\\/", "/").replace("\\u0026", "&"), "json"
        elif "&amp;" in text or "&#" in text:
            plain, escaped = _AMPERSAND.sub("&", text), "html"
        for found in _URL.finditer(plain):
            self._url(found[0].rstrip(_BEHIND), escaped, at, from_orig, events)
        for found in _CODED.finditer(plain):
            self._url(unquote(found[0]), "percent", at, from_orig, events)

    def _url(self, url: str, escaped: str | None, at: int, from_orig: bool, events: list[Event]) -> None:
        # Entries of lists are rows of their protocol; of those that differ in their number one tells of the account.
        known = url.rpartition("/")[0] if self._is_beside and "?" not in url else url
        if known in self._known or not _ACCOUNT.search(url):
            return
        if len(self._known) >= MAX_URLS:
            self._left_out += 1
            return
        self._known.add(known)
        values = {"url": url, "escaped": escaped, **self._about}
        events.append(Row("named_urls", from_orig, self._at + at, values))


def _last_word(text: bytes) -> int | None:
    """Return where the word begins in which a text ends; None if it is too long to be one."""
    found = _ENDS.search(text[: -MAX_WORD_BYTES - 2 : -1])
    if found is not None:
        return len(text) - found.start()
    return None if len(text) > MAX_WORD_BYTES else 0
