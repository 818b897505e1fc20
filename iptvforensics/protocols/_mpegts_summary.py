"""The rows that a transport stream gives when it ends: the stream, its PIDs, its services."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ..kernel import Pinned
from ..protocol import Anomaly, At, Event, Row
from . import _mpegts_kernel as K
from ._mpegts_arrays import first_arrays
from ._mpegts_services import ServiceInformation

PCR_HZ = 27_000_000
PTS_HZ = 90_000

Slot = list[int]
"""The numbers of one PID, as `_mpegts_kernel` names them."""
Slots = dict[int, Slot]
"""Slots by PID, in the order in which the PIDs came."""


class Grid:
    """The packets of one stream: where they lie, and the arrays of the loops over them."""

    def __init__(self, first_packet: int, stride: int) -> None:
        self.first_packet = first_packet
        self.stride = stride
        self.packet_bytes = stride
        self.sync_losses = 0
        self.missing_bytes = 0
        self.skipped_bytes = 0
        self.arrays = first_arrays()
        """Table, state, directory and store as the loops take them."""
        _, state, directory, store = self.arrays
        self.state, self.directory, self.store = state.array, directory.array, store.array
        self.state[K.STRIDE] = stride
        self.state[K.LAST_PACKET] = first_packet

    def grow(self, *, state: Any = None, directory: Any = None, store: Any = None) -> None:
        """Put larger arrays in the place of some."""
        self.state = self.state if state is None else state
        self.directory = self.directory if directory is None else directory
        self.store = self.store if store is None else store
        self.arrays = (self.arrays[0], Pinned(self.state), Pinned(self.directory), Pinned(self.store))

    def first_offsets(self, first: int, end: int) -> list[int]:
        """Return where some PIDs were seen first, by slot number."""
        at = K.SLOT0 + K.FIRST_OFFSET
        numbers: list[int] = self.state[at + first * K.SLOT_WIDTH : at + end * K.SLOT_WIDTH : K.SLOT_WIDTH].tolist()
        return numbers

    def entries(self, first: int, end: int) -> list[list[int]]:
        """Return some entries of the directory."""
        part = self.directory[first * K.ENTRY_WIDTH : end * K.ENTRY_WIDTH]
        numbers: list[list[int]] = part.reshape(-1, K.ENTRY_WIDTH).tolist()
        return numbers

    @property
    def last_byte(self) -> int:
        """Return the stream offset of the last byte of the last whole packet."""
        return int(self.state[K.LAST_PACKET]) + K.PACKET - 1


def summary(grid: Grid, information: ServiceInformation, from_orig: bool) -> list[Event]:
    """Return the closing rows and anomalies of a stream."""
    head = grid.state[: K.HEADS].tolist()
    used = K.SLOT0 + head[K.SLOTS] * K.SLOT_WIDTH
    slots: Slots = {slot[K.PID]: slot for slot in grid.state[K.SLOT0 : used].reshape(-1, K.SLOT_WIDTH).tolist()}
    last_byte = At(from_orig, head[K.LAST_PACKET] + K.PACKET - 1)
    clock = _clock_slot(slots, information)
    timed = _timed_slot(slots, information)
    media_s, basis = _media_s(timed, clock, slots, information)
    values: dict[str, Any] = {
        "packet_bytes": grid.packet_bytes,
        "packets": head[K.PACKETS],
        "null_packets": head[K.NULLS],
        "scrambled_packets": head[K.SCRAMBLED],
        "transport_errors": head[K.TRANSPORT_ERRORS],
        "continuity_errors": head[K.CONTINUITY_ERRORS],
        "sync_byte_errors": head[K.SYNC_BYTE_ERRORS],
        "sync_losses": grid.sync_losses,
        "missing_bytes": grid.missing_bytes,
        "skipped_bytes": grid.skipped_bytes,
        "transport_stream_id": information.transport_stream_id,
        "network_name": information.network_name,
        "service_count": information.program_count,
        "emm_ca_system_ids": information.emm_ca_system_ids,
        "pcr_first": clock[K.PCR_FIRST] if clock else None,
        "pcr_last": clock[K.PCR_LAST] if clock else None,
        "pts_first": timed[K.PTS_FIRST] if timed else None,
        "pts_last": timed[K.PTS_LAST] if timed else None,
        "media_s": media_s,
        "media_s_basis": basis,
        "bitrate_bps": _bitrate(clock, grid.packet_bytes),
        "muxer_marks": list(information.marks),
        "last_frame_no": last_byte,
        "last_ns": last_byte,
    }
    events: list[Event] = [
        Anomaly(name, from_orig, grid.first_packet, why, head[field]) for name, field, why in _COUNTED if head[field]
    ]
    events.append(Row("transport_streams", from_orig, grid.first_packet, values))
    events += information.end()
    events += [_pid_row(slot, information, from_orig) for slot in slots.values()]
    return events


_COUNTED = (
    ("MPEGTS_continuity_error", K.CONTINUITY_ERRORS, "steps of continuity counters"),
    ("MPEGTS_transport_error", K.TRANSPORT_ERRORS, "packets marked as damaged by their sender"),
    ("MPEGTS_sync_byte_wrong", K.SYNC_BYTE_ERRORS, "packets passed over"),
    ("MPEGTS_pid_limit", K.OVERFLOW, f"packets of PIDs beyond the first {K.MAX_SLOTS}"),
    ("MPEGTS_sections_dropped", K.SECTIONS_DROPPED, "sections beyond the limits"),
    ("MPEGTS_section_malformed", K.BAD_SECTIONS, "sections with impossible lengths"),
    ("MPEGTS_adaptation_field_too_long", K.BAD_ADAPTATION, "packets without payload for that reason"),
)
"""Anomalies that the loops count: name, field of the state, what was counted."""


def _clock_slot(slots: Slots, information: ServiceInformation) -> Slot | None:
    """Return the slot of the first PCR PID with a PCR that the program maps name, else of any PID that has one."""
    for pid in information.pcr_pids:
        if pid in slots and slots[pid][K.PCR_COUNT]:
            return slots[pid]
    return next((slot for slot in slots.values() if slot[K.PCR_COUNT]), None)


def _timed_slot(slots: Slots, information: ServiceInformation) -> Slot | None:
    """Return the slot of the first video PID with a PTS, else audio; declared PIDs come first."""
    timed = {pid: slot for pid, slot in slots.items() if slot[K.PTS_COUNT]}
    for kind in ("video", "audio"):
        for pid, (stream, _) in information.streams.items():
            if stream.kind == kind and pid in timed:
                return timed[pid]
        for pid, slot in timed.items():
            if information.role_of(pid) is None and _kind_of_stream_id(slot[K.STREAM_ID]) == kind:
                return slot
    return None


def _kind_of_stream_id(stream_id: int) -> str | None:
    """Return what a PES stream_id says (ISO/IEC 13818-1 table 2-22)."""
    if 0xE0 <= stream_id <= 0xEF:
        return "video"
    return "audio" if 0xC0 <= stream_id <= 0xDF else None


def _media_s(
    timed: Slot | None, clock: Slot | None, slots: Slots, information: ServiceInformation
) -> tuple[float | None, str | None]:
    """Return the seconds and the clock that they are by; a PTS within a scrambled packet is not seen, a PCR always."""
    by_pcr = 0.0
    if clock:
        clocks, came_back = _line(slots, information, "PCR", clock, K.PCR_COUNT)
        spans = [slot[K.PCR_SPAN] for slot in clocks]
        by_pcr = (max(spans) if came_back else sum(spans)) / PCR_HZ
    if not timed:
        return (by_pcr, "PCR") if clock else (None, None)
    declared, _ = information.streams.get(timed[K.PID], (None, None))
    kind = declared.kind if declared else ""
    parts, came_back = _line(slots, information, kind, timed, K.PTS_COUNT)
    ticks = sum(slot[K.PTS_SPAN] for slot in parts)
    ticks += _covered(parts) if came_back else sum(slot[K.PTS_MAX] - slot[K.PTS_MIN] for slot in parts)
    by_pts = ticks / PTS_HZ
    if not any(slot[K.N_SCRAMBLED] for slot in parts):
        return by_pts, "PTS"
    if not clock:
        return by_pts, "PTS in clear"
    return (by_pcr, "PCR") if by_pcr > by_pts else (by_pts, "PTS")


def _line(
    slots: Slots, information: ServiceInformation, component: str, one: Slot, count: int
) -> tuple[list[Slot], bool]:
    """Return the slots with a count in which a component went on, and whether it came back to one of them.

    A program map that is sent again as it was is not read again: then a clock that goes on shows the return.
    """
    line = information.line_of(component, one[K.PID])
    if line is None:
        return [one], False
    parts = [slots[pid] for pid in line.pids if pid in slots and slots[pid][count]]
    goes_on = any(slot[K.PCR_OFFSET] > after[K.FIRST_OFFSET] for slot, after in pairwise(parts))
    return parts, line.came_back or goes_on


def _covered(parts: list[Slot]) -> int:
    """Return the ticks of the time line that the last stretches of some PIDs cover together."""
    total, reached = 0, -K.PTS_MODULUS
    for first, last in sorted((slot[K.PTS_MIN], slot[K.PTS_MAX]) for slot in parts):
        total += max(0, last - max(first, reached))
        reached = max(reached, last)
    return total


def _bitrate(clock: Slot | None, stride: int) -> float | None:
    if not clock or not clock[K.PCR_SPAN]:
        return None
    return clock[K.PCR_BYTES] * K.PACKET / stride * 8 * PCR_HZ / clock[K.PCR_SPAN]


def _pid_row(slot: Slot, information: ServiceInformation, from_orig: bool) -> Row:
    pid, pcr_count, pts_count, dts_count = slot[K.PID], slot[K.PCR_COUNT], slot[K.PTS_COUNT], slot[K.DTS_COUNT]
    stream, service_id = information.streams.get(pid, (None, information.pmt_pids.get(pid)))
    kind = information.role_of(pid) or _kind_of_stream_id(slot[K.STREAM_ID])
    values: dict[str, Any] = {
        "pid": pid,
        "kind": kind or ("PCR" if pcr_count and not slot[K.PAYLOAD_BYTES] else "unknown"),
        "stream_type": stream.stream_type if stream else None,
        "codec": stream.codec if stream else None,
        "service_id": service_id,
        "packets": slot[K.N_PACKETS],
        "payload_bytes": slot[K.PAYLOAD_BYTES],
        "scrambled_packets": slot[K.N_SCRAMBLED],
        "continuity_errors": slot[K.N_CC_ERRORS],
        "pcr_count": pcr_count,
        "pcr_first": slot[K.PCR_FIRST] if pcr_count else None,
        "pcr_last": slot[K.PCR_LAST] if pcr_count else None,
        "pcr_jumps": slot[K.PCR_JUMPS],
        "pts_count": pts_count,
        "pts_first": slot[K.PTS_FIRST] if pts_count else None,
        "pts_last": slot[K.PTS_LAST] if pts_count else None,
        "pts_wraps": slot[K.PTS_WRAPS],
        "pts_jumps": slot[K.PTS_JUMPS],
        "dts_first": slot[K.DTS_FIRST] if dts_count else None,
        "dts_last": slot[K.DTS_LAST] if dts_count else None,
        "discontinuities": slot[K.DISCONTINUITIES],
    }
    return Row("ts_pids", from_orig, slot[K.FIRST_OFFSET], values)
