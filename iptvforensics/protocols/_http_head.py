"""The head of an HTTP message: start line and header fields, read in one pass over the block.

Reads what servers and clients in the field send (RFC 9112 sections 2.2, 3, 4 and 5, and beyond them): LF-only
line ends, folded lines, spaces before the colon, raw UTF-8 and latin-1, status lines with `ICY` or in lower case.
Whatever is tolerated is named in `Head.deviations`.

**Known limitations**: behind a hole only status lines in capital letters are looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

MAX_HEAD_BYTES = 64 << 10
"""Larger heads are cut: no client or proxy in common use accepts half as much."""
MAX_LINES = 256
"""Header lines kept per message; further lines still count for the framing."""
_USUAL_BYTES = 2048
"""Heads up to this size are remembered line by line: what is remembered stays small, whatever is sent."""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""How a client begins HTTP/2 (RFC 9113 section 3.4)."""

_FIRST_ONLY = frozenset({"content-length", "host", "set-cookie"})
_TOKEN_BYTES = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}"
_TOKEN = re.compile(_TOKEN_BYTES)
_WHOLE_REQUEST_LINE = re.compile(rb"[\r\n]*" + _TOKEN_BYTES + rb" +[^ \n][^\n]* HTTP/1\.\d[ \t]*\r?\n")
_WHOLE_STATUS_LINE = re.compile(rb"[\r\n]*(?:(?i:HTTP)/1\.\d|ICY) +[1-9]\d\d(?:[ \t][^\n]*)?\r?\n")
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}\Z")
_METHODS = rb"GET|POST|HEAD|PUT|OPTIONS|DELETE|PATCH|NOTIFY|SUBSCRIBE|UNSUBSCRIBE|PROPFIND|TRACE"
_REQUEST_START = re.compile(rb"(?:" + _METHODS + rb") +(?:/|\*|https?://)|CONNECT +[0-9A-Za-z\[]")
_REQUEST_LINE_END = re.compile(rb" HTTP/1\.\d\r?\n")
_STATUS_LINE = rb"HTTP/1\.\d [1-5]\d\d(?: [^\r\n]{0,200})?\r?\n"
_NAME = rb"[!#-9;A-Za-z^_`|~-]"
_STATUS_START = re.compile(_STATUS_LINE + rb"(?:" + _NAME + rb"{1,64}[ \t]{0,4}:|\r?\n)")
_STATUS_BEGUN = re.compile(  # every beginning of the above
    rb"(?:HTTP/1\.(?:\d(?: (?:[1-5](?:\d(?:\d(?: [^\r\n]{0,200})?\r?)?)?)?)?)?|"
    + _STATUS_LINE
    + rb"(?:"
    + _NAME
    + rb"{0,64}|"
    + _NAME
    + rb"{1,64}[ \t]{0,4}|\r))\Z"
)
_STATUS = re.compile(rb"HTTP/1\.\d \d{3}[ \r\n]", re.IGNORECASE)
_STATUS_PART = re.compile(
    rb"H(?:T(?:T(?:P(?:/(?:1(?:\.(?:\d(?: (?:\d(?:\d(?:\d)?)?)?)?)?)?)?)?)?)?)?\Z",  # any beginning of _STATUS
    re.IGNORECASE,
)
_STATUS_BYTES, _REQUEST_BYTES = 13, 4096
"""Bytes that tell a status line, and a request line, from the beginning of a body."""
_REQUEST_REACH = 8192
"""How far a request line may begin before its end, while looking for the next request."""


@dataclass(slots=True)
class Head:
    """A start line and its header fields."""

    start: str
    """The start line."""
    lines: list[str]
    """Header lines as sent, in order; folded lines are joined with a space."""
    fields: dict[str, str]
    """Values by lower-case name; repeated fields joined with a comma, for some names only the first."""
    doubled: dict[str, list[str]]
    """All values of the names that came more than once."""
    deviations: set[str] = field(default_factory=set)

    def get(self, name: str) -> str | None:
        """Return the value of a field, or None if it is absent or empty."""
        return self.fields.get(name) or None

    def all(self, name: str) -> list[str] | None:
        """Return every value of a field in order, or None if it is absent."""
        if name in self.doubled:
            return self.doubled[name]
        return [self.fields[name]] if name in self.fields else None


