"""The tables that transport streams fill."""

from __future__ import annotations

from ..schema import OBJECT_OFFSET, Column, message_table

TRANSPORT_STREAMS = message_table(
    "transport_streams",
    "transport stream: the body or the direction of a flow that carried it, written when it ends",
    (
        OBJECT_OFFSET,
        Column("packet_bytes", "int", "Distance of transport packets: 188, 192 (with time code) or 204 (with parity)."),
        Column("packets", "int", "Transport packets seen whole."),
        Column("null_packets", "int", "Stuffing packets (PID 0x1FFF)."),
        Column("scrambled_packets", "int", "Packets whose transport_scrambling_control is not zero."),
        Column("transport_errors", "int", "Packets with the transport_error_indicator set; not looked into."),
        Column("continuity_errors", "int", "Steps of continuity counters that are not explained by the capture."),
        Column("sync_byte_errors", "int", "Packets passed over because only their sync byte was wrong."),
        Column("sync_losses", "int", "Times that the packet grid was lost and searched again."),
        Column("missing_bytes", "int", "Bytes of the stream that were not captured, as far as their number is known."),
        Column("skipped_bytes", "int", "Captured bytes that belong to no whole transport packet."),
        Column("transport_stream_id", "int", "transport_stream_id of the last PAT; null if none was seen."),
        Column("network_name", "text", "network_name of the NIT for the actual network."),
        Column("service_count", "int", "Programs that the PATs name, whether or not they are carried."),
        Column("emm_ca_system_ids", "int[]", "CA system ids of the CAT: systems whose rights messages are announced."),
        Column("pcr_first", "int", "First program clock reference, in ticks of 27 MHz."),
        Column("pcr_last", "int", "Last program clock reference of the same PID, in ticks of 27 MHz."),
        Column(
            "pts_first", "int", "First PTS of the first video PID (else audio) in stream order, in ticks of 90 kHz."
        ),
        Column("pts_last", "int", "Last PTS of the same PID in stream order, in ticks of 90 kHz."),
        Column(
            "media_s",
            "float",
            "Time from the lowest to the highest PTS of that PID, wraps undone, breaks not counted, and of those that "
            "later program maps put in its place; by the PCR where there is no PTS, or where packets of that PID are "
            "scrambled and the PCR, which never is, covers more.",
        ),
        Column(
            "media_s_basis",
            "text",
            "PTS, PCR, or `PTS in clear`: packets of that PID are scrambled, and no PCR tells how long they last.",
        ),
        Column("bitrate_bps", "float", "Rate of 188-byte packets by the PCR, missing bytes included."),
        Column("muxer_marks", "text[]", "Signs of the software that wrote the stream; they show its use, not by whom."),
        Column("last_frame_no", "frame", "Frame that holds the end of the last whole transport packet."),
        Column("last_ns", "time_ns", "Capture time of that frame."),
    ),
)

TS_SERVICES = message_table(
    "ts_services",
    "service (program) in a transport stream, and again when its PMT or SDT entry changed",
    (
        OBJECT_OFFSET,
        Column("service_id", "int", "service_id of the SDT, program_number of PAT and PMT."),
        Column("pmt_pid", "int", "PID of the program map; null for services of other transport streams."),
        Column("pcr_pid", "int", "PID that carries the program clock."),
        Column("service_name", "text", "Service name of the SDT; `hex:` and raw bytes if it cannot be decoded."),
        Column("provider_name", "text", "Provider name of the SDT; `hex:` and raw bytes if it cannot be decoded."),
        Column("service_type", "int", "service_type of the SDT (1 digital television, 2 radio, 25 HD television)."),
        Column("original_network_id", "int", "original_network_id of the SDT: the network that made the stream."),
        Column("transport_stream_id", "int", "transport_stream_id of the SDT, else of the PAT."),
        Column("ca_system_ids", "int[]", "CA system ids of the PMT: systems that the program was scrambled with."),
        Column("es_pids", "int[]", "PIDs of the elementary streams, in the order of the PMT."),
        Column("es_types", "text[]", "Codec or kind of each elementary stream, in the same order."),
        Column("languages", "text[]", "Languages that the PMT names, as sent, each once."),
        Column("free_ca_mode", "bool", "True if the SDT says that a component is scrambled."),
        Column("pmt_crc_valid", "bool", "False if the program map has a wrong CRC; null if none was seen."),
        Column("sdt_crc_valid", "bool", "False if the SDT section has a wrong CRC; null if none names the service."),
    ),
)

