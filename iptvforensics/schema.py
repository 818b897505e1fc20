"""Tables and columns: how they are declared, and the tables that belong to no single protocol.

A protocol declares its own tables in its own file with `message_table`; all others stand here.
Parquet schema, documentation, command line and tests are derived from these declarations.

Rules that tests hold every table to: one sentence per column; units in the name (`_ns`, `_bytes`,
`_bps`, `_s`); the same column name has the same type everywhere; missing is null.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "int", "float", "bool", "time_ns", "frame", "text[]", "int[]"]

SQL_TYPES: dict[ColumnType, str] = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "time_ns": "BIGINT",  # nanoseconds since 1970-01-01 UTC
    "frame": "BIGINT",  # 1-based number of a captured record, as Wireshark counts them
    "text[]": "VARCHAR[]",
    "int[]": "BIGINT[]",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its type, and one sentence that says what a value means."""

    name: str
    type: ColumnType
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name, what one row stands for, and its columns in order."""

    name: str
    row: str
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the names of the columns, in order."""
        return tuple(column.name for column in self.columns)


CAPTURE_ID = Column("capture_id", "text", "First 16 hexadecimal digits of the SHA-256 of the evidence file.")

MESSAGE_COLUMNS = (
    CAPTURE_ID,
    Column("ts_ns", "time_ns", "Capture time of the frame that holds the first byte of the row's message."),
    Column("flow_id", "int", "Flow that carried the message: the number of the frame that opened it."),
    Column("from_orig", "bool", "True if the originator of the flow sent the message."),
    Column("frame_no", "frame", "Frame that holds the first byte of the row's message."),
    Column("stream_offset", "int", "Position of the message in the stream of its direction, in bytes, first is 0."),
)
"""Leading columns of every protocol table; the engine fills them."""
ROW_ORDER = ("ts_ns", "frame_no", "flow_id", "from_orig", "stream_offset")
"""Columns by which the rows of one capture are sorted, those that a table has."""

ENDPOINT_COLUMNS = (
    Column("client_ip", "text", "Address of the client of the exchange."),
    Column("client_port", "int", "Port of the client of the exchange."),
    Column("server_ip", "text", "Address of the server of the exchange; null for a server behind a proxy."),
    Column("server_port", "int", "Port of the server of the exchange."),
)
"""Filled by the engine for tables that ask for them."""

OBJECT_OFFSET = Column(
    "object_offset",
    "int",
    "Stream offset of the first byte of the body in which the message was found; null if it stood in no body.",
)
"""Filled by the engine for protocols found in bodies; with flow_id and from_orig it names the object."""

SECRET_SHA256 = Column(
    "secret_sha256",
    "text",
    "SHA-256 of the secret that decrypted the message (table decrypted); null if it came in clear.",
)
"""Last column of message tables but for the endpoints: TLS and QUIC fill it in rows about keys, else the engine."""

ENGINE_COLUMNS = frozenset(c.name for c in (*MESSAGE_COLUMNS, *ENDPOINT_COLUMNS, OBJECT_OFFSET, SECRET_SHA256))
"""Names of the columns that parsers leave to the engine."""


def message_table(name: str, row: str, columns: Iterable[Column], *, endpoints: bool = False) -> Table:
    """Return the table of a protocol: leading columns, its own, the secret, and the endpoints if asked for."""
    tail = ENDPOINT_COLUMNS if endpoints else ()
    return Table(name, row, (*MESSAGE_COLUMNS, *columns, SECRET_SHA256, *tail))


