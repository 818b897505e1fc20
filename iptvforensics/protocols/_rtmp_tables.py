"""The tables that RTMP fills."""

from __future__ import annotations

from ..schema import Column, message_table

RTMP = message_table(
    "rtmp",
    "handshake end, command, data message or noteworthy protocol control message of RTMP",
    (
        Column("kind", "text", "What the row is: handshake, command, data or control."),
        Column("command", "text", "Name of the command or control message; of a data message its first text."),
        Column("transaction_id", "float", "Transaction id of the command, which its reply repeats."),
        Column("message_stream_id", "int", "Message stream that the message belongs to; null if not known."),
        Column("chunk_stream_id", "int", "Chunk stream that carried the message."),
        Column(
            "timestamp_ms", "int", "RTMP timestamp of the message, in milliseconds modulo 2**32; null if not known."
        ),
        Column("app", "text", "Application named by connect; on publish and play rows that of the connection."),
        Column("tc_url", "text", "Server URL as the client was given it (tcUrl of connect); likewise repeated."),
        Column("stream_name", "text", "Stream name or key as sent, query included (publish, play and their kin)."),
        Column("publish_type", "text", "Type given to publish: live, record or append."),
        Column(
            "play_start",
            "float",
            "Start given to play, as sent: in seconds, by some players in milliseconds.",
        ),
        Column("flash_ver", "text", "Program that the client claims to be (flashVer of connect)."),
        Column("swf_url", "text", "URL of the player that the client claims (swfUrl of connect)."),
        Column("page_url", "text", "URL of the page that the client claims (pageUrl of connect)."),
        Column("object_encoding", "float", "AMF version asked for or granted (objectEncoding)."),
        Column("status_code", "text", "Code of the information object of a reply or onStatus."),
        Column("status_description", "text", "Description of the information object of a reply or onStatus."),
        Column("fms_ver", "text", "Program that the server claims to be (fmsVer of the reply to connect)."),
        Column("encoder", "text", "Program that made or passed on the media (encoder or server in onMetaData)."),
        Column("handshake", "text", "Form of the handshake: simple, complex, complex-unverified or encrypted."),
        Column("peer_version", "text", "The four version bytes in the handshake of this side, as dotted numbers."),
        Column("redirect_url", "text", "Other server that the client is told to use."),
        Column("arguments", "text", "JSON list of the decoded arguments after name and transaction id."),
    ),
    endpoints=True,
)

RTMP_MEDIA = message_table(
    "rtmp_media",
    "span in which one side published or played on one message stream of an RTMP connection",
    (
        Column("role", "text", "publish (client sends), play (server sends) or unknown."),
        Column("app", "text", "Application named by connect; on publish and play rows that of the connection."),
        Column("tc_url", "text", "Server URL as the client was given it (tcUrl of connect); likewise repeated."),
        Column("stream_name", "text", "Stream name or key as sent, query included (publish, play and their kin)."),
        Column("message_stream_id", "int", "Message stream that the message belongs to; null if not known."),
        Column("audio_messages", "int", "Whole audio messages, decoder configurations included."),
        Column("video_messages", "int", "Whole video messages, decoder configurations included."),
        Column("data_messages", "int", "Whole data messages (metadata, cue points)."),
        Column("audio_bytes", "int", "Captured payload bytes of the audio messages."),
        Column("video_bytes", "int", "Captured payload bytes of the video messages."),
        Column("key_frames", "int", "Video messages that are marked as key frames and carry a coded picture."),
        Column(
            "first_timestamp_ms", "int", "RTMP timestamp of the first coded audio or video message; null if not known."
        ),
        Column(
            "last_timestamp_ms",
            "int",
            "RTMP timestamp of the last coded audio or video message; null if not known: bytes were lost before it.",
        ),
        Column(
            "media_s", "float", "Media time covered by the timestamps, steps of seeks and of over ten seconds left out."
        ),
        Column("video_codec", "text", "Codec of the video messages, by four-character code where there is one."),
        Column("audio_codec", "text", "Codec of the audio messages, by four-character code where there is one."),
        Column("width", "int", "Picture width that onMetaData states."),
        Column("height", "int", "Picture height that onMetaData states."),
        Column("frame_rate", "float", "Pictures per second that onMetaData states."),
        Column("encoder", "text", "Program that made or passed on the media (encoder or server in onMetaData)."),
        Column("last_frame_no", "frame", "Frame that holds the last byte of the last audio or video message."),
        Column("last_ns", "time_ns", "Capture time of that frame."),
        Column("missing_bytes", "int", "Bytes of this direction that were not captured while the span lasted."),
        Column("video_config", "text", "First video decoder configuration (avcC, hvcC...), hexadecimal."),
        Column("audio_config", "text", "First audio decoder configuration, hexadecimal."),
        Column("config_changes", "int", "Decoder configurations that differed from the one before."),
        Column("complete", "bool", "True if the span was seen from its opening command on and nothing is missing."),
    ),
    endpoints=True,
)

COLUMNS = RTMP.column_names[6:-4]
"""The columns of `rtmp` that the parser fills."""
