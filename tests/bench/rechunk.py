"""A recorded RTMP play session -> the same messages in chunks of another size, in built TCP frames.

RTMP 1.0, sections 5.2 (handshake) and 5.3 (chunks). The headers of the first chunk of each message stay byte for byte.
Only the server's direction is carried anew; the client's bytes stay. Each piece keeps the time of the frame that
completed it.

Known limitations: for recordings without gaps that hold the connection from its first frame; one connection.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

HANDSHAKE = 1 + 1536 + 1536
MSS = 1448
HEADER_BYTES = (11, 7, 3, 0)
SET_CHUNK_SIZE = 1


@dataclass
class Side:
    """One end of the connection, as it builds frames."""

    mac: bytes
    ip: bytes
    port: int
    seq: int


@dataclass
class Connection:
    """The recorded streams of both directions, with the time of each byte's frame."""

    client: Side
    server: Side
    sent: list[tuple[int, bool, bytes]]  # time, from the client, new bytes, in the order of the capture


def _in_order(waiting: dict[tuple[int, int], bytes], expected: dict[bool, int], direction: bool) -> bytes:
    """Return the bytes that continue the stream; they are taken out of `waiting`."""
    out = bytearray()
    moved = True
    while moved:
        moved = False
        for (seq, length), payload in sorted(waiting.items()):
            old = (expected[direction] - seq) & 0xFFFFFFFF
            if old > 0x7FFFFFFF:  # begins after the byte that is expected next
                continue
            del waiting[seq, length]
            out += payload[old:]
            expected[direction] = (expected[direction] + len(payload[old:])) & 0xFFFFFFFF
            moved = True
    return bytes(out)


def connection(frames: list[tuple[int, bytes]], client_ip: bytes) -> Connection:
    """Return the only RTMP connection in the frames."""
    client = server = None
    expected: dict[bool, int] = {}
    sent: list[tuple[int, bool, bytes]] = []
    waiting: dict[bool, dict[tuple[int, int], bytes]] = {}
    for when, frame in frames:
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            continue
        tcp = 14 + (frame[14] & 15) * 4
        from_client = frame[26:30] == client_ip
        port, seq = struct.unpack_from(">HxxI", frame, tcp)
        if frame[tcp + 13] & 2:
            side = Side(frame[6:12], frame[26:30], port, seq)
            client, server = (side, server) if from_client else (client, side)
            expected[from_client] = (seq + 1) & 0xFFFFFFFF
            continue
        payload = frame[tcp + (frame[tcp + 12] >> 4) * 4 : 14 + struct.unpack_from(">H", frame, 16)[0]]
        if payload:
            waiting.setdefault(from_client, {})[seq, len(payload)] = payload
            new = _in_order(waiting[from_client], expected, from_client)
            if new:
                sent.append((when, from_client, new))
    if any(waiting.values()):
        raise ValueError("the recording has a gap")
    if client is None or server is None:
        raise ValueError("the recording does not hold the beginning of the connection")
    return Connection(client, server, sent)