# Columns that several tables have.
_, TS_NS, FLOW_ID, FROM_ORIG, FRAME_NO, STREAM_OFFSET = MESSAGE_COLUMNS
CLIENT_IP, CLIENT_PORT, SERVER_IP, SERVER_PORT = ENDPOINT_COLUMNS
FIRST_NS = Column("first_ns", "time_ns", "Capture time of the first frame concerned.")
LAST_NS = Column("last_ns", "time_ns", "Capture time of the last frame concerned.")
FIRST_FRAME = Column("first_frame", "frame", "First frame concerned.")
LAST_FRAME = Column("last_frame", "frame", "Last frame concerned.")
LAST_FRAME_NO = Column("last_frame_no", "frame", "Last frame concerned.")
ROLE = Column("role", "text", "Part it played in its exchange: request, response, message.")
SESSION_ID = Column("session_id", "text", "Name of the session, derived from its capture and its first frame.")
DEVICE_ID = Column("device_id", "text", "Device that watched; null if it cannot be told.")
LINE_ID = Column("line_id", "text", "Subscriber account that was used; null if it cannot be told.")
CHANNEL = Column("channel", "text", "Name of the channel, null if nothing in the capture names it.")
TITLE = Column("title", "text", "Name of the title, null if nothing in the capture names it.")
NAME_SOURCE = Column("name_source", "text", "Where the name comes from: catalogue, playlist, in-stream.")
PROGRAMMES = Column(
    "programmes", "text[]", "Programmes that the guide has for the time of the session, or that catch-up asked for."
)
KIND = Column("kind", "text", "live, vod or catchup (what was broadcast before); null if it cannot be told.")
KIND_BASIS = Column("kind_basis", "text", "Why the session is held to be live, vod or catchup.")
_SENDER_MAC = Column("mac", "text", "Link-layer address of the sender; behind a router, that of the router.")
_VLAN = Column("vlan", "int", "Outer VLAN number of the first packet; null if untagged.")
_TUNNEL = Column("tunnel", "text", "Tunnels that the first packet had passed; null if none.")

CAPTURES = Table(
    "captures",
    "evidence file",
    (
        CAPTURE_ID,
        Column("sha256", "text", "SHA-256 of the evidence file as it lies there, compressed if it is."),
        Column("path", "text", "Where the file was when it was analysed."),
        Column("size_bytes", "int", "Size of the evidence file."),
        Column("format", "text", "Capture format and compression, as recognised from the bytes."),
        Column("link_types", "text[]", "Link-layer types that occur in the file."),
        Column("frames", "int", "Number of captured records."),
        Column("bytes", "int", "Captured bytes of all frames."),
        Column("wire_bytes", "int", "Original length of all frames on the wire, in bytes."),
        FIRST_NS,
        LAST_NS,
        Column("packets", "int", "Number of IP packets decoded to their transport."),
        Column("interfaces", "int", "Number of interfaces described in the file."),
        Column("snaplen_bytes", "int", "Largest number of bytes that was kept of a frame, as declared."),
        Column("metadata", "text[]", "Strings that the capturing tool left in the file, with their place."),
        Column("secrets", "int", "Number of blocks with decryption secrets in the file."),
        Column(
            "is_damaged", "bool", "True if part of the file was not read or fails its check sum; anomalies says what."
        ),
    ),
)

FLOWS = Table(
    "flows",
    "flow: both directions between two addresses and ports (what Wireshark calls a conversation)",
    (
        CAPTURE_ID,
        FLOW_ID,
        Column("transport", "text", "Transport protocol: tcp, udp, or the IP protocol number."),
        Column("orig_ip", "text", "Address of the originator."),
        Column("orig_port", "int", "Port of the originator; null if the transport has none."),
        Column("resp_ip", "text", "Address of the responder."),
        Column("resp_port", "int", "Port of the responder; null if the transport has none."),
        Column("orig_basis", "text", "How the originator is known: SYN, SYN-ACK, port, first packet."),
        Column("protocol", "text", "Application protocol; a leading minus: its parser gave up. Null: not recognised."),
        Column("orig_packets", "int", "Packets sent by the originator, copies not counted."),
        Column("resp_packets", "int", "Packets sent by the responder, copies not counted."),
        Column("orig_bytes", "int", "Payload bytes captured from the originator, nothing counted twice."),
        Column("resp_bytes", "int", "Payload bytes captured from the responder, nothing counted twice."),
        Column("orig_payload_bytes", "int", "Payload bytes on the wire from the originator, repeats included."),
        Column("resp_payload_bytes", "int", "Payload bytes on the wire from the responder, repeats included."),
        Column("missing_bytes", "int", "Payload bytes of both directions that were sent but not captured."),
        Column("retransmitted_bytes", "int", "Payload bytes of both directions that were sent again."),
        Column("duplicate_packets", "int", "Copies of packets that the capture holds twice (mirror ports)."),
        Column("out_of_order_packets", "int", "Packets that came before earlier bytes of their stream."),
        Column("starts_midstream", "bool", "True if the beginning of the TCP connection was not captured."),
        Column(
            "history",
            "text",
            "Order of first events: S SYN, H SYN-ACK, A ACK, D data, F FIN, R RST, T repeat; lower case: responder.",
        ),
        FIRST_NS,
        LAST_NS,
        FIRST_FRAME,
        LAST_FRAME,
        Column("community_id", "text", "Community ID version 1 of the flow (seed 0); null for transports without one."),
        Column("orig_mac", "text", "Link-layer address of the originator's side, as captured."),
        Column("resp_mac", "text", "Link-layer address of the responder's side, as captured."),
        _VLAN,
        _TUNNEL,
    ),
)