TS_PIDS = message_table(
    "ts_pids",
    "PID of a transport stream, written when the stream ends",
    (
        OBJECT_OFFSET,
        Column("pid", "int", "Packet identifier."),
        Column(
            "kind",
            "text",
            "PAT, CAT, PMT, NIT, SDT, EIT, TDT, ECM, EMM, null, video, audio, subtitle, data, scte35, PCR or unknown.",
        ),
        Column(
            "stream_type",
            "int",
            "stream_type of the first PMT that names this PID as elementary stream; null if none does.",
        ),
        Column("codec", "text", "Codec as first declared, by stream type and descriptors; ts_services has later ones."),
        Column("service_id", "int", "First service whose PMT names this PID."),
        Column("packets", "int", "Transport packets with this PID."),
        Column("payload_bytes", "int", "Payload bytes of these packets, repeated packets left out."),
        Column("scrambled_packets", "int", "Packets whose transport_scrambling_control is not zero."),
        Column("continuity_errors", "int", "Steps of the continuity counter not explained by the capture."),
        Column("pcr_count", "int", "Program clock references."),
        Column("pcr_first", "int", "First program clock reference, in ticks of 27 MHz."),
        Column("pcr_last", "int", "Last program clock reference, in ticks of 27 MHz."),
        Column("pcr_jumps", "int", "Unannounced steps of the PCR backwards or by more than 10 seconds."),
        Column("pts_count", "int", "PES headers with a PTS."),
        Column("pts_first", "int", "First PTS in stream order, in ticks of 90 kHz."),
        Column("pts_last", "int", "Last PTS in stream order, in ticks of 90 kHz."),
        Column("pts_wraps", "int", "Times that the PTS ran over 2**33."),
        Column("pts_jumps", "int", "Unannounced steps of the PTS by more than 10 seconds, or back by more than 2."),
        Column("dts_first", "int", "First DTS (the PTS where no DTS is sent), in ticks of 90 kHz."),
        Column("dts_last", "int", "Last DTS (the PTS where no DTS is sent), in ticks of 90 kHz."),
        Column("discontinuities", "int", "Packets with the discontinuity_indicator set."),
    ),
)

TS_SECTIONS = message_table(
    "ts_sections",
    "distinct section of PAT, CAT, PMT, NIT, SDT, BAT, TDT or TOT in a transport stream, where it stood first",
    (
        OBJECT_OFFSET,
        Column("pid", "int", "PID that carried the section."),
        Column("table_id", "int", "table_id, the first byte."),
        Column("table_name", "text", "Name of the table."),
        Column("extension_id", "int", "table_id_extension: transport stream, service, network or bouquet."),
        Column("version", "int", "version_number."),
        Column("current", "bool", "current_next_indicator: False if the section is announced for later."),
        Column("length_bytes", "int", "Length of the whole section."),
        Column("crc_valid", "bool", "True if the CRC-32 is right; null for a TDT, which has none."),
        Column("utc_time", "text", "TDT and TOT: the time sent, ISO 8601, UTC. One row per minute of sent time."),
        Column("section_hex", "text", "The whole section in hexadecimal."),
    ),
)

TABLES = (TRANSPORT_STREAMS, TS_SERVICES, TS_PIDS, TS_SECTIONS)
