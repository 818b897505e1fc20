"""Transport streams that no HTTP body holds to udp-ts, rtp-ts and tcp-ts sessions.

ISO/IEC 13818-1 in UDP datagrams, in RTP, or straight on TCP. One direction of a flow is one session, in RTP one
source of it. The receiver of a unicast stream is its client; who receives a multicast group the stream itself
does not say.

**Known limitations**: in UDP without RTP, datagrams that came twice or in another order are taken for gaps; neither the
beginning nor the end of such a stream shows, so that `complete` says only that nothing is missing between. A sender of
RTP that starts anew under another identifier begins another session. A TCP flow whose beginning was not captured and
that holds nothing but a transport stream may have been HTTP: its delivery is given as tcp-ts.
"""

from __future__ import annotations

from ipaddress import ip_address

from .fetches import Fetches
from .model import GAPS, OPEN_AT_END, STARTS_BEFORE, Draft, Session
from .records import Flow, RtpStream, Service, TransportStream
from .transport import note_seconds, note_streams

_PACKET_BYTES = 188


def datagram_sessions(fetches: Fetches) -> list[Draft]:
    """Return the sessions of transport streams that lie directly in a flow, or in RTP."""
    drafts = []
    for stream, services in fetches.bare_streams:
        flow = fetches.flows.get(stream.flow_id)
        if flow is None or not stream.packets or flow.transport not in ("udp", "tcp"):
            continue
        at = stream.object_offset
        source = None if at is None else fetches.rtp_streams.get((stream.flow_id, stream.from_orig, at))
        drafts.append(_draft(stream, services, flow, source))
    return drafts


def _is_group(text: str) -> bool:
    try:
        return ip_address(text).is_multicast
    except ValueError:
        return False


def _draft(stream: TransportStream, services: list[Service], flow: Flow, rtp: RtpStream | None) -> Draft:
    orig, resp = (flow.orig_ip, flow.orig_port), (flow.resp_ip, flow.resp_port)
    source, target = (orig, resp) if stream.from_orig else (resp, orig)
    is_group = _is_group(target[0])
    carrier = flow.transport if rtp is None else "rtp"
    session = Session(delivery=f"{carrier}-ts", client_ip=None if is_group else target[0])
    if flow.transport == "udp":
        host = f"[{target[0]}]" if ":" in target[0] else target[0]
        session.stream = f"{carrier}://{host}:{target[1]}"
        session.kind, session.kind_basis = "live", "sent as datagrams"
    session.edge_ip, session.edge_port = source
    session.start_ns, session.first_frame = stream.ts_ns, stream.frame_no
    session.end_ns = max(stream.last_ns or 0, stream.ts_ns)
    session.last_frame = max(stream.last_frame_no or 0, stream.frame_no)
    session.bytes = (stream.packets or 0) * (stream.packet_bytes or _PACKET_BYTES)
    # Datagrams have no numbers: broken counters show that some are missing, or came twice or in another order.
    is_uncounted = carrier == "udp" and bool(stream.continuity_errors)
    session.missing_bytes = None if is_uncounted else stream.missing_bytes
    session.media_objects = 1
    session.flow_ids = [flow.flow_id]
    draft = Draft(session, flow.flow_id)
    note_streams(draft, [stream], services)
    note_seconds(draft, [stream])
    if (
        stream.missing_bytes is None
        or stream.missing_bytes > 0
        or (flow.transport == "udp" and stream.continuity_errors)
        or (rtp is not None and (rtp.lost_packets or rtp.sequence_jumps))
    ):
        draft.faults.add(GAPS)
    if flow.starts_midstream:
        draft.faults.add(STARTS_BEFORE)
    if flow.transport == "tcp" and flow.closed_by() is None:
        draft.faults.add(OPEN_AT_END)
    receiver = f"the group {target[0]}" if is_group else target[0]
    shows = f"First packet of a transport stream of {stream.packets} packets from {source[0]} to {receiver}."
    if rtp is not None:
        shows = f"First RTP packet of source {rtp.ssrc:#010x} from {source[0]} to {receiver}, {rtp.packets} in all."
        draft.cite(rtp.flow_id, rtp.from_orig, rtp.frame_no, rtp.stream_offset, None, shows)
        shows = f"First packet of the transport stream of {stream.packets} packets in it."
    draft.cite(stream.flow_id, stream.from_orig, stream.frame_no, stream.stream_offset, stream.packet_bytes, shows)
    return draft