class RequestLine(NamedTuple):
    """Method, request target and version of a request (RFC 9112 section 3)."""

    method: str
    target: str
    version: str


class StatusLine(NamedTuple):
    """Version, status code and reason phrase of a response (RFC 9112 section 4); the version may be `ICY`."""

    version: str
    status: int
    reason: str | None


def find_head_end(window: bytes) -> tuple[int, int]:
    """Return the length of the block before the empty line, and with it; (-1, -1) if it is not there."""
    end = window.find(b"\n\r\n")
    bare = window.find(b"\n\n") if end < 0 else window.find(b"\n\n", 0, end + 1)
    if bare >= 0:
        return bare, bare + 2
    return (end, end + 3) if end >= 0 else (-1, -1)


def parse_head(block: bytes, terminator: bytes = b"\n\r\n") -> Head:
    """Return the head that a block holds; `terminator` is what ended it, from the last line feed on."""
    deviations: set[str] = set()
    crlf = terminator != b"\n\n" and block.endswith(b"\r")
    if block.endswith(b"\r"):
        block = block[:-1]
    text = block.decode("ascii") if block.isascii() else _text(block, deviations)
    lines = text.split("\r\n")
    if not crlf or block.count(b"\n") != len(lines) - 1:
        deviations.add("LF_only_line_ends")
        lines = [line.removesuffix("\r") for line in text.split("\n")]
    start = lines.pop(0)
    fields = dict(map(_known_field if len(block) <= _USUAL_BYTES else _plain_field, lines))
    if len(fields) == len(lines) <= MAX_LINES and "" not in fields:
        return Head(start, lines, fields, {}, deviations)
    return _mended_head(start, _unfold(lines, deviations), deviations)


def _plain_field(line: str) -> tuple[str, str]:
    """Return lower-case name and value of a header line; both are empty if there is anything unusual about it."""
    name, colon, value = line.partition(":")
    return (name.lower(), value.strip(" \t")) if colon and " " not in name and "\t" not in name else ("", "")


_known_field = lru_cache(maxsize=512)(_plain_field)
"""The same, remembered: clients and servers say most of what they say with every message."""


def _text(block: bytes, deviations: set[str]) -> str:
    deviations.add("non_ASCII_head")
    try:
        return block.decode()
    except UnicodeDecodeError:  # line by line: one latin-1 line must not spoil the others
        return "\n".join(_line_text(line) for line in block.split(b"\n"))


def _line_text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _unfold(lines: list[str], deviations: set[str]) -> list[str]:
    """Return the lines with continuation lines joined to the line before (RFC 9112 section 5.2)."""
    groups: list[list[str]] = []
    for line in lines:
        if groups and line[:1] in (" ", "\t"):
            groups[-1].append(line.strip(" \t"))
            deviations.add("folded_header")
        else:
            groups.append([line])
    return [" ".join(group) for group in groups]


def _mended_head(start: str, lines: list[str], deviations: set[str]) -> Head:
    """Return a head of lines that may be repeated, malformed or too many."""
    fields: dict[str, str] = {}
    doubled: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            deviations.add("line_without_colon")
            continue
        key = _mended_name(name.lower(), deviations)
        if key in fields:
            doubled.setdefault(key, [fields[key]]).append(value.strip(" \t"))
        else:
            fields[key] = value.strip(" \t")
    for key, values in doubled.items():
        if key not in _FIRST_ONLY:
            fields[key] = ("; " if key == "cookie" else ", ").join(values)
    if len(lines) > MAX_LINES:
        deviations.add("too_many_header_lines")
        lines = lines[:MAX_LINES]
    return Head(start, lines, fields, doubled, deviations)


def _mended_name(name: str, deviations: set[str]) -> str:
    mended = name.strip(" \t")
    if not mended:
        deviations.add("empty_header_name")
    elif mended != name:
        deviations.add("space_in_header_name")
    return mended


