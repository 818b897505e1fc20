"""Recorded sessions as templates: all frames of one session, and every place in them that differs from copy to copy.

A text is found in the reassembled stream of a TCP direction, so it is found across TCP segments and in retransmissions
too; the places of its bytes lie in the frames. Checksums of copies are adjusted, not computed again (RFC 1624).

Known limitations: IPv4 over Ethernet. In transport streams one mark per packet of video is overwritten, so that the
media of each channel differ; such pictures cannot be decoded in full. Media of other formats are the
same in all copies.
"""

from __future__ import annotations

import ipaddress
import re
import struct
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import frames as lf
from .frames import TCP, UDP, Frame
from .truths import TrueSession, load

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
FIELDS = Path(__file__).with_name("scale.toml")
FIRST_PORT, PORTS = 20_000, 45_000
MARK = "mark"
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Field:
    """A text that is rewritten, with the patterns that find it."""

    name: str
    what: str
    old: bytes
    patterns: tuple[re.Pattern[bytes], ...]

    def found(self, data: bytes) -> Iterable[list[int]]:
        """Return for each occurrence the positions of its bytes."""
        for pattern in self.patterns:
            for match in pattern.finditer(data):
                yield [match.start(n + 1) for n in range(len(self.old))]


@dataclass(frozen=True)
class Patch:
    """Where the bytes of a field stand in the template's records."""

    frame: Ints  # ascending
    at: Ints
    char: Ints  # which byte of the text
    weight: Ints  # 256 or 1: what the byte counts for in the checksum


@dataclass(frozen=True)
class Template:
    """The frames of one session."""

    name: str
    session: TrueSession
    stream: str  # as the truth gives it
    final_url: str
    fields: tuple[Field, ...]
    client: bytes
    servers: tuple[bytes, ...]  # of the chain, in order
    data: Bytes  # pcap records one after the other
    starts: Ints  # where each record begins, and the end of the last
    times_us: Ints  # since the first frame
    first_ns: int
    ip_at: Ints
    transport_at: Ints
    sum_at: Ints
    is_udp: npt.NDArray[np.bool_]
    from_client: npt.NDArray[np.bool_]
    server: Ints  # which server the other side is; -1: none of the chain
    patches: Mapping[str, Patch]

    def renamed(self, text: str, values: Mapping[str, bytes]) -> str:
        """Return a text of the truth as it reads in a copy."""
        data = bytearray(text.encode())
        for field in self.fields:
            for places in field.found(text.encode()):
                for char, place in enumerate(places):
                    data[place] = values[field.name][char]
        return data.decode()


def _field(number: int, row: Mapping[str, Any], between: bytes) -> Field:
    patterns = []
    old = b""
    for place in row["places"]:
        before, old, after = (part.encode("latin-1") for part in re.fullmatch("(?s)(.*){(.*)}(.*)", place).groups())  # type: ignore[union-attr]
        gap = b"(?:" + re.escape(between) + b")?" if between else b""
        parts = [re.escape(bytes([c])) for c in before]
        parts += [b"(" + re.escape(bytes([c])) + b")" for c in old]
        parts += [re.escape(bytes([c])) for c in after]
        patterns.append(re.compile(gap.join(parts), re.DOTALL))
    return Field(f"{row['what']}-{number}", row["what"], old, tuple(patterns))


def fields_of(recording: str) -> tuple[Field, ...]:
    """Return the fields of a recording.

    Raises:
        ValueError: the recording is none of the templates.
    """
    rows = tomllib.loads(FIELDS.read_text())["template"]
    for row in rows:
        if row["recording"] == recording:
            between = row.get("between", "").encode("latin-1")
            return tuple(_field(number, field, between) for number, field in enumerate(row["fields"]))
    raise ValueError(f"no template {recording!r}; there are {', '.join(row['recording'] for row in rows)}")


