"""What the transport streams of a session say of themselves, to its channel, seconds and encryption.

ISO/IEC 13818-1 sections 2.4.3.3 (transport_scrambling_control), 2.6.16 (CA descriptor) and Annex A (CRC). Packets are
scrambled if they are marked so; the system is the one that the program map announces. A section whose CRC is wrong
names nothing: receivers drop it.

**Known limitations**: packets that are scrambled and not marked so look damaged. Which control words open the media
is not asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from .model import DURATIONS_UNKNOWN, Draft, distinct
from .names import service_name
from .records import Service, TransportStream

SCRAMBLING = "MPEG-TS scrambling"
IN_PART = f"{SCRAMBLING} of a part"
CLEAR_PTS = "PTS in clear"
"""What the parser calls the clock of a stream whose scrambled packets may hold more time than could be seen."""


def note_streams(draft: Draft, streams: Sequence[TransportStream], services: Sequence[Service]) -> None:
    """Fill in the channel and the encryption that the transport streams of a session name."""
    session = draft.session
    named = [service for service in services if service.sdt_crc_valid is not False]
    session.channel = service_name(named)
    if session.channel is None and not any(service.service_name for service in named):
        _cite_damaged(draft, services)
    closed = [stream for stream in streams if stream.scrambled_packets]
    if not closed:
        return
    # Where headers of PES packets could be read, some of the media came in clear.
    open_too = any(stream.pts_first is not None or not stream.scrambled_packets for stream in streams)
    mapped = [service for service in services if service.pmt_crc_valid is not False]
    systems = ", ".join(f"{system:#06x}" for system in ca_systems(mapped))
    session.encryption = (IN_PART if open_too else SCRAMBLING) + (f" (CA {systems})" if systems else "")
    count = sum(stream.scrambled_packets or 0 for stream in closed)
    packets = sum(stream.packets or 0 for stream in streams)
    announced = (
        f"the program map announces CA system {systems}"
        if systems
        else "no intact announcement of a CA system was seen"
    )
    first = closed[0]
    shows = f"{count} of {packets} transport packets are marked as scrambled; {announced}."
    draft.cite(first.flow_id, first.from_orig, first.frame_no, first.stream_offset, None, shows)


def _cite_damaged(draft: Draft, services: Sequence[Service]) -> None:
    """Cite the name that stands in a section with a wrong CRC, where no other names the channel."""
    named = next((one for one in services if one.sdt_crc_valid is False and service_name([one])), None)
    if named is not None:
        shows = f'A section names the service "{named.service_name}", but its CRC is wrong: not taken for the channel.'
        draft.cite(named.flow_id, named.from_orig, named.frame_no, named.stream_offset, None, shows)


def note_seconds(draft: Draft, streams: Sequence[TransportStream | None]) -> None:
    """Fill in the seconds by the clocks of transport streams, which must not repeat each other."""
    clocks = [stream for stream in streams if stream is not None and stream.media_s is not None]
    if clocks:
        draft.session.media_seconds = sum(stream.media_s or 0.0 for stream in clocks)
        draft.session.media_seconds_basis = " and ".join(distinct(stream.media_s_basis for stream in clocks)) or None
    for stream in streams:
        unseen = stream is not None and stream.scrambled_packets and stream.media_s is None
        if unseen or (stream is not None and stream.media_s_basis == CLEAR_PTS):
            draft.faults.add(DURATIONS_UNKNOWN)


def ca_systems(services: Sequence[Service]) -> list[int]:
    """Return the CA systems that the program maps announce."""
    return sorted({system for service in services for system in service.ca_system_ids or ()})
