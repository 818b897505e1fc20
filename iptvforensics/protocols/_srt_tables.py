"""Columns of the SRT tables."""

from __future__ import annotations

from ..schema import LAST_FRAME_NO, LAST_NS, Column, message_table

CONNECTIONS = message_table(
    "srt",
    "SRT connection: what caller and listener said of themselves when it began, and how it ended",
    (
        Column("caller_socket", "int", "Identifier that the caller gave the connection; null if it was not seen."),
        Column("listener_socket", "int", "Identifier that the listener gave the connection; null if it was not seen."),
        Column("mode", "text", "caller-listener or rendezvous; null if no handshake was captured."),
        Column("is_agreed", "bool", "True if both sides concluded the handshake, or data followed it."),
        Column("rejection", "text", "Code and reason with which the connection was refused; null if it was not."),
        Column("stream_id", "text", "Stream identifier as the caller sent it, in clear whatever is encrypted."),
        Column("resource", "text", "Stream that the identifier names (`r=` or the path), as claimed."),
        Column("access_mode", "text", "What the caller wants: request, publish or bidirectional, as claimed."),
        Column("username", "text", "User that the identifier names, as claimed."),
        Column("password", "text", "Password that the identifier holds."),
        Column("host_claimed", "text", "Host that the identifier names, as claimed."),
        Column("resource_type", "text", "Kind of stream that the identifier names: stream, file or auth, as claimed."),
        Column("caller_library", "text", "Version of the caller's SRT library, as it says."),
        Column("listener_library", "text", "Version of the listener's SRT library, as it says."),
        Column("caller_flags", "text[]", "Capabilities that the caller offers."),
        Column("latency_ms", "int", "Longest delay that a handshake asks for, which both then keep, in milliseconds."),
        Column("cipher", "text", "Cipher that the key material names; null if no keys were exchanged."),
        Column("key_bits", "int", "Length of the key, as handshake or key material says; null if none is named."),
        Column("congestion_control", "text", "Congestion control that was asked for; null for the usual one."),
        Column("packet_filter", "text", "Packet filter that was asked for, as forward error correction."),
        Column(
            "bonding_group",
            "int",
            "Group of connections to which this one belongs, by the number of the caller, else of the listener.",
        ),
        Column(
            "caller_sees_ip", "text", "Address field of the caller's handshake: in libsrt, the address that it dials."
        ),
        Column(
            "listener_sees_ip",
            "text",
            "Address field of the listener's handshake: in libsrt, the caller's address as the listener sees it.",
        ),
        Column("mtu", "int", "Largest packet that the caller accepts, in bytes."),
        Column("closed_by", "text", "Who ended it with a shutdown first: caller or listener; null if nobody did."),
        Column("response_frame_no", "frame", "Frame of the listener's conclusion; null if none was captured."),
        LAST_NS,
        LAST_FRAME_NO,
    ),
    endpoints=True,
)

STREAMS = message_table(
    "srt_streams",
    "direction of an SRT connection in which data went: what was sent, sent again, and did not come",
    (
        Column("destination_socket", "int", "Identifier of the connection at the receiver, which the packets carry."),
        Column("is_from_caller", "bool", "True if the caller sent it; null if it is not known who called."),
        Column("stream_id", "text", "Stream identifier of the connection."),
        Column("packets", "int", "Data packets captured, copies included."),
        Column(
            "repair_packets", "int", "Packets of a packet filter among them (message number 0): they carry no media."
        ),
        Column("payload_bytes", "int", "Bytes of their payloads, each sequence number counted once."),
        Column("resent_packets", "int", "Data packets marked as sent again."),
        Column("copied_packets", "int", "Data packets that came again, or too late to be put in order."),
        Column("lost_packets", "int", "Data packets missing by their sequence numbers, on the way or in the capture."),
        Column("reported_losses", "int", "Data packets that the receiver reported as missing, repeats included."),
        Column("dropped_packets", "int", "Data packets that the sender gave up, as it says."),
        Column("acknowledgements", "int", "Acknowledgements that the receiver sent."),
        Column("round_trip_us", "int", "Round trip as the receiver's last full acknowledgement says, in microseconds."),
        Column("is_encrypted", "bool", "True if payloads were encrypted: then nothing in them was read."),
        Column("first_sequence", "int", "Sequence number of the first data packet."),
        Column("last_sequence", "int", "Sequence number of the last data packet in order."),
        Column("sequence_jumps", "int", "Times the sequence numbers began anew elsewhere."),
        Column("payload_offset", "int", "Stream offset at which the first payload that was read begins; null if none."),
        LAST_NS,
        LAST_FRAME_NO,
    ),
    endpoints=True,
)