LINK_ADDRESSES = Table(
    "link_addresses",
    "pair of a link-layer address and an IP address as which it was seen to send",
    (
        CAPTURE_ID,
        _SENDER_MAC,
        Column("ip", "text", "IP address that the sender used."),
        Column("basis", "text", "Where the pair was seen: IP packets, or ARP, in which the sender names both."),
        _VLAN,
        _TUNNEL,
        Column("interface", "int", "Number of the capturing interface in the file, from 0."),
        Column("packets", "int", "Number of packets in which the pair was seen."),
        Column("ttl_min", "int", "Lowest time to live (hop limit) that arrived; null for ARP."),
        Column("ttl_max", "int", "Highest time to live (hop limit) that arrived; null for ARP."),
        FIRST_NS,
        LAST_NS,
        FIRST_FRAME,
        LAST_FRAME,
    ),
)

MULTICAST = Table(
    "multicast_memberships",
    "group that an IGMP or MLD message names: joined, left or asked about",
    (
        CAPTURE_ID,
        TS_NS,
        FRAME_NO,
        Column("host_ip", "text", "Address of the host that sent the message."),
        Column("membership_protocol", "text", "Protocol and version: IGMPv1, IGMPv2, IGMPv3, MLDv1, MLDv2."),
        Column("action", "text", "What it means: join, leave, query, or change (of sources only)."),
        Column("group_ip", "text", "Multicast group; null in a query for all groups."),
        Column("record_type", "text", "Kind of the group record in a report of IGMPv3 or MLDv2."),
        Column("sources", "text[]", "Senders that the message names; null if it names none."),
        _SENDER_MAC,
        _VLAN,
    ),
)

STREAM_INDEX = Table(
    "stream_index",
    "captured piece of a reassembled stream: the bridge from rows to frames",
    (
        CAPTURE_ID,
        FLOW_ID,
        FROM_ORIG,
        STREAM_OFFSET,
        Column("length_bytes", "int", "Length of the piece."),
        FRAME_NO,
    ),
)

BURSTS = Table(
    "bursts",
    "burst of a flow that looks encrypted (TLS, QUIC): what the originator asked, and what came for it",
    (
        CAPTURE_ID,
        FLOW_ID,
        Column("cause", "text", "Why a burst begins here: first, request (after an answer), pause, time (after 5 s)."),
        FIRST_NS,
        LAST_NS,
        FIRST_FRAME,
        LAST_FRAME,
        Column("orig_bytes", "int", "Bytes from the originator: of TLS records, or of datagrams."),
        Column("resp_bytes", "int", "Bytes from the responder, TCP bytes that the capture lost included."),
        Column("resp_packets", "int", "Packets from the responder that brought new bytes."),
        Column("busy_s", "float", "Seconds in which the responder sent without a break of more than 10 ms."),
    ),
)

FRAME_INDEX = Table(
    "frame_index",
    "block of the capture: where a frame is found again without reading the whole file",
    (
        CAPTURE_ID,
        FRAME_NO,
        Column("file_offset", "int", "Position of the frame's record in the (decompressed) capture, in bytes."),
        Column("reader_state", "text", "What the reader must know to begin there: format, byte order, interfaces."),
    ),
)

OBJECTS = message_table(
    "objects",
    "content carried by a protocol: a body with its name, size and kind",
    (
        Column("name", "text", "URL or stream name under which the content was asked for."),
        Column(
            "kind", "text", "What the content is by its first bytes: mpegts, hls, mp4, matroska, image, html, json, ..."
        ),
        Column("media_type", "text", "Media type that the sender declared."),
        ROLE,
        Column("status", "int", "Status code of the response that carried it."),
        Column("bytes", "int", "Bytes of the content seen, after transfer and content decoding."),
        Column("declared_bytes", "int", "Length that the sender declared for the body."),
        Column("first_byte", "int", "Position of the first byte in the whole representation (ranges)."),
        Column("total_bytes", "int", "Length of the whole representation, as declared with the range."),
        Column("missing_bytes", "int", "Bytes known to be missing; null if their number is not known."),
        Column("complete", "bool", "True if all of the body was captured."),
        Column("sha256", "text", "SHA-256 of a complete content of at most 64 KiB; null for larger ones."),
        LAST_NS,
        LAST_FRAME,
    ),
    endpoints=True,
)

