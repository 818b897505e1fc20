r"""Domain names of DNS messages: from labels with compression to text.

RFC 1035 sections 3.1 (labels), 4.1.4 (compression) and 5.1 (how a name is written in a master file).
Names keep the case in which they were sent and are written without the final dot; the root is ".".

Known limitations: internationalised names stay in their ASCII form (`xn--`), mDNS names are written
byte by byte (UTF-8 shows as `\DDD` escapes), bit-string labels (RFC 2673) are refused.
"""

from __future__ import annotations

from typing import NamedTuple

FIRST_NAME = 12
"""Where names begin: a compression pointer names an earlier one, and the header before it holds none."""
MAX_NAME_BYTES = 255
"""RFC 1035 section 2.3.4: a name has at most 255 octets, length octets included."""
MAX_JUMPS = 128
"""A name has at most 127 labels; more pointers than that can only be there to waste time."""

# Characters that mean something in a master file and are written with a backslash before them.
_SPECIAL = frozenset(b'".;\\@$()')
_PLAIN = bytes(code for code in range(0x21, 0x7F) if code not in _SPECIAL)
_TEXT = tuple(
    f"\\{chr(code)}" if code in _SPECIAL else chr(code) if 0x21 <= code <= 0x7E else f"\\{code:03d}"
    for code in range(256)
)


class Name(NamedTuple):
    """A name as it was read: its text, where reading goes on, and what was wrong with it."""

    text: str | None
    """Null if the name could not be read."""
    end: int
    """Position after the name in the message; -1 if it cannot be known."""
    problem: str | None


def read_name(message: bytes, start: int) -> Name:
    """Return the name that begins at a position of the message.

    Compression pointers must point before the labels that led to them, so that no loop is possible;
    their number is limited as well. What stands in the header is no name.
    """
    labels: list[str] = []
    position, lowest, size, end, jumps = start, start, 1, -1, 0
    while True:
        if position >= len(message):
            return Name(None, end, "DNS_message_cut")
        length = message[position]
        if length == 0:
            end = position + 1 if end < 0 else end
            return Name(".".join(labels) or ".", end, None)
        if length >= 0xC0:
            if position + 1 >= len(message):
                return Name(None, end, "DNS_message_cut")
            end = position + 2 if end < 0 else end
            position = (length & 0x3F) << 8 | message[position + 1]
            jumps += 1
            if position < FIRST_NAME:
                return Name(None, end, "DNS_pointer_into_header")
            if position >= lowest or jumps > MAX_JUMPS:
                return Name(None, end, "DNS_name_loop")
            lowest = position
            continue
        if length >= 0x40:
            return Name(None, end, "DNS_label_type_unknown")
        label = message[position + 1 : position + 1 + length]
        if len(label) < length:
            return Name(None, end, "DNS_message_cut")
        size += length + 1
        if size > MAX_NAME_BYTES:
            return Name(None, _skip(message, position) if end < 0 else end, "DNS_name_too_long")
        labels.append(write_label(label))
        position += length + 1


def _skip(message: bytes, position: int) -> int:
    """Return the position after a name of which the text is not wanted, or -1."""
    while position < len(message):
        length = message[position]
        if length == 0:
            return position + 1
        if length >= 0xC0:
            return position + 2 if position + 2 <= len(message) else -1
        if length >= 0x40:
            return -1
        position += length + 1
    return -1


def write_label(label: bytes) -> str:
    """Return a label as a master file has it: specials after a backslash, other bytes as decimal."""
    if not label.translate(None, _PLAIN):
        return label.decode("ascii")
    return "".join([_TEXT[code] for code in label])


def write_string(string: bytes) -> str:
    """Return a character string in quotes, as a master file has it (RFC 1035 section 5.1)."""
    parts = [
        f"\\{chr(code)}" if code in b'"\\' else chr(code) if 0x20 <= code <= 0x7E else f"\\{code:03d}"
        for code in string
    ]
    return f'"{"".join(parts)}"'
