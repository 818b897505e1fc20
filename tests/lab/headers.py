"""Impairments that rewrite headers: tags, cooked and PPPoE encapsulation, address translation, IPv6, fragments.

Lengths and checksums stay right; payloads stay as they were.

Known limitations: input must be Ethernet. Encapsulation lengthens frames, so that some grow beyond 1,514 bytes (no
real path with such a limit would carry them whole). Names and addresses inside payloads (DNS answers, URLs) are left
alone: after translation to IPv6 the DNS still answers with IPv4 addresses, as with 464XLAT on the box.
"""

from __future__ import annotations

import ipaddress
import random
import struct

from .frames import (
    COOKED,
    ETHERNET,
    IPV4,
    IPV6,
    PPPOE,
    QINQ,
    TCP,
    UDP,
    VLAN,
    Frame,
    Packet,
    Recording,
    adjusted,
    checksum,
    network_at,
    packet,
    ports,
)

INSIDE = ipaddress.ip_network("192.168.0.0/16")
PUBLIC = "198.51.100.240"
ROUTER_MAC, PROVIDER_MAC = bytes.fromhex("025e10000001"), bytes.fromhex("025e10000002")
IPV6_PREFIX = ipaddress.ip_address("2001:db8:64::").packed[:12]
IPV6_GROUPS = ipaddress.ip_address("ff1e::").packed[:12]
FIRST_PUBLIC_PORT = 30_000


def require_ethernet(recording: Recording) -> None:
    """Refuse recordings of other links."""
    if recording.link != ETHERNET:
        raise ValueError(f"expected Ethernet frames (link type 1), found link type {recording.link}")


def longer(frame: Frame, data: bytes) -> Frame:
    """Return the frame with other bytes; its length on the wire grows or shrinks with them."""
    return frame._replace(wire=frame.wire + len(data) - len(frame.data), data=data)


def vlan(recording: Recording, rng: random.Random) -> Recording:
    """Every frame carries an IEEE 802.1Q tag."""
    require_ethernet(recording)
    number = rng.randrange(2, 4000)
    tag = struct.pack(">HH", VLAN, number)
    frames = [longer(f, f.data[:12] + tag + f.data[12:]) for f in recording.frames]
    return Recording(frames, facts={"vlan": number})


def qinq(recording: Recording, rng: random.Random) -> Recording:
    """Every frame carries two tags (IEEE 802.1ad)."""
    require_ethernet(recording)
    outer, inner = rng.randrange(2, 4000), rng.randrange(2, 4000)
    tags = struct.pack(">HHHH", QINQ, outer, VLAN, inner)
    frames = [longer(f, f.data[:12] + tags + f.data[12:]) for f in recording.frames]
    return Recording(frames, facts={"vlan": outer, "inner_vlan": inner})


def cooked(recording: Recording, rng: random.Random) -> Recording:
    """Frames carry Linux cooked headers, as recorded on all interfaces at once."""
    require_ethernet(recording)
    own = recording.frames[0].data[6:12] if recording.frames else b""
    frames = []
    for frame in recording.frames:
        kind = 4 if frame.data[6:12] == own else 1 if frame.data[:1] == b"\xff" else 2 if frame.data[:1] == b"\1" else 0
        head = struct.pack(">HHH6s2x", kind, 1, 6, frame.data[6:12])
        frames.append(longer(frame, head + frame.data[12:]))
    return Recording(frames, link=COOKED)


def pppoe(recording: Recording, rng: random.Random) -> Recording:
    """IP packets travel in a PPPoE session (RFC 2516), as between home router and provider."""
    require_ethernet(recording)
    session = rng.randrange(1, 0xFFFF)
    frames = []
    for frame in recording.frames:
        kind, at = network_at(frame.data, ETHERNET)
        found = packet(frame.data)
        if found is None:
            frames.append(frame)
            continue
        head = struct.pack(">HBBHHH", PPPOE, 0x11, 0, session, found.end - at + 2, {IPV4: 0x21, IPV6: 0x57}[kind])
        frames.append(longer(frame, frame.data[:12] + head + frame.data[at:]))
    return Recording(frames, facts={"pppoe_session": session})


def _inside(address: bytes) -> bool:
    return len(address) == 4 and ipaddress.ip_address(address) in INSIDE


