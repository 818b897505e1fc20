"""Where each number of an RTMP direction stands in its flat arrays, and the limits of these arrays.

A direction has one `state` array, one entry of `slots` per chunk stream, `HEAD_BYTES` bytes of `heads` per
slot, and one entry of `media` per message stream. Kernels report through `out` (entries) and `side` (bytes).
"""

from __future__ import annotations

# --- the direction: `state` ---------------------------------------------------------------------------
CHUNK_SIZE = 0
CURRENT = 1  # slot whose chunk is being read, -1: a chunk header comes next
CHUNK_LEFT = 2  # payload bytes of that chunk still to come
TRUSTED = 3  # 1 while every byte since the handshake was seen, so that no header can be a mistake of ours
RECORDS = 4  # entries of `out` in use
SIDE_USED = 5  # bytes of `side` in use
REASON = 6  # why the kernel returned
HEADERS, CONTINUATIONS = 7, 8  # chunk headers read; those among them that continued a message
TRIAL = 9  # number of headers that prove the chunk size, then stop; 0: read on
WIDE_SLOTS = 10  # slots in use for chunk stream ids of 64 and more
WIDE_TURN = 11  # which of them is replaced next
MEDIA_USED = 12  # entries of `media` in use
UNKNOWN_TYPES = 13  # messages of a type that no specification names
UNCOUNTED = 14  # media messages that found no room in `media`
ONLY_STREAM = 15  # the one message stream that was opened or, after lost bytes, named by headers; NONE, SEVERAL
ADOPTED = 16  # message stream to which media were counted whose own was not known, 0: none
STATE_WIDTH = 17
NONE, SEVERAL = -1, -2

# --- why `walk_chunks` returned ---------------------------------------------------------------------------
NEED_MORE, OUT_FULL, BAD_HEADER, HAND_OVER, PROVED = range(5)

# --- a chunk stream: `slots` --------------------------------------------------------------------------------
CSID = 0
SEEN = 1  # 0 never, 1 the last header is known, 2 only its message stream (bytes were lost since)
TIME, DELTA = 2, 3
LENGTH, TYPE, MSID = 4, 5, 6
EXTENDED, EXTENDED_VALUE = 7, 8
REMAINING = 9  # payload bytes of the message still to come
BEGIN = 10  # stream offset of the message's first chunk header
MODE = 11
HEAD = 12  # bytes in `heads`
LOST = 13  # payload bytes of the message that were not captured
ABSOLUTE = 14  # 1 if DELTA is the timestamp of a type 0 header
TIME_KNOWN = 15  # what TIME is made of, see below
TOLD = 16  # what the first bytes of an audio or video message say
SLOT_WIDTH = 17

# What a time is made of: differences only; differences to one that was sent, with some lost; what was sent.
RELATIVE, STALE, SENT = range(3)

MODE_SKIP, MODE_HEAD, MODE_KEEP = range(3)
NEAR_SLOTS = 64  # chunk stream ids below 64 have the slot of their number
FAR_SLOTS = 32  # all others share these
SLOTS = NEAR_SLOTS + FAR_SLOTS
HEAD_BYTES = 64

# --- a message stream: `media` --------------------------------------------------------------------------------
M_MSID = 0
M_AUDIO, M_VIDEO, M_DATA = 1, 2, 3
M_AUDIO_BYTES, M_VIDEO_BYTES = 4, 5
M_KEYS = 6
M_TIMED = 7  # 1 once a message with coded media was seen, TIMED_ANEW if a seek came since
TIMED_ANEW = 2
M_TIME_KNOWN = 8  # what M_FIRST_TIME is made of
M_FIRST_TIME, M_LAST_TIME = 9, 10
M_POSITION, M_FARTHEST, M_MEDIA_MS = 11, 12, 13
M_FIRST_OFFSET, M_LAST_OFFSET = 14, 15  # first header byte of the first message, last byte of the last one
M_VIDEO_CODEC, M_AUDIO_CODEC = 16, 17
M_DAMAGED = 18  # messages with missing bytes
M_LAST_KNOWN = 19  # what M_LAST_TIME is made of
MEDIA_WIDTH = 20
MEDIA_ENTRIES = 32

# --- what a kernel reports: `out` -----------------------------------------------------------------------------
R_KIND, R_SLOT, R_TYPE, R_CSID, R_MSID, R_TIME, R_TIME_KNOWN, R_LENGTH, R_BEGIN, R_END, R_FROM, R_VALUE = range(12)
RECORD_WIDTH = 12
RECORD_LIMIT = 512
SIDE_LIMIT = 1 << 16

PIECE, DONE, DROP = 1, 2, 3  # bytes for a kept message; a kept message is whole; a kept message is given up
DROP_CUT, DROP_ABORTED, DROP_TOO_LARGE, DROP_EVICTED = range(1, 5)

# --- limits and message types ------------------------------------------------------------------------------
KEPT_LIMIT = 1 << 20  # a message that is read whole may be this long
CONFIG_LIMIT = 1 << 16  # a decoder configuration likewise

SET_CHUNK_SIZE, ABORT, ACKNOWLEDGEMENT, USER_CONTROL, WINDOW_SIZE, PEER_BANDWIDTH = range(1, 7)
AUDIO, VIDEO = 8, 9
DATA_AMF3, SHARED_AMF3, COMMAND_AMF3, DATA_AMF0, SHARED_AMF0, COMMAND_AMF0 = range(15, 21)
AGGREGATE = 22
