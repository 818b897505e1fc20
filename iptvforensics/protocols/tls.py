"""TLS: records of a TCP connection turned into what its handshake says and, with secrets, into what it carries.

Specification: RFC 8446 (TLS 1.3), RFC 5246, 4346, 2246 (TLS 1.2 to 1.0), RFC 6101 (SSL 3). A hello may be spread over
any number of records and TCP segments. One row of `tls` tells of both sides, or of the one that was captured.

Secrets come from key logs. What the records hold is handed on as a stream of its own and read as if it had come in
clear; each row of `decrypted` names a secret that was used. Where records are missing, the next one is opened if its
number can be found; how many bytes are missing is told from the lengths of the records, which holds unless their
sender filled the missing ones up (padding, seen with none of the others).

**Known limitations**

* Without secrets nothing of the application data is seen; from TLS 1.3 on, neither are the certificates and the
  application protocol that the server chose. An anomaly says so for each connection.
* Records are opened with AES in GCM, CCM or CBC mode and ChaCha20-Poly1305, from TLS 1.0 on, if both hellos were
  captured; not after a handshake that was repeated under encryption (renegotiation). A session resumed up to TLS 1.2
  needs a line of its own in the key log, or the handshake of the session that it resumes earlier in the same capture:
  the secret of that one is found by nothing else, and other captures must not change the rows of this one.
* Early data is read if the server took it. A certificate that the client shows after the handshake is not told.
* A connection that was captured from its middle on gives no row, as its hellos are missing.
* Hellos of SSL 2, DTLS, and TLS that begins inside of another protocol (STARTTLS) are not read; the protocol `connect`
  finds TLS behind HTTP CONNECT.
* Certificates are read, not verified. A hidden hello (ECH) cannot be told from an imitation of one (GREASE).
"""

from __future__ import annotations

from ..protocol import Opening, Parser, Protocol
from ..tls.columns import DECRYPTED
from ._tls_detect import detect
from ._tls_tables import TABLE


def make_parser(opening: Opening) -> Parser:
    """Return the parser of one connection; its code is loaded when the first one is made."""
    from ._tls_parser import TlsParser

    return TlsParser(opening)


PROTOCOL = Protocol(
    name="tls",
    title="TLS: hellos, certificates and alerts; with secrets, what is inside",
    specification="RFC 8446, RFC 5246, RFC 6066, RFC 7301",
    carriers=("tcp",),
    tables=(TABLE, DECRYPTED),
    detect=detect,
    parser=make_parser,
    limits="Without secrets, application data stay encrypted, from TLS 1.3 on certificates and the chosen application "
    "protocol, too. Hellos of SSL 2, DTLS and TLS inside of another protocol (STARTTLS) are not read.",
)