def parse_request_line(line: str) -> RequestLine | None:
    """Return the parts of a request line, or None if it is none of HTTP/1."""
    method, _, rest = line.partition(" ")
    target, _, version = rest.rstrip(" \t").rpartition(" ")
    target = target.strip(" ")
    if not (target and version[:7] == "HTTP/1." and len(version) == 8 and version[7] in "0123456789"):
        return None
    return RequestLine(method, target, version[5:]) if _METHOD.match(method) else None


@lru_cache(maxsize=64)
def parse_status_line(line: str) -> StatusLine | None:
    """Return the parts of a status line, or None if it is none of HTTP/1 or SHOUTcast."""
    version, _, rest = line.partition(" ")
    rest = rest.lstrip(" ")
    code = rest[:3]
    known = version == "ICY" or (version[:7].upper() == "HTTP/1." and len(version) == 8 and version[7] in "0123456789")
    if not (known and len(code) == 3 and code.isascii() and code.isdigit() and rest[3:4] in ("", " ", "\t")):
        return None
    if code < "100":
        return None
    return StatusLine(version[5:] or version, int(code), rest[4:].strip(" \t") or None)


def begins_with_request_line(window: bytes) -> bool:
    """Return True for bytes that begin with a whole request line that `parse_request_line` reads, after empty lines."""
    return _WHOLE_REQUEST_LINE.match(window) is not None


def begins_with_status_line(window: bytes) -> bool:
    """Return True for bytes that begin with a whole status line that `parse_status_line` reads, after empty lines."""
    return _WHOLE_STATUS_LINE.match(window) is not None


def may_be_request(window: bytes) -> bool:
    """Return False once bytes at a message start cannot become a request line."""
    match = _TOKEN.match(window)
    if match is None:
        return not window
    end = match.end()
    if end < len(window) and window[end] != 0x20:
        return False
    return b"\n" not in window or begins_with_request_line(window)


def may_be_response(window: bytes) -> bool:
    """Return False once bytes at a message start cannot become a status line."""
    length = len(window)
    if window[:7].upper() != b"HTTP/1."[:length] and window[:4] != b"ICY "[:length]:
        return False
    return b"\n" not in window or begins_with_status_line(window)


def begins_response(view: memoryview) -> bool | None:
    """Return whether bytes at the place of a body are a status line, None if more are needed to tell."""
    window = bytes(view[:_STATUS_BYTES])
    return True if _STATUS.match(window) else None if _STATUS_PART.match(window) else False


def begins_request(view: memoryview) -> bool | None:
    """Return whether bytes at the place of a body are a request line, None if more are needed to tell."""
    window = bytes(view[:_REQUEST_BYTES])
    if not may_be_request(window):
        return False
    return True if b"\n" in window else None if len(window) < _REQUEST_BYTES else False


def find_response(window: bytes) -> tuple[int, int]:
    """Return where a status line with a header line starts (-1: nowhere), and how many bytes precede any start.

    A status line is not asked to stand at a line start: the body before it may end with any byte. `ICY` is not looked
    for: SHOUTcast answers once per connection.
    """
    position = window.find(b"HTTP/1.")
    while position >= 0:
        if _STATUS_START.match(window, position):
            return position, position
        if _STATUS_BEGUN.match(window, position):
            return -1, position
        position = window.find(b"HTTP/1.", position + 1)
    return -1, max(len(window) - 6, 0)


def is_long_request(window: bytes) -> bool:
    """Return True for the beginning of a request line whose end is not among these bytes."""
    return _REQUEST_START.match(window) is not None and b"\n" not in window


def find_request(window: bytes) -> tuple[int, int]:
    """Return where a request line with a common method starts (-1: nowhere), and how many bytes precede any start."""
    for end in _REQUEST_LINE_END.finditer(window):
        place = end.start()
        line = max(window.rfind(b"\n", 0, place) + 1, place - _REQUEST_REACH)
        start = _REQUEST_START.search(window, line, place + 1)
        if start:
            return start.start(), start.start()
    return -1, max(window.rfind(b"\n") + 1, len(window) - _REQUEST_REACH - 12, 0)
