"""The two tables of HLS: playlists, and what their lines name."""

from __future__ import annotations

from ..schema import OBJECT_OFFSET, Column, message_table

PLAYLISTS = message_table(
    "playlists",
    "HLS playlist as it was delivered once (a live playlist gives a row per delivery)",
    (
        OBJECT_OFFSET,
        Column("kind", "text", "multivariant or media; null if no tag decides it."),
        Column("url", "text", "URL under which the playlist was asked for; base of its relative URLs."),
        Column("version", "int", "Protocol version that the playlist claims (EXT-X-VERSION)."),
        Column("target_duration_s", "float", "Longest media segment that the playlist announces."),
        Column("media_sequence", "int", "Media sequence number; in a playlist that of its first media segment."),
        Column("discontinuity_sequence", "int", "Number of discontinuities since the stream began."),
        Column("playlist_type", "text", "VOD or EVENT as sent; null if the playlist does not say."),
        Column("has_endlist", "bool", "True if the playlist says that nothing will be added."),
        Column("is_low_latency", "bool", "True if the playlist names parts of media segments or their length."),
        Column("entries", "int", "Rows of this playlist in playlist_entries."),
        Column("duration_s", "float", "Duration as announced; of a playlist the sum over its media segments."),
        Column("first_program_date_time", "text", "First EXT-X-PROGRAM-DATE-TIME, as sent."),
        Column("first_program_date_time_ns", "time_ns", "First EXT-X-PROGRAM-DATE-TIME; null if it has no zone."),
        Column("encryption_methods", "text[]", "Methods named by keys, as sent, NONE left out."),
        Column("key_urls", "text[]", "URLs of keys, absolute where the base is known, else as sent."),
        Column("session_data", "text[]", "Attributes of each EXT-X-SESSION-DATA as a JSON object."),
        Column("server_control", "text", "Attribute list of EXT-X-SERVER-CONTROL, as sent."),
        Column("skipped_segments", "int", "Media segments that a delta playlist leaves out (EXT-X-SKIP)."),
        Column("part_target_s", "float", "Target duration of parts (EXT-X-PART-INF)."),
        Column("tags", "text[]", "Names of all tags in the order of first use: a mark of the packager."),
        Column("tags_unknown", "text[]", "Names of tags that neither the specifications nor cue conventions know."),
        Column("ffmpeg_layout", "bool", "True if order of tags and digits are those of FFmpeg's muxer; media only."),
        Column("body_bytes", "int", "Bytes of the body that were seen."),
    ),
)

ENTRIES = message_table(
    "playlist_entries",
    "entry of an HLS playlist: variant, rendition, media segment, part, key, map, date range or cue",
    (
        OBJECT_OFFSET,
        Column(
            "kind",
            "text",
            "variant, rendition, i-frame-variant, media-segment, part, map, key, session-key, preload-hint, "
            "rendition-report, date-range, cue, content-steering.",
        ),
        Column("playlist_url", "text", "URL of the playlist that holds the entry."),
        Column("line_no", "int", "Line on which the entry begins, first is 1; null after a gap in the body."),
        Column("raw", "text", "Lines of the entry as sent, at most 4,096 characters."),
        Column("uri", "text", "Reference as sent, variables not replaced."),
        Column("url", "text", "Absolute URL with variables replaced; null if the base is not known."),
        Column("media_sequence", "int", "Media sequence number; in a playlist that of its first media segment."),
        Column("discontinuity_sequence", "int", "Number of discontinuities since the stream began."),
        Column("duration_s", "float", "Duration as announced; of a playlist the sum over its media segments."),
        Column("title", "text", "Text behind the duration of a media segment."),
        Column("byte_range_first", "int", "First byte of the resource that belongs to the entry, in bytes from 0."),
        Column("byte_range_length", "int", "Length of the byte range, in bytes."),
        Column("key_method", "text", "Encryption method in force, as sent; null if none is known."),
        Column("key_url", "text", "URL of the key in force; with several key systems that of the plain one."),
        Column("key_iv", "text", "Initialisation vector as 32 hexadecimal digits, sent or made of the sequence."),
        Column("key_format", "text", "Key system (KEYFORMAT) as sent; null means that the key is plain."),
        Column("map_url", "text", "URL of the initialisation section in force (EXT-X-MAP)."),
        Column("program_date_time_ns", "time_ns", "Wall clock of the first sample, sent or counted from one sent."),
        Column("bandwidth_bps", "int", "Peak bit rate that the variant announces."),
        Column("average_bandwidth_bps", "int", "Average bit rate that the variant announces."),
        Column("codecs", "text", "Codecs that the variant announces (RFC 6381)."),
        Column("resolution", "text", "Picture size that the variant announces, width x height."),
        Column("frame_rate", "float", "Pictures per second that the variant announces."),
        Column("group_id", "text", "Group of renditions that the entry belongs to."),
        Column("rendition_type", "text", "AUDIO, VIDEO, SUBTITLES or CLOSED-CAPTIONS, as sent."),
        Column("name", "text", "Name of the rendition or variant, or identifier of the date range."),
        Column("language", "text", "Language of the rendition, as sent."),
        Column("gap", "bool", "True if the playlist says that the media are not available (EXT-X-GAP)."),
        Column("attributes", "text", "All attributes of the tag as a JSON object, as sent."),
    ),
)
