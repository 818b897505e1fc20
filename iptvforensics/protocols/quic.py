"""QUIC: the packets of a UDP flow turned into the hellos of its connections and, with secrets, into what they carry.

Specification: RFC 9000, RFC 9001 (protection), RFC 9369 (version 2), RFC 9368 (a server that answers in another
version), RFC 9221 (DATAGRAM). The hellos may come in any order, spread over several packets and datagrams.

Secrets come from key logs, as for TLS. They open 0-RTT, Handshake and 1-RTT packets, with AES-GCM, AES-CCM or
ChaCha20-Poly1305, over key updates. The streams of a connection are put in order and handed on together, to be read as
HTTP/3; each row of `decrypted` names a secret that was used. The row of a connection that was opened comes at its end.

**Known limitations**

* Without secrets, packets after the Initial ones stay encrypted: certificates, the chosen application protocol and
  HTTP/3 are not read. An anomaly says so for each connection.
* A connection whose first packet was not captured is not recognised. One that moves to other addresses or ports
  (migration) is a flow of its own there, which is not read; with secrets an anomaly says whose connection it is, and
  `path_checks` shows that a side tried another path.
* Versions other than 1, 2 and the drafts from 29 on are not read (Google QUIC among them).
* Packets that were lost in the capture are not told from numbers that the sender left out; what counts are the bytes of
  streams that are missing. Bytes that never come are given up when 4 MiB behind them wait, or at the end.
* Certificates of clients are not read. DATAGRAM frames are only counted.
"""

from __future__ import annotations

from ..protocol import Opening, Parser, Protocol
from ..tls.columns import DECRYPTED
from ._quic_detect import detect
from ._quic_tables import TABLE


def make_parser(opening: Opening) -> Parser:
    """Return the parser of one flow; its code is loaded when the first one is made."""
    from ._quic_parser import QuicParser

    return QuicParser(opening)


PROTOCOL = Protocol(
    name="quic",
    title="QUIC: the hellos in Initial packets; with secrets, what is inside",
    specification="RFC 9000, RFC 9001, RFC 9221, RFC 9368, RFC 9369",
    carriers=("udp",),
    tables=(TABLE, DECRYPTED),
    detect=detect,
    parser=make_parser,
    begins=bytes((*range(0x40, 0x80), *range(0xC0, 0x100))),
    limits="Without secrets, what follows the Initial packets (certificates, HTTP/3) stays encrypted. Connections "
    "whose first packet was not captured or that moved to other addresses, Google QUIC and drafts before 29 are not "
    "read.",
)
