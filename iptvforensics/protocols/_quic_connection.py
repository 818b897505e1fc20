"""Packets of one connection -> hellos, with secrets the certificate and the streams; and the rows that tell of it."""

from __future__ import annotations

from typing import Any

from ..protocol import Anomaly, At, Event, Mark, OpenedBegin, OpenedEnd, Row
from ..schema import ENGINE_COLUMNS
from ..tls import keylog
from ..tls.keylog import Secrets
from ..tls.names import version_name
from ._quic_crypto import Keys, initial_keys
from ._quic_frames import (
    BROKEN,
    CLOSE,
    CLOSE_APPLICATION,
    CRYPTO,
    DATAGRAM,
    NEW_CONNECTION_ID,
    PATH_CHALLENGE,
    RESET_STREAM,
    STREAM,
    Frame,
    read_frames,
)
from ._quic_handshake import CryptoStream, Handshake
from ._quic_packets import HANDSHAKE, INITIAL, ONE_RTT, VERSION_1, VERSION_2, ZERO_RTT, Packet
from ._quic_spaces import Opened, Phase, Space
from ._quic_streams import Streams
from ._quic_tables import TABLE

MAX_IDS = 64
MAX_REASON = 200
_LABELS = {
    (ZERO_RTT, True): keylog.CLIENT_EARLY,
    (HANDSHAKE, True): keylog.CLIENT_HANDSHAKE,
    (HANDSHAKE, False): keylog.SERVER_HANDSHAKE,
    (ONE_RTT, True): keylog.CLIENT_TRAFFIC,
    (ONE_RTT, False): keylog.SERVER_TRAFFIC,
}
"""Label of the secret by type of packet, and whether the client sends it."""
_NOT_GIVEN = "what follows is encrypted, and no secret for it was given"
_DNS = "DNS over QUIC: names that are looked up here are not visible"