def nat(recording: Recording, rng: random.Random) -> Recording:
    """All boxes of 192.168.0.0/16 appear behind one address with other ports; traffic within the home is not seen.

    IPv6 is passed on as it is; where no IPv4 shows the router's link-layer address, its frames stay as they were.
    """
    require_ethernet(recording)
    routers = _routers(recording)
    public = ipaddress.ip_address(PUBLIC).packed
    given: dict[tuple[int, bytes, int], int] = {}
    fragments: dict[tuple[bytes, bytes, bytes], tuple[bytes, int]] = {}
    back: dict[tuple[int, int], tuple[bytes, int]] = {}
    step = rng.randrange(1, 9)
    frames, boxes = [], set()
    for frame in recording.frames:
        found = packet(frame.data)
        if found is None or found.version == 6:
            frames += [] if found is None else _passed_on(frame, found, routers)
            continue
        out, into = _inside(found.source), _inside(found.destination)
        if out == into or found.destination[0] >= 224:
            continue
        box = found.source if out else found.destination
        name = (found.source, found.destination, frame.data[found.ip_at + 4 : found.ip_at + 6])
        pair = ports(frame.data, found)
        port = 0
        if pair is not None:
            key = (found.transport, box, pair[0] if out else pair[1])
            port = given.setdefault(key, FIRST_PUBLIC_PORT + len(given) * step % 30_000)
            back[found.transport, port] = (box, key[2])
            fragments[name] = (box, port)
        elif name in fragments:
            port = fragments[name][1]
        boxes.add(box)
        frames.append(longer(frame, _translated(frame.data, found, out, public, port)))
    facts = {"addresses": {str(ipaddress.ip_address(box)): PUBLIC for box in sorted(boxes)},
             "ports": [[t, str(ipaddress.ip_address(box)), p, new] for (t, box, p), new in given.items()]}  # fmt: skip
    return Recording(frames, facts=facts)


def _routers(recording: Recording) -> set[bytes]:
    """Return the link-layer addresses through which boxes reach what is outside."""
    found: set[bytes] = set()
    for frame in recording.frames:
        seen = packet(frame.data)
        if seen is not None and seen.version == 4 and seen.destination[0] < 224:
            out, into = _inside(seen.source), _inside(seen.destination)
            found |= {frame.data[:6]} if out and not into else {frame.data[6:12]} if into and not out else set()
    return found


def _passed_on(frame: Frame, found: Packet, routers: set[bytes]) -> list[Frame]:
    """Return an IPv6 frame as it is behind the router; nothing where it does not leave the home."""
    data = frame.data
    if not routers:
        return [frame]
    ends = (found.source, found.destination)
    local = any(ip[0] == 0xFE and ip[1] & 0xC0 == 0x80 for ip in ends)
    if local or found.source[:8] == found.destination[:8] or found.destination[0] == 0xFF:
        return []
    out, into = data[:6] in routers, data[6:12] in routers
    if out == into:
        return []
    new = bytearray(data)
    new[0:12] = (PROVIDER_MAC + ROUTER_MAC) if out else (ROUTER_MAC + PROVIDER_MAC)
    new[found.ip_at + 7] = max(1, new[found.ip_at + 7] - out)
    return [longer(frame, bytes(new))]


def _translated(data: bytes, found: Packet, out: bool, public: bytes, port: int) -> bytes:
    new = bytearray(data)
    at = found.ip_at
    old_ip = found.source if out else found.destination
    new[0:12] = (PROVIDER_MAC + ROUTER_MAC) if out else (ROUTER_MAC + PROVIDER_MAC)
    place = at + (12 if out else 16)
    new[place : place + 4] = public
    new[at + 8] = max(1, new[at + 8] - 1 if out else new[at + 8])
    old_words, new_words = old_ip + data[at + 8 : at + 10], public + bytes(new[at + 8 : at + 10])
    new[at + 10 : at + 12] = adjusted(int.from_bytes(data[at + 10 : at + 12], "big"), old_words, new_words).to_bytes(2)
    if ports(data, found) is None:
        return bytes(new)
    place = found.transport_at + (0 if out else 2)
    old_port, new_port = data[place : place + 2], port.to_bytes(2)
    new[place : place + 2] = new_port
    _adjust_transport(new, found, old_ip + old_port, public + new_port)
    return bytes(new)


def _adjust_transport(new: bytearray, found: Packet, old: bytes, changed: bytes) -> None:
    """Make the TCP or UDP checksum right again; where it was not captured or not used it stays as it is."""
    place = found.transport_at + (16 if found.transport == TCP else 6)
    if len(new) < place + 2:
        return
    before = int.from_bytes(new[place : place + 2], "big")
    if found.transport == UDP and before == 0:
        return
    after = adjusted(before, old, changed)
    if found.transport == UDP and after == 0:
        after = 0xFFFF
    new[place : place + 2] = after.to_bytes(2)


