"""The payload of RTMP audio and video messages (FLV tag bodies) turned into codec, kind and counts.

Specification: Adobe FLV 10.1 annex E.4.2.1 and E.4.3.1; Enhanced RTMP v2 (ExVideoTagHeader, ExAudioTagHeader,
multitrack, ModEx). Known limitations: of further tracks (identifiers above 0, as encoders send them for other
resolutions and sound) only messages and bytes are counted; codec ids that belong to no published list are given as
numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..kernel import inline, kernel
from . import _rtmp_layout as L
from ._rtmp_bytes import be24, be32

KIND_OTHER, KIND_CONFIG, KIND_CODED = range(3)
CODEC_MASK = (1 << 32) - 1
TOLD = 1 << 32  # set in every description, so that none is 0
KIND_SHIFT, KEY_SHIFT, PLACE_SHIFT = 33, 36, 40

JUMP_MS = 10_000
"""A larger step of time is a discontinuity (a joined live stream, a seek), not duration."""

VIDEO_CODECS = {2: "h263", 3: "screen", 4: "vp6f", 5: "vp6a", 6: "screen2", 7: "avc1", 12: "hvc1", 13: "av01"}
AUDIO_CODECS = {
    0: "pcm", 1: "adpcm", 2: "mp3", 3: "pcm_le", 4: "nellymoser16", 5: "nellymoser8", 6: "nellymoser",
    7: "g711a", 8: "g711u", 10: "mp4a", 11: "speex", 13: "opus", 14: "mp3_8k", 15: "device",
}  # fmt: skip
FOURCC_NAMES = {".mp3": "mp3", "Opus": "opus", "fLaC": "flac"}


class TagHeader(NamedTuple):
    """What the first bytes of an audio or video payload say."""

    codec: int
    kind: int
    key: bool
    place: int
    """Where the decoder configuration begins."""


@inline
def described(codec: int, kind: int, key: int, place: int) -> int:
    """Return the four numbers as one."""
    return TOLD | codec | (kind << KIND_SHIFT) | (key << KEY_SHIFT) | (place << PLACE_SHIFT)


@inline
def kind_of(told: int) -> int:
    """Return the kind in a description."""
    return (told >> KIND_SHIFT) & 7


@inline
def describe_enhanced(data: Any, at: int, end: int, is_video: int) -> int:
    """Return what an Enhanced RTMP header says; 0 if it is cut or odd."""
    packet = data[at] & 0x0F
    frame = ((data[at] & 0xFF) >> 4) & 7 if is_video else 0
    p = at + 1
    while packet == 7:  # ModEx: sized data, then the packet type that really follows
        if p + 4 > end:
            return 0
        size = data[p] + 1
        p += 1
        if size == 256:
            size = data[p] * 256 + data[p + 1] + 1
            p += 2
        p += size
        if p >= end:
            return 0
        packet = data[p] & 0x0F
        p += 1
    if is_video == 1 and frame == 5 and packet != 4:
        return described(0, KIND_OTHER, 0, 0)
    tracks = -1
    multitrack = 5 + is_video  # audio 5, video 6
    if packet == multitrack:
        if p >= end:
            return 0
        tracks = (data[p] & 0xFF) >> 4
        packet = data[p] & 0x0F
        p += 1
    if p + 4 > end:
        return 0
    codec = be32(data, p)
    p += 4
    if tracks >= 0:
        if p >= end:
            return 0
        if data[p] != 0:  # a further track: the default one says what is played
            return described(0, KIND_OTHER, 0, 0)
        p += 1 if tracks == 0 else 4
    if packet == 0:
        return described(codec, KIND_CONFIG, 0, p - at)
    coded = packet == 1 or (is_video == 1 and packet == 3)
    if not coded:
        return described(codec, KIND_OTHER, 0, p - at)
    return described(codec, KIND_CODED, 1 if frame == 1 else 0, p - at)


@inline
def describe_tag(data: Any, at: int, length: int, is_video: int) -> int:
    """Return codec, kind, key frame and configuration place of a payload as one number; 0 if it cannot be told."""
    if length < 1:
        return 0
    first = data[at] & 0xFF
    if is_video == 0:
        codec = first >> 4
        if codec == 9:
            return describe_enhanced(data, at, at + length, 0)
        if codec == 10 and length < 2:
            return described(codec, KIND_OTHER, 0, 2)
        if codec == 10 and data[at + 1] == 0:
            return described(codec, KIND_CONFIG, 0, 2)
        return described(codec, KIND_CODED, 0, 2)
    if first & 0x80:
        return describe_enhanced(data, at, at + length, 1)
    codec = first & 0x0F
    key = 1 if first >> 4 == 1 else 0
    if first >> 4 == 5:
        return described(codec, KIND_OTHER, 0, 1)
    if codec == 7 or codec >= 12:
        if length < 2 or data[at + 1] > 1:
            return described(codec, KIND_OTHER, 0, 5)
        if data[at + 1] == 0:
            return described(codec, KIND_CONFIG, 0, 5)
    return described(codec, KIND_CODED, key, 5)


@inline
def find_media(media: Any, state: Any, msid: int) -> int:
    """Return where the entry of a message stream begins, made if absent; -1 if there is no room."""
    if msid < 0 and state[L.ONLY_STREAM] > 0:
        msid = state[L.ONLY_STREAM]
    used: int = state[L.MEDIA_USED]
    for i in range(used):
        if media[i * L.MEDIA_WIDTH + L.M_MSID] == msid:
            return i * L.MEDIA_WIDTH
    if used >= L.MEDIA_ENTRIES:
        return -1
    at = used * L.MEDIA_WIDTH
    for i in range(L.MEDIA_WIDTH):
        media[at + i] = 0
    media[at + L.M_MSID] = msid
    media[at + L.M_FIRST_OFFSET] = -1
    state[L.MEDIA_USED] = used + 1
    return at


@inline
def count_time(media: Any, at: int, time: int, known: int) -> None:
    """Add the time of a coded message to its entry; 32-bit milliseconds wrap.

    Times that are made of differences only count from anywhere: beside others they say nothing, and no step leads
    from them to others. So it is with those from which some are missing, beside those that were sent.
    """
    before = media[at + L.M_LAST_KNOWN]
    if known < before:
        return
    media[at + L.M_LAST_KNOWN] = known
    if before == L.RELATIVE and known != L.RELATIVE:
        media[at + L.M_LAST_TIME] = time
    if media[at + L.M_TIMED] == 0:
        media[at + L.M_TIMED] = 1
        media[at + L.M_TIME_KNOWN] = known
        media[at + L.M_FIRST_TIME] = time
        media[at + L.M_LAST_TIME] = time
        return
    step = (time - media[at + L.M_LAST_TIME]) & 0xFFFFFFFF
    if step >= 0x80000000:
        step -= 0x100000000
    media[at + L.M_LAST_TIME] = time
    if step > JUMP_MS or step < -JUMP_MS or media[at + L.M_TIMED] == L.TIMED_ANEW:
        media[at + L.M_TIMED] = 1
        media[at + L.M_FARTHEST] = media[at + L.M_POSITION]
        return
    position = media[at + L.M_POSITION] + step
    media[at + L.M_POSITION] = position
    if position > media[at + L.M_FARTHEST]:
        media[at + L.M_MEDIA_MS] += position - media[at + L.M_FARTHEST]
        media[at + L.M_FARTHEST] = position


@inline
def count_message(
    media: Any, state: Any, msid: int, kind: int, size: int, lost: int, time: int, known: int, begin: int, end: int,
    told: int,
) -> None:  # fmt: skip
    """Add one audio (8) or video (9) message; `told` is the description of its first bytes, 0 if there is none."""
    entry = find_media(media, state, msid)
    if entry < 0:
        state[L.UNCOUNTED] += 1
        return
    is_video = kind - 8
    codec = told & CODEC_MASK
    what = kind_of(told)
    media[entry + L.M_AUDIO + is_video] += 1
    media[entry + L.M_AUDIO_BYTES + is_video] += size - lost
    if lost > 0:
        media[entry + L.M_DAMAGED] += 1
    if told != 0 and (what != KIND_OTHER or codec > 255):
        media[entry + (L.M_VIDEO_CODEC if is_video else L.M_AUDIO_CODEC)] = codec + 1
    media[entry + L.M_KEYS] += (told >> KEY_SHIFT) & 1
    if media[entry + L.M_FIRST_OFFSET] < 0:
        media[entry + L.M_FIRST_OFFSET] = begin
    media[entry + L.M_LAST_OFFSET] = end - 1
    if what == KIND_CODED:
        count_time(media, entry, time, known)


TAG_TYPE, TAG_AT, TAG_LENGTH, TAG_TIME = range(4)
TAG_WIDTH = 4
TAGS_LIMIT = 256


@kernel("B[] q q q q q q q q[] q[] q[]")
def walk_tags(
    data: Any, position: int, length: int, msid: int, time: int, known: int, begin: int, end: int,
    media: Any, state: Any, out: Any,
) -> int:  # fmt: skip
    """Return where the walk over the FLV tags of an aggregate message stopped: `length`, a cut tag, or `out` full.

    Audio and video tags are counted; tags that must be read (data, decoder configurations) are put into `out`,
    and `state[RECORDS]` says how many. Times are those of the aggregate plus the difference to its first tag.
    """
    found = 0
    origin = 0
    if length >= 11:
        origin = be24(data, 4) + data[7] * 16777216
    while position + 11 <= length and found < TAGS_LIMIT:
        kind = data[position] & 0x1F
        size = be24(data, position + 1)
        at = position + 11
        if at + size > length:
            break
        stamp = be24(data, position + 4) + data[position + 7] * 16777216
        stamp = (stamp - origin + time) & 0xFFFFFFFF
        read = kind == 18
        if kind == 18:
            entry = find_media(media, state, msid)
            if entry >= 0:
                media[entry + L.M_DATA] += 1
        if kind == 8 or kind == 9:
            told = describe_tag(data, at, min(size, L.HEAD_BYTES), kind - 8)
            count_message(media, state, msid, kind, size, 0, stamp, known, begin, end, told)
            read = kind_of(told) == KIND_CONFIG
        if read:
            out[found * TAG_WIDTH + TAG_TYPE] = kind
            out[found * TAG_WIDTH + TAG_AT] = at
            out[found * TAG_WIDTH + TAG_LENGTH] = size
            out[found * TAG_WIDTH + TAG_TIME] = stamp
            found += 1
        position = min(at + size + 4, length)
    state[L.RECORDS] = found
    return position


def tag_header(payload: bytes, is_video: bool) -> TagHeader | None:
    """Return what the first bytes of a payload say, or None if there are none."""
    told = describe_tag(payload, 0, min(len(payload), L.HEAD_BYTES), int(is_video))
    if not payload:
        return None
    key = bool((told >> KEY_SHIFT) & 1)
    return TagHeader(told & CODEC_MASK, kind_of(told), key, told >> PLACE_SHIFT)


def codec_name(stored: int, is_video: bool) -> str | None:
    """Return the name of a codec as counted in `media` (its id plus one), or None if none was seen."""
    if stored == 0:
        return None
    codec = stored - 1
    if codec < 256:
        return (VIDEO_CODECS if is_video else AUDIO_CODECS).get(codec, str(codec))
    text = codec.to_bytes(4, "big").decode("ascii", "backslashreplace").rstrip()
    return FOURCC_NAMES.get(text, text)
