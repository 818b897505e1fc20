"""What the sections of one transport stream add up to: services, PID roles, signs of the muxer.

`ServiceInformation.take` gets each distinct section once, in stream order, and returns rows;
`end` returns the rows of the services as they last stood.

References: ISO/IEC 13818-1 section 2.4.4; ETSI EN 300 468 section 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from ..protocol import Anomaly, Event, Row
from . import _mpegts_psi as psi
from ._mpegts_psi import ElementaryStream, ProgramMap, Section, ServiceText

MAX_SECTION_ROWS = 4096
MAX_SERVICES = 2048
MAX_MOVES = 64
"""PIDs that one component is followed through."""
TIME_ROW_EVERY_S = 60

FIXED_PIDS = {0: "PAT", 1: "CAT", 0x10: "NIT", 0x11: "SDT", 0x12: "EIT", 0x14: "TDT", 0x1FFF: "null"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NGINX_PAT_CRC = bytes.fromhex("2e701905")
NGINX_PMT_CRC = bytes.fromhex("2f44b99b")
"""nginx-rtmp writes these as constants; SRS computes the same ones when it sends the same programs."""
FFMPEG_NETWORK_ID = 0xFF01


@dataclass(slots=True)
class Service:
    """One service as far as the sections seen so far describe it."""

    offset: int
    service_id: int
    transport_stream_id: int | None = None
    pmt_pid: int | None = None
    program_map: ProgramMap | None = None
    map_valid: bool = True
    earlier_map: ProgramMap | None = None
    """The last one with a right CRC, kept where a PAT moved the program map."""
    text: ServiceText | None = None
    text_valid: bool = True
    original_network_id: int | None = None

    def row(self, from_orig: bool) -> Row:
        """Return the row of the service as it stands."""
        found, text = self.program_map, self.text
        values = {
            "service_id": self.service_id,
            "pmt_pid": self.pmt_pid,
            "pcr_pid": found.pcr_pid if found else None,
            "service_name": text.service_name if text else None,
            "provider_name": text.provider_name if text else None,
            "service_type": text.service_type if text else None,
            "original_network_id": self.original_network_id,
            "transport_stream_id": self.transport_stream_id,
            "ca_system_ids": list(found.ca_system_ids) if found else None,
            "es_pids": [stream.pid for stream in found.streams] if found else None,
            "es_types": [stream.codec for stream in found.streams] if found else None,
            "languages": list(found.languages) if found else None,
            "free_ca_mode": text.free_ca_mode if text else None,
            "pmt_crc_valid": self.map_valid if found else None,
            "sdt_crc_valid": self.text_valid if text else None,
        }
        return Row("ts_services", from_orig, self.offset, values)


@dataclass(slots=True)
class Line:
    """PIDs that carried one component of a service one after the other."""

    pids: list[int]
    came_back: bool = False
    """True if an earlier one of them was named again: then their times may lie within each other."""


class ServiceInformation:
    """The service information of one transport stream."""

    def __init__(self, from_orig: bool) -> None:
        self.from_orig = from_orig
        self.transport_stream_id: int | None = None
        self.network_name: str | None = None
        self.emm_ca_system_ids: list[int] | None = None
        self.program_count: int | None = None
        self.pmt_pids: dict[int, int] = {}
        """PID of a program map -> first service it belongs to."""
        self.streams: dict[int, tuple[ElementaryStream, int]] = {}
        """PID -> elementary stream as first declared, and its service."""
        self.ca_pids: dict[int, str] = {}
        self.marks: dict[str, None] = {}
        self._pcr_pids: set[int] = set()
        self._lines: dict[tuple[str, int], Line] = {}
        """Component (video, audio, PCR) and PID -> those that it went on in."""
        self._services: dict[tuple[int | None, int | None, int], Service] = {}
        self._rows = 0
        self._time_row_s: int | None = None
        self._pat_valid = False
        self._nginx_pat = False

    @property
    def pcr_pids(self) -> list[int]:
        """Return the PCR PIDs that the program maps name, in order of service."""
        return [service.program_map.pcr_pid for service in self._services.values() if service.program_map]

    def take(self, data: bytes, pid: int, offset: int) -> list[Event]:
        """Return the rows that one distinct section gives."""
        name = psi.TABLE_NAMES.get(data[0])
        if name is None or (pid in self.pmt_pids and data[0] not in psi.PSI_TABLES):
            return []
        section = psi.read_section(data)
        if section is None:
            return [
                Anomaly("MPEGTS_section_too_short", self.from_orig, offset, f"PID {pid}, {name}: {len(data)} bytes")
            ]
        events = self._section_row(section, name, data, pid, offset)
        if section.table_id == psi.PAT:
            self._take_programs(section, data, offset, events)
        elif section.program_map and section.current and pid in self.pmt_pids:
            self._take_map(section, section.program_map, data, pid, offset, events)
        elif section.services and section.current:
            self._take_texts(section, offset, events)
        elif section.network_name is not None and section.table_id == psi.NIT_ACTUAL and section.crc_valid:
            self.network_name = section.network_name
        elif section.table_id == psi.CAT and section.current:
            self.emm_ca_system_ids = sorted({*(self.emm_ca_system_ids or ()), *(system for system, _ in section.ca)})
            self.ca_pids.update(dict.fromkeys((emm for _, emm in section.ca), "EMM"))
        return events

    def end(self) -> list[Event]:
        """Return the rows of all services as they last stood."""
        order = sorted(self._services.values(), key=attrgetter("offset", "service_id"))
        rows: list[Event] = [service.row(self.from_orig) for service in order]
        self._services.clear()
        return rows

    def role_of(self, pid: int) -> str | None:
        """Return the kind of a PID as the sections declare it, or None."""
        if pid in FIXED_PIDS:
            return FIXED_PIDS[pid]
        if pid in self.pmt_pids:
            return "PMT"
        if pid in self.streams:
            return self.streams[pid][0].kind
        return self.ca_pids.get(pid)

    def line_of(self, component: str, pid: int) -> Line | None:
        """Return the PIDs in which a component (video, audio, PCR) was carried, in order; mostly it is one: None."""
        return self._lines.get((component, pid))

    def _section_row(self, section: Section, name: str, data: bytes, pid: int, offset: int) -> list[Event]:
        utc = None
        if section.table_id in (psi.TDT, psi.TOT) and section.utc_s is not None:
            before = self._time_row_s
            if before is not None and 0 <= section.utc_s - before < TIME_ROW_EVERY_S:
                return []
            self._time_row_s = section.utc_s
            utc = (EPOCH + timedelta(seconds=section.utc_s)).isoformat()
        self._rows += 1
        if self._rows > MAX_SECTION_ROWS:
            if self._rows > MAX_SECTION_ROWS + 1:
                return []
            why = f"more than {MAX_SECTION_ROWS} distinct sections; later ones have no row"
            return [Anomaly("MPEGTS_section_limit", self.from_orig, offset, why)]
        values: dict[str, Any] = {
            "pid": pid,
            "table_id": section.table_id,
            "table_name": name,
            "extension_id": section.extension_id,
            "version": section.version,
            "current": section.current,
            "length_bytes": len(data),
            "crc_valid": section.crc_valid,
            "utc_time": utc,
            "section_hex": data.hex(),
        }
        events: list[Event] = [Row("ts_sections", self.from_orig, offset, values)]
        if section.crc_valid is False:
            events.append(Anomaly("MPEGTS_section_crc_wrong", self.from_orig, offset, f"PID {pid}, {name}"))
        return events

    def _service(self, key: tuple[int | None, int | None, int], offset: int, events: list[Event]) -> Service | None:
        service = self._services.get(key)
        if service is None:
            if len(self._services) >= MAX_SERVICES:
                return None
            service = self._services[key] = Service(offset, key[2])
            if len(self._services) == MAX_SERVICES:
                why = f"more than {MAX_SERVICES} services; later ones are not described"
                events.append(Anomaly("MPEGTS_service_limit", self.from_orig, offset, why))
        return service

    def _take_programs(self, section: Section, data: bytes, offset: int, events: list[Event]) -> None:
        valid = bool(section.crc_valid)
        if not section.current or (self._pat_valid and not valid):
            return
        self._pat_valid = valid
        self._nginx_pat = data[-4:] == NGINX_PAT_CRC
        self.transport_stream_id = section.extension_id
        for number, pid in section.programs:
            if number == 0:  # the NIT, which by EN 300 468 has PID 0x10 anyway
                continue
            service = self._service((None, None, number), offset, events)
            if service is None:
                break
            if service.pmt_pid is not None and service.pmt_pid != pid:
                self._renew(service, offset, events)
                service.program_map = None
            service.pmt_pid = pid
            service.transport_stream_id = section.extension_id
            self.pmt_pids.setdefault(pid, number)
        self.program_count = sum(service.pmt_pid is not None for service in self._services.values())

    def _renew(self, service: Service, offset: int, events: list[Event]) -> None:
        """Write the row of a service that is about to change."""
        events.append(service.row(self.from_orig))
        service.offset = offset

    def _take_map(
        self, section: Section, found: ProgramMap, data: bytes, pid: int, offset: int, events: list[Event]
    ) -> None:
        valid = bool(section.crc_valid)
        service = self._service((None, None, found.service_id), offset, events)
        if service is None or (service.program_map and service.map_valid and not valid):
            return
        if service.program_map is None:
            service.offset = offset
        elif service.map_valid and service.program_map != found:
            self._renew(service, offset, events)
        if valid:
            if service.earlier_map is not None:
                self._note_moves(service.earlier_map, found)
            service.earlier_map = found
        service.program_map = found
        service.map_valid = valid
        service.pmt_pid = pid
        self._pcr_pids.add(found.pcr_pid)
        for stream in found.streams:
            self.streams.setdefault(stream.pid, (stream, found.service_id))
        for ecm_pid in found.ecm_pids:
            self.ca_pids.setdefault(ecm_pid, "ECM")
        pids = [stream.pid for stream in found.streams]
        if self._nginx_pat and data[-4:] == NGINX_PMT_CRC:
            self.marks["nginx-rtmp or SRS: CRCs of PAT and PMT"] = None
        elif pid == 0x1001 and pids and set(pids) <= {0x100, 0x101}:
            self.marks["nginx-rtmp or SRS: PID plan 0x1001, 0x100, 0x101"] = None
        elif pid == 0x1000 and found.service_id == 1 and pids and pids == list(range(0x100, 0x100 + len(pids))):
            self.marks["FFmpeg: default PID plan 0x1000, 0x100 and on"] = None

    def _note_moves(self, before: ProgramMap, after: ProgramMap) -> None:
        """Note which PIDs a new program map puts in the place of others."""
        still = {stream.pid for stream in after.streams}
        for component in ("video", "audio"):
            old = next((stream.pid for stream in before.streams if stream.kind == component), None)
            new = next((stream.pid for stream in after.streams if stream.kind == component), None)
            if old is not None and new is not None and old not in still:
                self._note_move(component, old, new, known=new in self.streams)
        if before.pcr_pid != after.pcr_pid:
            self._note_move("PCR", before.pcr_pid, after.pcr_pid, known=after.pcr_pid in self._pcr_pids)

    def _note_move(self, component: str, old: int, new: int, *, known: bool) -> None:
        line = self._lines.setdefault((component, old), Line([old]))
        if new in line.pids:
            line.came_back = True
        elif not known and len(line.pids) < MAX_MOVES:  # one that was known may have carried something all the while
            line.pids.append(new)
            self._lines[component, new] = line

    def _take_texts(self, section: Section, offset: int, events: list[Event]) -> None:
        valid = bool(section.crc_valid)
        onid, tsid = section.original_network_id, section.extension_id
        actual = section.table_id == psi.SDT_ACTUAL
        if actual and onid == FFMPEG_NETWORK_ID:
            self.marks["FFmpeg: default original_network_id 0xff01"] = None
        for text in section.services:
            key = (None, None, text.service_id) if actual else (onid, tsid, text.service_id)
            service = self._service(key, offset, events)
            if service is None:
                break
            if service.text is not None and service.text_valid:
                if not valid:
                    continue
                if service.text != text or service.original_network_id != onid:
                    self._renew(service, offset, events)
            service.text, service.text_valid = text, valid
            service.original_network_id, service.transport_stream_id = onid, tsid
            if actual and text.provider_name == "FFmpeg" and (text.service_name or "").startswith("Service"):
                self.marks["FFmpeg: default service name and provider"] = None
