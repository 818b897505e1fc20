"""DHCPv4 and DHCPv6: from datagrams to one row per message, with what devices and servers say of themselves.

RFC 2131, RFC 2132, RFC 3004 (user class), RFC 3396 (long options), RFC 3925 (classes and data behind an enterprise
number), RFC 4361 (client identifiers), RFC 4702 (names), RFC 8415 (DHCPv6). Names, classes and identifiers of clients
are what they claim; the link-layer address in `client_mac` is also written by the client itself. The order of `options`
and `parameter_list` is a fingerprint of the client's software.

**Known limitations**: BOOTP without DHCP's magic cookie is not read; requests and replies are not paired (join by
`xid` and `client_mac`); options without a column are listed by code only; authentication is not checked; of several
identity associations in one DHCPv6 message the addresses stand together.
"""

from __future__ import annotations

from ..protocol import Anomaly, DatagramParser, Event, Opening, Protocol, Row
from ._dhcp_four import TABLE, is_four, read_four
from ._dhcp_six import PLAIN_BYTES, TYPES, is_six, read_six
from ._dhcp_six import TABLE as TABLE_SIX

SIX_PORTS = frozenset((546, 547))
PORTS = SIX_PORTS | {67, 68}


class DhcpParser(DatagramParser):
    """The state of one flow: how far it has been read, and which of the two protocols it is."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._is_six = not any(map(is_four, (opening.orig, opening.resp)))

    def read(self, message: bytes, offset: int, from_orig: bool) -> list[Event]:
        """Return the row of one datagram."""
        if is_four(message):
            table, (values, problems) = "dhcp", read_four(message)
        elif self._is_six and len(message) >= PLAIN_BYTES and message[0] in TYPES:
            table, (values, problems) = "dhcp6", read_six(message)
        else:
            return [Anomaly("DHCP_message_not_read", from_orig, offset, f"{len(message)} bytes that are no message")]
        self.client_is_orig = from_orig is not values["is_response"]
        broken = [Anomaly(name, from_orig, offset + at, detail) for name, at, detail in problems]
        return [Row(table, from_orig, offset, values), *broken]


def detect(opening: Opening) -> float | None:
    """Return how sure it is that the first datagrams are DHCP messages."""
    firsts = [data for data in (opening.orig, opening.resp) if data]
    if not firsts:
        return 0.0
    if all(map(is_four, firsts)):
        return 0.98
    if all(map(is_six, firsts)):
        return 0.95 if {opening.orig_port, opening.resp_port} & PORTS else 0.9
    both = {opening.orig_port, opening.resp_port} <= SIX_PORTS
    return 0.8 if both and all(is_six(first, is_whole=False) for first in firsts) else 0.0


PROTOCOL = Protocol(
    name="dhcp",
    title="DHCPv4 and DHCPv6: addresses given, and the names, models and software that devices claim",
    specification="RFC 2131, 2132, 3004, 3396, 3925, 4361, 4702, 4704, 6939, 8415",
    carriers=("udp",),
    tables=(TABLE, TABLE_SIX),
    detect=detect,
    parser=DhcpParser,
    begins=bytes((1, 2, *TYPES)),
    limits="BOOTP without the magic cookie is not read. Requests and replies are not paired.",
)