class Connection:
    """What is known of one connection."""

    def __init__(self, packet: Packet, side: bool, offset: int, keys: tuple[Keys, Keys], number: int) -> None:
        self.client_side = side
        self.handshake = Handshake()
        self.is_told = False
        self.has_retry = False
        self.original = packet.destination
        self.key_id = packet.destination
        self.number = number
        self.is_decided = False
        """True once it is known whether there are secrets."""
        self._initial = {packet.version: _initial_spaces(keys)}
        self._spaces: dict[tuple[str, bool], Space] = {}
        self._crypto: dict[tuple[str, bool], CryptoStream] = {}
        self._streams: dict[bool, Streams] = {}
        self._ids: dict[bool, dict[bytes, None]] = {True: {packet.source: None}, False: {packet.destination: None}}
        """Identifiers that the client (True) and the server gave themselves."""
        self._latest_id = {True: packet.source, False: packet.destination}
        self._secrets: Secrets | None = None
        self._knows_server = False
        """True once an identifier is known that the server chose: the first one is the client's choice."""
        self._has_begun = False
        self._path_checks = self._datagrams = 0
        self._is_past_early = False
        """True once the client is known to be past its early data."""
        self._refused = self._first_refused = 0
        """Packets with early data that the server did not take, and the place of the first one."""
        self._close: str | None = None
        self._first = packet
        self._server_packet: Packet | None = None
        self._at = At(side, offset)
        self._client_at: At | None = None
        self._server_at: At | None = None

    # --- Initial packets ------------------------------------------------------------------------------------

    def open_initial(self, packet: Packet, side: bool, offset: int) -> Opened | None:
        """Return the payload of an Initial packet, None if it does not belong to this connection."""
        spaces = self._initial.get(packet.version)
        if spaces is None:  # the server may answer in another version (RFC 9368)
            spaces = self._initial[packet.version] = _initial_spaces(initial_keys(packet.version, self.key_id))
        return spaces[side != self.client_side].open(packet.data, packet.number_at, offset)

    def read_initial(self, payload: bytes, packet: Packet, side: bool, offset: int) -> list[Event]:
        """Return what the payload of an Initial packet says."""
        is_client = side == self.client_side
        events: list[Event] = []
        self._learn(packet, is_client=is_client)
        if not is_client and self._server_packet is None:
            self._server_packet = packet
        for frame in read_frames(payload):
            if frame.kind != CRYPTO:
                continue
            if is_client and frame.offset == 0 and self._client_at is None:
                self._client_at = At(side, offset)
            if not is_client and frame.offset == 0 and self._server_at is None:
                self._server_at = At(side, offset)
                events.append(Mark(side, offset))
            events += self._crypto_frame(INITIAL, frame, payload, side, offset)
        return events

    def _learn(self, packet: Packet, *, is_client: bool) -> None:
        """Take note of the identifiers in a long header."""
        for of_client, name in ((is_client, packet.source), (not is_client, packet.destination)):
            if name not in self._ids[of_client] and self._add_id(name, of_client=of_client):
                self._knows_server |= not of_client

    def _add_id(self, name: bytes, *, of_client: bool) -> bool:
        """Return True if an identifier could be taken note of: where the connection moves to, it is known by it."""
        if len(self._ids[of_client]) >= MAX_IDS:
            return False
        self._ids[of_client][name] = None
        if self._secrets is not None and self.handshake.client is not None:
            self._secrets.own(name, self.handshake.client.random)
        return True

    def _crypto_frame(self, kind: str, frame: Frame, payload: bytes, side: bool, offset: int) -> list[Event]:
        is_client = side == self.client_side
        stream = self._crypto.setdefault((kind, is_client), CryptoStream())
        events: list[Event] = []
        for message in stream.add(frame.offset, payload[frame.start : frame.end], offset):
            events += self.handshake.take(message, side, is_client=is_client)
        return events

    def continues(self, earlier: Connection) -> None:
        """Take over what an earlier attempt said: the server asked for another one (Retry)."""
        self.has_retry = True
        self.original = earlier.original
        self._first, self._at, self._client_at = earlier._first, earlier._at, earlier._client_at

    # --- what secrets open ----------------------------------------------------------------------------------

    def decide(self, secrets: Secrets) -> bool:
        """Return True if the client's hello has just shown whether there are secrets."""
        client = self.handshake.client
        if self.is_decided or client is None:
            return False
        self.is_decided = True
        version = self._first.version
        others = [other for other in (VERSION_1, VERSION_2) if other != version]
        versions = [version, *others] if version in (VERSION_1, VERSION_2) else [version]
        for key, label in _LABELS.items():
            found = secrets.find_all(label, client.random)
            if found:
                self._spaces[key] = Space.of_secrets(found, versions, None)
        if self._spaces:
            self._secrets = secrets
            for names in self._ids.values():
                for name in names:
                    secrets.own(name, client.random)
            self._streams = {side: Streams(side, self.number) for side in (True, False)}
        return True

    @property
    def has_secrets(self) -> bool:
        """Return True if there is a secret for any packets."""
        return bool(self._spaces)

    def may_wait(self, side: bool) -> bool:
        """Return True if a packet may be opened later: the hello, or the server's identifier, has not been read."""
        return not self.is_decided or (self.has_secrets and side == self.client_side and not self._knows_server)

    @property
    def early_waits(self) -> bool:
        """Return True if early data has to wait: the server will say under encryption whether it took it."""
        can_tell = (ZERO_RTT, True) in self._spaces and (HANDSHAKE, False) in self._spaces
        return can_tell and self.handshake.early_data_accepted is None and not self._is_past_early

    def skip_early(self) -> None:
        """Have early data read: the server will not say any more whether it took it."""
        self._is_past_early = True

    def lacks(self, side: bool) -> bool:
        """Return True if there is a secret for the data of the other side only."""
        is_client = side == self.client_side
        return (ONE_RTT, is_client) not in self._spaces and (ONE_RTT, not is_client) in self._spaces

    def owns(self, packet: Packet, side: bool) -> bool:
        """Return True if a packet goes to an identifier of this connection."""
        if packet.kind != ONE_RTT:
            return packet.destination in self._ids[side != self.client_side]
        return self._id_bytes(packet.data, side != self.client_side) is not None

    def _id_bytes(self, data: bytes, to_client: bool) -> int | None:
        """Return the length of the identifier to which a packet with a short header goes, None if it is not known."""
        latest = self._latest_id[to_client]
        if not data.startswith(latest, 1):
            found = next((name for name in self._ids[to_client] if data.startswith(name, 1)), None)
            if found is None:
                return None
            latest = self._latest_id[to_client] = found
        return len(latest)

    def open(self, packet: Packet, side: bool, offset: int) -> Opened | None:
        """Return the payload of a packet behind the Initial ones, None if no secret of this connection fits."""
        is_client = side == self.client_side
        space = self._spaces.get((packet.kind, is_client))
        if space is None:
            return None
        if packet.kind != ONE_RTT:
            return space.open(packet.data, packet.number_at, offset)
        known = self._id_bytes(packet.data, not is_client)
        lengths = dict.fromkeys(map(len, reversed(self._ids[not is_client]))) if known is None else (known,)
        for length in lengths:  # an identifier that was not seen to be given is as long as the others
            found = space.open(packet.data, packet.number_at + length, offset)
            if found is not None:
                return found
        return None

    def open_short(self, datagram: bytes, side: bool, offset: int) -> Opened | None:
        """Return the payload of a packet with a short header if it is like the ones before it; None: `open` tells."""
        is_client = side == self.client_side
        space = self._spaces.get((ONE_RTT, is_client))
        name = self._latest_id[not is_client]
        if space is None or not datagram.startswith(name, 1):
            return None
        return space.open_expected(datagram, 1 + len(name), offset)

    def read(self, opened: Opened, packet: Packet, side: bool, offset: int) -> list[Event]:
        """Return what the payload of a packet behind the Initial ones says."""
        phase = self._spaces[packet.kind, side == self.client_side].phase
        if packet.kind == ZERO_RTT and self.handshake.early_data_accepted is False:
            self._refused += 1
            self._first_refused = min(self._first_refused, offset) if self._refused > 1 else offset
            return []
        self._is_past_early |= packet.kind == ONE_RTT and side == self.client_side
        streams, payload = self._streams[side], opened.payload
        place = offset + packet.at + opened.at
        events: list[Event] = []
        if packet.kind != ONE_RTT:
            self._learn(packet, is_client=side == self.client_side)
        if phase is not None:
            if phase.packets == 1:
                events.append(Mark(side, offset))
            if packet.kind != HANDSHAKE and streams.secret_sha256 != phase.sha256:
                events += self.flush(side)
                streams.secret_sha256 = phase.sha256
        for frame in read_frames(payload):
            if frame.kind == STREAM:
                data = payload[frame.start : frame.end]
                streams.add(frame.stream, frame.offset, data, place + frame.start, is_last=frame.is_last)
            elif frame.kind == CRYPTO:
                if packet.kind == HANDSHAKE:
                    events += self._crypto_frame(HANDSHAKE, frame, payload, side, offset)
            elif frame.kind == RESET_STREAM:
                streams.reset(frame.stream, place + frame.start)
            else:
                events += self._other(frame, payload, side, offset)
        return events + self.flush(side) if streams.is_full else events

    def _other(self, frame: Frame, payload: bytes, side: bool, offset: int) -> list[Event]:
        is_client = side == self.client_side
        if frame.kind == NEW_CONNECTION_ID:
            self._add_id(payload[frame.start : frame.stream], of_client=is_client)
        elif frame.kind == PATH_CHALLENGE:
            self._path_checks += 1
        elif frame.kind == DATAGRAM:
            self._datagrams += 1
        elif frame.kind in (CLOSE, CLOSE_APPLICATION) and self._close is None:
            reason = payload[frame.start : frame.end].decode("utf-8", "backslashreplace")[:MAX_REASON]
            what = "transport" if frame.kind == CLOSE else "application"
            self._close = f"{'client' if is_client else 'server'}: {what} {frame.offset:#x} {reason}".rstrip()
        elif frame.kind == BROKEN:
            why = f"a frame of type {payload[frame.start]:#x} that is not known or does not fit"
            return [Anomaly("QUIC_bad_frame", side, offset, why)]
        return []

    def flush(self, side: bool) -> list[Event]:
        """Return what has come together of a direction's streams."""
        streams = self._streams.get(side)
        events = streams.flush() if streams is not None else []
        if events and not self._has_begun:
            self._has_begun = True
            is_half = self.lacks(True) or self.lacks(False)
            events.insert(0, OpenedBegin(self.number, "quic", self.client_side, is_half))
        return events

    # --- rows -----------------------------------------------------------------------------------------------

    def finish(self) -> list[Event]:
        """Return what is still pending of a connection that secrets opened: the flow is over."""
        events: list[Event] = []
        if self._refused:
            detail = "packets with early data that the server did not take: left out"
            place = self.client_side, self._first_refused
            events.append(Anomaly("QUIC_early_data_refused", *place, detail, self._refused))
        for side, streams in self._streams.items():
            streams.finish()
            events += self.flush(side)
            if streams.gaps:
                detail = f"{streams.missing} bytes of streams were not captured"
                events.append(Anomaly("QUIC_stream_gap", side, streams.first_gap or 0, detail, streams.gaps))
        if self._has_begun:
            events += [OpenedEnd(side, self.number) for side in (True, False)]
        return events + self._decrypted()

    def _phases(self, kind: str) -> list[tuple[bool, Phase]]:
        """Return directions and secrets with which packets of a type were opened."""
        found = ((client, self._spaces.get((kind, client))) for client in (True, False))
        return [
            (client == self.client_side, space.phase)
            for client, space in found
            if space is not None and space.phase is not None and space.phase.packets
        ]

    def _decrypted(self) -> list[Event]:
        """Return a row for each secret that was used."""
        client, server = self.handshake.client, self.handshake.server
        if client is None:
            return []
        return [
            Row(
                "decrypted",
                side,
                phase.first_offset or 0,
                {
                    "label": phase.secret.label,
                    "secret_sha256": phase.sha256,
                    "client_random": client.random.hex(),
                    "tls_version": version_name(server.version) if server is not None else None,
                    "cipher_suite": phase.suite,
                    "records": phase.packets,
                    "content_bytes": phase.bytes,
                    "key_updates": phase.updates,
                },
            )
            for kind in (ZERO_RTT, HANDSHAKE, ONE_RTT)
            for side, phase in self._phases(kind)
        ]

    def row(self) -> list[Event]:
        """Return the row, and what could not be seen."""
        self.is_told = True
        values: dict[str, Any] = dict.fromkeys(name for name in TABLE.column_names if name not in ENGINE_COLUMNS)
        is_cut = self.handshake.client is None and self._take_part()
        client = self.handshake.client
        values.update(self.handshake.values())
        answer = self._server_packet
        values.update(
            quic_version=f"{(answer or self._first).version:08x}",
            client_version=f"{self._first.version:08x}",
            original_dcid=self.original.hex() or None,
            client_scid=self._first.source.hex() or None,
            server_scid=None if answer is None else answer.source.hex() or None,
            has_retry=self.has_retry,
            client_hello_frame=self._client_at if client is not None else None,
            server_hello_frame=self._server_at if self.handshake.server is not None else None,
        )
        is_opened = bool(self._phases(ONE_RTT))
        if is_opened:
            values.update(self._opened_values())
        server = [phase.sha256 for side, phase in self._phases(HANDSHAKE) if side != self.client_side]
        events: list[Event] = [Row("quic", *self._at, values | {"secret_sha256": server[0] if server else None})]
        if client is None or is_cut:
            events.append(Anomaly("QUIC_hello_incomplete", *self._at, "parts of the client's hello were not captured"))
        if not is_opened:
            if client is not None and client.alpn == ["doq"]:
                events.append(Anomaly("QUIC_dns_not_seen", *self._at, _DNS))
            events.append(Anomaly("QUIC_not_opened", *self._at, _NOT_GIVEN))
        return events

    def _take_part(self) -> bool:
        """Return True if the beginning of a client's hello could be read whose rest was not captured."""
        stream = self._crypto.get((INITIAL, True))
        part = stream.messages.cut() if stream is not None else None
        return part is not None and self.handshake.take_part(part)

    def _opened_values(self) -> dict[str, Any]:
        """Return the columns that packets behind the handshake fill."""
        answer = self._server_packet
        known = {self.original, self.key_id, self._first.source, answer.source if answer is not None else b""}
        ids = {client: [name.hex() for name in names if name not in known] for client, names in self._ids.items()}
        return {
            "client_ids": ids[True],
            "server_ids": ids[False],
            "path_checks": self._path_checks,
            "datagrams": self._datagrams,
            "close": self._close,
        }


def _initial_spaces(keys: tuple[Keys, Keys]) -> tuple[Space, Space]:
    """Return the spaces of the Initial packets of client and server."""
    return Space([(None, keys[0], None)]), Space([(None, keys[1], None)])
