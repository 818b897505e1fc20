"""Columns of the RTP tables."""

from __future__ import annotations

from ..schema import LAST_FRAME_NO, LAST_NS, Column, message_table

STREAMS = message_table(
    "rtp_streams",
    "source (SSRC) in one direction of a flow: what it sent and what of it did not come",
    (
        Column("ssrc", "int", "Identifier of the source, chosen at random by the sender."),
        Column("payload_type", "int", "Payload type of the first packet (RFC 3551)."),
        Column("encoding", "text", "Name of a static payload type; null for dynamic ones, which only SDP explains."),
        Column("payload_types", "int[]", "All payload types of the source in the order of first use."),
        Column("packets", "int", "RTP packets captured, late and doubled ones included."),
        Column("payload_bytes", "int", "Bytes of their payloads."),
        Column("lost_packets", "int", "RTP packets missing by their sequence numbers, on the way or in the capture."),
        Column("late_packets", "int", "RTP packets that came twice, or too late to be put in order."),
        Column("sequence_jumps", "int", "Times the sequence numbers began anew elsewhere."),
        Column("first_sequence", "int", "Sequence number of the first RTP packet."),
        Column("last_sequence", "int", "Sequence number of the last RTP packet in order."),
        Column("first_rtp_timestamp", "int", "RTP timestamp of the first RTP packet."),
        Column("last_rtp_timestamp", "int", "RTP timestamp of the last RTP packet in order."),
        Column("media_s", "float", "Seconds of media by the stream's own clock; null where the clock is not known."),
        Column(
            "payload_offset",
            "int",
            "Stream offset at which the transport stream in the payloads begins; null if there is none.",
        ),
        LAST_NS,
        LAST_FRAME_NO,
    ),
)

REPORTS = message_table(
    "rtcp",
    "RTCP datagram: what senders and receivers of RTP report",
    (
        Column("ssrc", "int", "Identifier of the source that reports."),
        Column("report_types", "text[]", "Kinds of report in the datagram: SR, RR, SDES, BYE, APP, ..., in its order."),
        Column("sender_ns", "time_ns", "Clock of the sender when it reported; its own, true or not."),
        Column("rtp_timestamp", "int", "RTP timestamp that belongs to that moment."),
        Column("sender_packets", "int", "RTP packets sent so far, as the sender says."),
        Column("sender_bytes", "int", "Payload bytes sent so far, as the sender says."),
        Column("cname", "text", "Canonical name of the source, often user@host (SDES)."),
        Column("source_name", "text", "Name of the source (SDES NAME)."),
        Column("tool", "text", "Software of the source, as it claims (SDES TOOL)."),
        Column("reports", "text[]", "Per source heard: `ssrc fraction-lost packets-lost highest-sequence jitter`."),
    ),
)
