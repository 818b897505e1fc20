"""Rows of the reading wing's tables, as the session rules use them.

Each record names the columns that it needs; `read` selects exactly these, in one fixed order, so that the
order of rows in the store never shows in a session.
"""

# No `from __future__ import annotations` here: NamedTuple compiles each annotation that is a text, which doubles the
# time that the many fields take to load.

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar, cast

TABLES_READ = (
    *("rtp_streams", "srt_streams", "websocket", "objects", "http", "flows"),
    *("link_addresses", "ts_services", "transport_streams"),
    *("playlists", "playlist_entries", "rtmp", "rtmp_media", "tls", "quic", "decrypted", "bursts", "srt", "dns"),
)
"""Everything that `drafts_of` reads, in the order in which it needs it."""
PORTION_ROWS = 1024


class TableReader(Protocol):
    """The tables of one capture; the store provides it, tests make it of an in-memory database."""

    def has(self, table: str) -> bool:
        """Return True if the capture has a table of that name."""

    def select(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query over the capture's tables."""


class Flow(NamedTuple):
    """One row of `flows`."""

    flow_id: int
    transport: str
    orig_ip: str
    orig_port: int | None
    orig_mac: str | None
    resp_ip: str
    resp_port: int | None
    resp_mac: str | None
    protocol: str | None
    starts_midstream: bool | None
    history: str | None
    first_ns: int
    last_ns: int
    first_frame: int
    last_frame: int

    def closed_by(self) -> str | None:
        """Return `originator` or `responder`, whoever ended the connection first; None if nobody did."""
        for event in self.history or "":
            if event in "FfRr":
                return "originator" if event.isupper() else "responder"
        return None


class LinkAddress(NamedTuple):
    """One row of `link_addresses`: an IP address with which a link-layer address sent."""

    mac: str
    ip: str
    basis: str
    ttl_min: int | None
    ttl_max: int | None


class Exchange(NamedTuple):
    """One row of `http`: a request with its response, or either alone."""

    ts_ns: int
    frame_no: int
    flow_id: int
    stream_offset: int
    from_orig: bool
    response_frame_no: int | None
    response_ns: int | None
    method: str | None
    host: str | None
    url: str | None
    target: str | None
    status: int | None
    location: str | None
    user_agent: str | None
    content_type: str | None
    transfer_encoding: str | None
    response_body_bytes: int | None
    response_body_declared_bytes: int | None
    response_missing_bytes: int | None
    request_body_offset: int | None
    response_body_offset: int | None
    complete: bool | None
    client_ip: str
    client_port: int | None
    server_ip: str | None
    server_port: int | None


class Body(NamedTuple):
    """One row of `objects`."""

    ts_ns: int
    frame_no: int
    flow_id: int
    stream_offset: int
    from_orig: bool
    name: str | None
    kind: str | None
    media_type: str | None
    role: str | None
    status: int | None
    bytes: int
    declared_bytes: int | None
    first_byte: int | None
    total_bytes: int | None
    missing_bytes: int | None
    complete: bool | None
    last_ns: int | None
    last_frame: int | None
    client_ip: str
    client_port: int | None
    server_ip: str | None
    server_port: int | None


class Playlist(NamedTuple):
    """One row of `playlists`."""

    ts_ns: int
    frame_no: int
    flow_id: int
    stream_offset: int
    from_orig: bool
    object_offset: int | None
    kind: str | None
    url: str | None
    target_duration_s: float | None
    media_sequence: int | None
    playlist_type: str | None
    has_endlist: bool | None
    entries: int | None
    session_data: list[str] | None


class Entry(NamedTuple):
    """What a row of `playlist_entries` says, wherever it stands: live playlists say the same again and again."""

    kind: str
    url: str | None
    media_sequence: int | None
    duration_s: float | None
    title: str | None
    byte_range_first: int | None
    byte_range_length: int | None
    key_method: str | None
    key_url: str | None
    map_url: str | None
    rendition_type: str | None


class TransportStream(NamedTuple):
    """One row of `transport_streams`."""

    ts_ns: int
    frame_no: int
    flow_id: int
    stream_offset: int
    from_orig: bool
    object_offset: int | None
    packet_bytes: int | None
    packets: int | None
    scrambled_packets: int | None
    missing_bytes: int | None
    continuity_errors: int | None
    pts_first: int | None
    pts_last: int | None
    media_s: float | None
    media_s_basis: str | None
    last_frame_no: int | None
    last_ns: int | None


class Service(NamedTuple):
    """One row of `ts_services`."""

    ts_ns: int
    frame_no: int
    flow_id: int
    stream_offset: int
    from_orig: bool
    object_offset: int | None
    service_id: int | None
    service_name: str | None
    ca_system_ids: list[int] | None
    pmt_crc_valid: bool | None
    sdt_crc_valid: bool | None


class RtpStream(NamedTuple):
    """One row of `rtp_streams`."""

    ts_ns: int
    frame_no: int
    flow_id: int
    stream_offset: int
    from_orig: bool
    ssrc: int
    packets: int
    lost_packets: int
    sequence_jumps: int
    payload_offset: int | None


class WebSocket(NamedTuple):
    """One row of `websocket`."""

    ts_ns: int
    frame_no: int
    flow_id: int
    stream_offset: int
    from_orig: bool
    url: str | None
    binary_messages: int
    close_code: int | None
    media_body_offset: int | None
    client_ip: str
    client_port: int | None
    server_ip: str
    server_port: int | None


class DnsMessage(NamedTuple):
    """One row of `dns`."""

    ts_ns: int
    frame_no: int
    flow_id: int
    stream_offset: int
    from_orig: bool
    is_response: bool | None
    query_name: str | None
    addresses: list[str] | None
    client_ip: str | None


class SrtConnection(NamedTuple):
    """One row of `srt`."""

    ts_ns: int
    frame_no: int
    flow_id: int
    stream_offset: int
    from_orig: bool
    caller_socket: int | None
    listener_socket: int | None
    stream_id: str | None
    cipher: str | None
    key_bits: int | None
    congestion_control: str | None
    bonding_group: int | None
    closed_by: str | None


class SrtStream(NamedTuple):
    """One row of `srt_streams`."""

    ts_ns: int
    frame_no: int
    flow_id: int
    stream_offset: int
    from_orig: bool
    destination_socket: int
    is_from_caller: bool | None
    stream_id: str | None
    packets: int
    payload_bytes: int
    lost_packets: int
    sequence_jumps: int
    is_encrypted: bool
    payload_offset: int | None
    last_ns: int
    last_frame_no: int


class RtmpMessage(NamedTuple):
    """One row of `rtmp`."""

    ts_ns: int
    frame_no: int
    flow_id: int
    stream_offset: int
    from_orig: bool
    kind: str | None
    command: str | None
    message_stream_id: int | None
    app: str | None
    tc_url: str | None
    stream_name: str | None
    play_start: float | None
    flash_ver: str | None
    arguments: str | None
    client_ip: str
    client_port: int | None
    server_ip: str | None
    server_port: int | None


class RtmpMedia(NamedTuple):
    """One row of `rtmp_media`."""

    ts_ns: int
    frame_no: int
    flow_id: int
    stream_offset: int
    from_orig: bool
    role: str | None
    app: str | None
    tc_url: str | None
    stream_name: str | None
    message_stream_id: int | None
    audio_messages: int | None
    video_messages: int | None
    audio_bytes: int | None
    video_bytes: int | None
    media_s: float | None
    last_frame_no: int | None
    last_ns: int | None
    missing_bytes: int | None
    complete: bool | None


class Burst(NamedTuple):
    """One row of `bursts`."""

    flow_id: int
    first_ns: int
    last_ns: int
    first_frame: int
    last_frame: int
    cause: str
    orig_bytes: int
    resp_bytes: int
    resp_packets: int
    busy_s: float


class Hello(NamedTuple):
    """One row of `tls` or `quic`."""

    flow_id: int
    client_hello_frame: int | None
    server_name: str | None
    client_ip: str
    client_port: int | None


class Decrypted(NamedTuple):
    """One row of `decrypted`."""

    flow_id: int
    label: str | None


Record = TypeVar("Record", bound=tuple[Any, ...])


def read(reader: TableReader, table: str, record: type[Record]) -> list[Record]:
    """Return the rows of a table as records, in an order that depends on nothing but their values."""
    rows = read_rows(reader, table, record._fields)  # type: ignore[attr-defined]
    make = partial(tuple.__new__, record)  # `_make` is Python and takes thrice as long
    for first in range(0, len(rows), PORTION_ROWS):  # never all rows twice
        rows[first : first + PORTION_ROWS] = map(make, rows[first : first + PORTION_ROWS])
    return cast("list[Record]", rows)


def read_rows(reader: TableReader, table: str, columns: Sequence[str], where: str = "") -> list[tuple[Any, ...]]:
    """Return columns of the rows of a table for which a condition is true, sorted by their values, nulls first."""
    if not reader.has(table):
        return []
    sql = " ".join(("SELECT", ", ".join(columns), "FROM", table, *(("WHERE", where) if where else ())))
    rows = reader.select(sql)
    try:
        rows.sort()  # they nearly are in order: this takes less time than having DuckDB sort whole rows
    except TypeError:  # rows that differ first where one of them has a null
        rows = reader.select(f"{sql} ORDER BY ALL NULLS FIRST")
    return rows