class Rechunker:
    """Takes a chunk stream in pieces and gives it back in chunks of another size."""

    def __init__(self, size: int) -> None:
        self.size_in, self.size_out = 128, size
        self.buffer = bytearray()
        self.skip = HANDSHAKE
        self.length: dict[int, int] = {}
        self.kind: dict[int, int] = {}
        self.extended: dict[int, bool] = {}
        self.partial: dict[int, tuple[bytes, bytearray]] = {}

    def feed(self, data: bytes) -> bytes:
        """Return what can be sent after these bytes."""
        self.buffer += data
        out = bytearray()
        if self.skip:
            taken = self.buffer[: self.skip]
            del self.buffer[: self.skip]
            self.skip -= len(taken)
            out += taken
        at = 0
        while not self.skip:
            end = self._chunk(at, out)
            if end is None:
                break
            at = end
        del self.buffer[:at]
        return bytes(out)

    def _chunk(self, at: int, out: bytearray) -> int | None:
        """Read one chunk; return its end, or None if it is not there yet."""
        data = self.buffer
        if at + 3 > len(data):
            return None
        form, stream = data[at] >> 6, data[at] & 63
        basic = {0: 2, 1: 3}.get(stream, 1)
        if basic > 1:
            stream = 64 + data[at + 1] + (data[at + 2] << 8 if basic == 3 else 0)
        body = at + basic + HEADER_BYTES[form]
        if body + 4 > len(data):
            return None
        if form < 3:
            self.extended[stream] = data[at + basic : at + basic + 3] == b"\xff\xff\xff"
        if form < 2:
            self.length[stream] = int.from_bytes(data[at + basic + 3 : at + basic + 6], "big")
            self.kind[stream] = data[at + basic + 6]
        body += 4 if self.extended[stream] else 0
        header, payload = self.partial.get(stream) or (bytes(data[at:body]), bytearray())
        end = body + min(self.size_in, self.length[stream] - len(payload))
        if end > len(data):
            return None
        payload += data[body:end]
        self.partial[stream] = (header, payload)
        if len(payload) == self.length[stream]:
            del self.partial[stream]
            self._message(stream, basic, header, payload, out)
        return end

    def _message(self, stream: int, basic: int, header: bytes, payload: bytearray, out: bytearray) -> None:
        if self.kind[stream] == SET_CHUNK_SIZE:
            self.size_in = int.from_bytes(payload, "big")
            out += header + self.size_out.to_bytes(4, "big")
            return
        again = bytes([header[0] | 0xC0]) + header[1:basic] + (header[-4:] if self.extended[stream] else b"")
        out += header + payload[: self.size_out]
        for start in range(self.size_out, len(payload), self.size_out):
            out += again + payload[start : start + self.size_out]


def _checksum(data: bytes) -> int:
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _frame(source: Side, target: Side, flags: int, payload: bytes = b"") -> bytes:
    """Return a frame; the sender's sequence number moves on."""
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0, source.ip, target.ip)
    ip = ip[:10] + _checksum(ip).to_bytes(2, "big") + ip[12:]
    ack = target.seq if flags & 16 else 0
    tcp = struct.pack(">HHIIBBHHH", source.port, target.port, source.seq, ack, 0x50, flags, 64240, 0, 0)
    pseudo = source.ip + target.ip + struct.pack(">BBH", 0, 6, len(tcp) + len(payload))
    tcp = tcp[:16] + _checksum(pseudo + tcp + payload).to_bytes(2, "big") + tcp[18:]
    source.seq = (source.seq + len(payload) + (1 if flags & 3 else 0)) & 0xFFFFFFFF
    return target.mac + source.mac + b"\x08\x00" + ip + tcp + payload


def rechunked(frames: list[tuple[int, bytes]], client_ip: bytes, size: int) -> list[tuple[int, bytes]]:
    """Return frames that carry the same messages in chunks of `size` bytes."""
    flow = connection(frames, client_ip)
    client, server = flow.client, flow.server
    start = flow.sent[0][0] - 3
    out = [
        (start, _frame(client, server, 2)),
        (start + 1, _frame(server, client, 18)),
        (start + 2, _frame(client, server, 16)),
    ]
    machine = Rechunker(size)
    unacknowledged = 0
    for when, from_client, data in flow.sent:
        source, target = (client, server) if from_client else (server, client)
        stream = data if from_client else machine.feed(data)
        for at in range(0, len(stream), MSS):
            out.append((when, _frame(source, target, 24, stream[at : at + MSS])))
            unacknowledged += not from_client
            if unacknowledged == 2:
                out.append((when, _frame(client, server, 16)))
                unacknowledged = 0
    end = flow.sent[-1][0] + 1
    out += [(end, _frame(client, server, 17)), (end, _frame(server, client, 17)), (end, _frame(client, server, 16))]
    return out