SESSIONS = Table(
    "sessions",
    "viewing session: one client, one stream, one span of time",
    (
        CAPTURE_ID,
        SESSION_ID,
        CLIENT_IP,
        DEVICE_ID,
        LINE_ID,
        Column(
            "delivery",
            "text",
            "How the media came: hls, http-ts, progressive, rtmp, srt, ...; by shape: segmented, ...",
        ),
        Column("published", "bool", "True if the client sent the media, as encoders do; false if it received them."),
        Column(
            "stream", "text", "Its own name on the wire: URL, RTMP application and stream, SRT stream identifier, ..."
        ),
        CHANNEL,
        TITLE,
        NAME_SOURCE,
        PROGRAMMES,
        KIND,
        KIND_BASIS,
        Column("panel_host", "text", "Host that was asked first and sent the client elsewhere; null if none did."),
        Column("edge_host", "text", "Host name under which the media were asked for."),
        Column("edge_ip", "text", "Address that sent most of the media."),
        Column("edge_port", "int", "Port that sent most of the media."),
        Column("hosts", "text[]", "Hosts of the delivery chain in the order of first contact."),
        Column("start_ns", "time_ns", "Capture time of the session's first frame."),
        Column("end_ns", "time_ns", "Capture time of the session's last frame."),
        Column("bytes", "int", "Media bytes captured."),
        Column("media_seconds", "float", "Seconds of media delivered, by the media's own clock."),
        Column(
            "media_seconds_basis",
            "text",
            "Where media_seconds comes from: playlist durations, PTS, PCR, RTMP timestamps.",
        ),
        Column("rate_bps", "float", "Media bytes captured times eight, divided by media_seconds."),
        Column("missing_bytes", "int", "Media bytes known to be missing from the capture."),
        Column("requests", "int", "Requests that belong to the session."),
        Column("media_objects", "int", "Media segments, files or ranges delivered."),
        Column("variants", "text[]", "Playlists of the variants played, in the order of first use."),
        Column(
            "encryption", "text", "Method under which the media, or a part of them, were encrypted; null if in clear."
        ),
        Column("key_urls", "text[]", "URLs of the keys named for the media."),
        Column("user_agent", "text", "User agent that the client claimed."),
        Column(
            "completeness",
            "text",
            "What could not be seen: complete, starts before the capture, gaps, still open at its end, ...",
        ),
        Column("basis", "text", "What the session rests on: content that was read, or shape of encrypted traffic."),
        Column("confidence", "text", "observed (content); likely or possible (shape; docs/shape.md defines both)."),
        Column("inference", "text", "What the shape was found to be, and by which thresholds; null for content."),
        Column("period_s", "float", "Seconds between media segments, inferred from the shape; null for content."),
        FIRST_FRAME,
        LAST_FRAME,
        Column("flow_ids", "int[]", "Flows that carried the session."),
    ),
)

EVIDENCE = Table(
    "evidence",
    "piece of evidence for a row of a reasoning table",
    (
        CAPTURE_ID,
        Column("row_id", "text", "Identifier of the row that is supported, for example a session_id."),
        FLOW_ID,
        FROM_ORIG,
        FRAME_NO,
        STREAM_OFFSET,
        Column("length_bytes", "int", "Length of the bytes concerned; null if they end with the stream."),
        Column("shows", "text", "What the bytes show."),
    ),
)

ANOMALIES = Table(
    "anomalies",
    "kind of fault or blind spot in one direction of a flow, or in one file",
    (
        CAPTURE_ID,
        Column("name", "text", "Name of the anomaly: part of the tool or protocol, then the reason."),
        FRAME_NO,
        TS_NS,
        FLOW_ID,
        FROM_ORIG,
        STREAM_OFFSET,
        Column("count", "int", "How often it occurred there; where bytes were lost, cut or left out, how many."),
        Column("detail", "text", "What was expected and what was found, at the first occurrence."),
    ),
)

TABLES = (
    *(CAPTURES, FLOWS, LINK_ADDRESSES, MULTICAST, STREAM_INDEX, BURSTS, FRAME_INDEX),
    *(OBJECTS, SESSIONS, EVIDENCE, ANOMALIES),
)
"""The tables that belong to no single protocol."""


def digest_of(tables: Iterable[Table]) -> str:
    """Return 16 hexadecimal digits that differ if the columns of the tables do, in name, type or order."""
    lines = (" ".join((table.name, *(f"{column.name}:{column.type}" for column in table.columns))) for table in tables)
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]