def template(recording: str) -> Template:
    """Return a recorded session of one client as a template.

    Raises:
        ValueError: a field does not occur in the recording, so the copies would not differ.
    """
    capture = load(SAMPLES / f"{recording}.truth.json")[0]
    session, told = capture.sessions[0], capture.document["sessions"][0]
    client = ipaddress.ip_address(min(session.clients)).packed
    kept = []
    for frame in lf.read(capture.file).frames:
        found = lf.packet(frame.data)
        if found and found.version == 4 and lf.ports(frame.data, found) and client in (found.source, found.destination):
            kept.append((frame, found))
    servers = tuple(dict.fromkeys(ipaddress.ip_address(hop.ip).packed for hop in session.hops))
    records = [struct.pack("<IIII", 0, 0, len(f.data), f.wire) + f.data for f, _ in kept]
    starts = np.zeros(len(records) + 1, np.int64)
    np.cumsum([len(record) for record in records], out=starts[1:])
    fields = fields_of(recording)
    base = starts[:-1] + 16
    others = [p.destination if p.source == client else p.source for _, p in kept]
    return Template(
        name=recording, session=session, stream=told["stream"], final_url=told.get("final_url", ""),
        fields=fields, client=client, servers=servers,
        data=np.frombuffer(b"".join(records), np.uint8), starts=starts,
        times_us=np.array([(f.time_ns - kept[0][0].time_ns) // 1000 for f, _ in kept], np.int64),
        first_ns=kept[0][0].time_ns,
        ip_at=base + np.array([p.ip_at for _, p in kept], np.int64),
        transport_at=base + np.array([p.transport_at for _, p in kept], np.int64),
        sum_at=base + np.array([p.transport_at + (16 if p.transport == TCP else 6) for _, p in kept], np.int64),
        is_udp=np.array([p.transport == UDP for _, p in kept]),
        from_client=np.array([p.source == client for _, p in kept]),
        server=np.array([servers.index(o) if o in servers else -1 for o in others], np.int64),
        patches=_patches(recording, fields, servers, kept, starts),
    )  # fmt: skip


Place = tuple[int, int]  # frame, offset in the frame


def _streams(kept: list[tuple[Frame, lf.Packet]]) -> Iterable[tuple[bytes, dict[int, list[Place]] | None, int, int]]:
    """Return the bytes of each TCP direction with the places of each byte, then each UDP payload with its frame."""
    directions: dict[tuple[bytes, bytes, int, int], list[tuple[int, int, int, bytes]]] = defaultdict(list)
    for number, (frame, found) in enumerate(kept):
        start = lf.payload_start(frame.data, found)
        payload = frame.data[start : found.end]
        if found.transport == UDP:
            yield payload, None, number, start
        elif payload:
            sequence = int.from_bytes(frame.data[found.transport_at + 4 : found.transport_at + 8], "big")
            pair = lf.ports(frame.data, found) or (0, 0)
            directions[found.source, found.destination, *pair].append((sequence, number, start, payload))
    for parts in directions.values():
        first = parts[0][0]
        whole = bytearray()
        places: dict[int, list[Place]] = {}  # by offset of a TCP segment's first byte
        for sequence, number, start, payload in parts:
            offset = (sequence - first) & 0xFFFFFFFF
            if offset > 1 << 31:
                continue  # before the first: a keep-alive
            if len(whole) < offset + len(payload):
                whole.extend(bytes(offset + len(payload) - len(whole)))
            whole[offset : offset + len(payload)] = payload
            places.setdefault(offset, []).append((number, start))
        yield bytes(whole), places, 0, 0


def _video_places(data: bytes) -> list[list[int]]:
    """Return the last four bytes of each transport stream packet that continues a picture."""
    if len(data) < 188 * 3:
        return []
    view = np.frombuffer(data, np.uint8)
    sync = view == 0x47
    at = np.flatnonzero(sync[: -188 * 2] & sync[188:-188] & sync[188 * 2 :])
    pids = (view[at + 1].astype(np.int64) & 0x1F) << 8 | view[at + 2]
    whole = (view[at + 1] & 0x40 == 0) & (view[at + 3] & 0xF0 == 0x10) & (view[at + 1] & 0x80 == 0)
    media = at[whole & (pids >= 0x20) & (pids < 0x1FFF)]
    if len(media) < 20:
        return []
    values, counts = np.unique(pids[np.isin(at, media)], return_counts=True)
    video = media[pids[np.searchsorted(at, media)] == values[np.argmax(counts)]]
    return [[int(a) + n for n in range(184, 188)] for a in video]


def _patches(recording: str, fields: tuple[Field, ...], servers: tuple[bytes, ...],
             kept: list[tuple[Frame, lf.Packet]], starts: Ints) -> dict[str, Patch]:  # fmt: skip
    found: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
    for data, places, frame, start in _streams(kept):
        segments = sorted(places) if places is not None else []
        ends = {o: o + max(kept[n][1].end - s for n, s in places[o]) for o in segments} if places else {}
        edges = np.array(segments, np.int64)
        wanted = [(field.name, spot) for field in fields for spot in field.found(data)]
        wanted += [(MARK, spot) for spot in _video_places(data)]
        if places is None:
            answers = [
                (n, m.start() + 2) for n, ip in enumerate(servers) for m in re.finditer(re.escape(b"\0\4" + ip), data)
            ]
            wanted += [(f"server-{n}", list(range(at, at + 4))) for n, at in answers]
        for name, spot in wanted:
            for char, offset in enumerate(spot):
                if places is None:
                    found[name].append(_spot(frame, start + offset, char, kept, starts))
                    continue
                last = int(np.searchsorted(edges, offset, side="right"))
                for origin in segments[max(0, last - 64) : last]:
                    if offset < ends[origin]:
                        for number, begin in places[origin]:
                            if begin + offset - origin < kept[number][1].end:
                                found[name].append(_spot(number, begin + offset - origin, char, kept, starts))
    for field in fields:
        if field.name not in found:
            raise ValueError(f"{recording}: {field.old!r} ({field.what}) is not found in the recording")
    made = {}
    for name, rows in found.items():
        table = np.array(sorted(set(rows)), np.int64)
        made[name] = Patch(table[:, 0], table[:, 1], table[:, 2], table[:, 3])
    return made


def _spot(
    number: int, offset: int, char: int, kept: list[tuple[Frame, lf.Packet]], starts: Ints
) -> tuple[int, int, int, int]:
    even = (offset - kept[number][1].transport_at) % 2 == 0
    return number, int(starts[number]) + 16 + offset, char, 256 if even else 1


@dataclass
class Copy:
    """One copy of a template that is being written."""

    template: Template
    start_us: int
    client: bytes
    mac: bytes
    port_shift: int
    servers: tuple[bytes, ...]
    values: Mapping[str, bytes]
    next_frame: int = 0

    @property
    def finished(self) -> bool:
        """Return whether all frames were given."""
        return self.next_frame >= len(self.template.times_us)

    def until(self, end_us: int, epoch_us: int) -> tuple[Bytes, Ints, Ints]:
        """Return bytes, times and places of the next records, up to a moment."""
        t = self.template
        first = self.next_frame
        last = max(first, int(np.searchsorted(t.times_us, end_us - self.start_us)))
        self.next_frame = last
        base = int(t.starts[first])
        data = t.data[base : int(t.starts[last])].copy()
        at = t.starts[first:last] - base
        times = t.times_us[first:last] + self.start_us
        absolute = times + epoch_us
        stamps = np.stack((absolute // 1_000_000, absolute % 1_000_000), axis=1).astype("<u4").view(np.uint8)
        for n in range(8):
            data[at + n] = stamps[:, n]
        change = self._addresses(data, slice(first, last), base)
        change += self._texts(data, first, last, base)
        sum_at = t.sum_at[first:last] - base
        put_checksum(data, sum_at, change, t.is_udp[first:last])
        return data, times, at

    def _addresses(self, data: Bytes, rows: slice, base: int) -> Ints:
        """Rewrite link and network addresses and the client's port; return what the transport checksum grows by."""
        t = self.template
        source, at, ip_at = t.from_client[rows], t.starts[:-1][rows] - base, t.ip_at[rows] - base
        mac_at = at + 16 + np.where(source, 6, 0)
        for n, byte in enumerate(self.mac):
            data[mac_at + n] = byte
        change = _replace(data, ip_at + np.where(source, 12, 16), self.client)
        for number, address in enumerate(self.servers):
            mine = np.flatnonzero(t.server[rows] == number)
            change[mine] += _replace(data, ip_at[mine] + np.where(source[mine], 16, 12), address)
        put_checksum(data, ip_at + 10, change)
        port_at = t.transport_at[rows] - base + np.where(source, 0, 2)
        old = words(data, port_at)
        new = FIRST_PORT + (old - FIRST_PORT + self.port_shift) % PORTS
        put_words(data, port_at, new)
        return change + new - old

    def _texts(self, data: Bytes, first: int, last: int, base: int) -> Ints:
        change = np.zeros(last - first, np.int64)
        for name, value in self.values.items():
            patch = self.template.patches.get(name)
            if patch is None:
                continue
            a, b = np.searchsorted(patch.frame, (first, last))
            at = patch.at[a:b] - base
            new = np.frombuffer(value, np.uint8)[patch.char[a:b]]
            np.add.at(change, patch.frame[a:b] - first, (new.astype(np.int64) - data[at]) * patch.weight[a:b])
            data[at] = new
        return change


def words(data: Bytes, at: Ints) -> Ints:
    """Return the 16-bit words at these places."""
    return (data[at].astype(np.int64) << 8) | data[at + 1]


def put_words(data: Bytes, at: Ints, values: Ints) -> None:
    """Write 16-bit words."""
    data[at] = values >> 8
    data[at + 1] = values & 255


def _replace(data: Bytes, at: Ints, new: bytes) -> Ints:
    """Write an address at these places; return by what a checksum's sum grows."""
    change = np.zeros(len(at), np.int64)
    for n, byte in enumerate(new):
        change += (byte - data[at + n].astype(np.int64)) * (256 if n % 2 == 0 else 1)
        data[at + n] = byte
    return change


def put_checksum(data: Bytes, at: Ints, change: Ints, is_udp: npt.NDArray[np.bool_] | None = None) -> None:
    """Make checksums right after the words that they cover grew by `change`."""
    old = words(data, at)
    total = ((~old & 0xFFFF) + change) % 0xFFFF
    new = np.where(change == 0, old, ~np.where(total == 0, 0xFFFF, total) & 0xFFFF)
    if is_udp is not None:
        new = np.where(is_udp & (new == 0), 0xFFFF, new)
    put_words(data, at, new)