def ipv6_of(address: bytes) -> bytes:
    """Return the IPv6 address that stands for an IPv4 address (RFC 6052, with a documentation prefix)."""
    return (IPV6_GROUPS if address[0] >= 224 else IPV6_PREFIX) + address


def ipv6(recording: Recording, rng: random.Random) -> Recording:
    """IPv4 TCP and UDP packets become IPv6 packets; ARP, ICMP, IGMP and broadcasts vanish."""
    require_ethernet(recording)
    frames, seen = [], set()
    for frame in recording.frames:
        found = packet(frame.data)
        if found is not None and found.version == 6:
            frames.append(frame)
        if found is None or found.version == 6 or found.transport not in (TCP, UDP):
            continue
        if found.destination == b"\xff" * 4 or found.source == bytes(4):
            continue
        seen |= {found.source, found.destination}
        frames.append(longer(frame, _as_ipv6(frame.data, found)))
    text = {str(ipaddress.ip_address(a)): str(ipaddress.ip_address(ipv6_of(a))) for a in sorted(seen)}
    return Recording(frames, facts={"addresses": text})


def _as_ipv6(data: bytes, found: Packet) -> bytes:
    at = found.ip_at
    source, destination = ipv6_of(found.source), ipv6_of(found.destination)
    more = data[at + 6] & 0x20
    extra = b""
    if more or found.fragment:
        extra = struct.pack(">BxHI", found.transport, found.fragment | (1 if more else 0),
                            int.from_bytes(data[at + 4 : at + 6], "big"))  # fmt: skip
    length = found.end - found.transport_at
    head = struct.pack(">IHBB", 6 << 28 | data[at + 1] << 20, length + len(extra), 44 if extra else found.transport,
                       data[at + 8]) + source + destination  # fmt: skip
    body = bytearray(data[found.transport_at : found.end])
    if not found.fragment:
        moved = found._replace(transport_at=0)
        if found.transport == UDP and body[6:8] == b"\0\0" and len(body) == length and not more:
            pseudo = source + destination + struct.pack(">II", length, UDP)
            body[6:8] = (checksum(pseudo + bytes(body)) or 0xFFFF).to_bytes(2)
        else:
            _adjust_transport(body, moved, found.source + found.destination, source + destination)
    mac = data[:12]
    if found.destination[0] >= 224:
        mac = b"\x33\x33" + destination[12:] + data[6:12]
    return mac + data[12 : at - 2] + struct.pack(">H", IPV6) + head + extra + bytes(body)


def fragments(recording: Recording, rng: random.Random, *, size: int = 576, share: float = 0.2) -> Recording:
    """Long IP packets are cut into fragments, some of them out of order."""
    require_ethernet(recording)
    frames, cut = [], 0
    for frame in recording.frames:
        found = packet(frame.data)
        whole = found is not None and len(frame.data) >= max(found.end, frame.wire) and not found.fragment
        if found is None or not whole or found.end - found.ip_at <= size or rng.random() >= share:
            frames.append(frame)
            continue
        pieces = _pieces(frame.data, found, size, rng.randrange(1, 0xFFFF))
        if rng.random() < 0.2:
            pieces.reverse()
        cut += 1
        frames += [Frame(frame.time_ns + 1000 * n, len(p), p, frame.origin) for n, p in enumerate(pieces)]
    frames.sort(key=lambda frame: frame.time_ns)
    return Recording(frames, facts={"fragmented_packets": cut})


def _pieces(data: bytes, found: Packet, size: int, name: int) -> list[bytes]:
    at, link = found.ip_at, data[: found.ip_at]
    if found.version == 4:
        if int.from_bytes(data[at + 6 : at + 8], "big") & 0x2000:
            return [data]
        head = data[at : found.transport_at]
        room = (size - len(head)) // 8 * 8
    else:
        if data[at + 6] == 44:
            return [data]
        head = data[at : at + 40]
        room = (size - 48) // 8 * 8
    body = data[found.transport_at : found.end]
    pieces = []
    for offset in range(0, len(body), room):
        part = body[offset : offset + room]
        more = offset + room < len(body)
        if found.version == 4:
            changed = bytearray(head)
            struct.pack_into(">HHH", changed, 2, len(head) + len(part), name, (0x2000 if more else 0) | offset // 8)
            changed[10:12] = b"\0\0"
            changed[10:12] = checksum(bytes(changed)).to_bytes(2)
            pieces.append(link + bytes(changed) + part)
        else:
            extra = struct.pack(">BxHI", found.transport, offset | (1 if more else 0), name)
            lengths = struct.pack(">HB", len(part) + 8, 44)
            pieces.append(link + head[:4] + lengths + head[7:] + extra + part)
    return pieces
