"""Where each number of a flow, a direction, a pending TCP segment and a piece stands in its flat array.

The arrays are int64 and flat so that kernels can read them: the number `COLUMN` of entry `i` is at
`i * WIDTH + COLUMN`. A direction is numbered `2 * flow` (originator to responder) or `2 * flow + 1`.
"""

from __future__ import annotations

# --- one flow -------------------------------------------------------------------------------------
ORIG_HI, ORIG_LO, RESP_HI, RESP_LO, ORIG_PORT, RESP_PORT, TRANSPORT = range(7)
FLOW_ID = 7  # number of the frame that opened it; the k-th further packet of an aggregate frame adds k * 2**40
FLOW_FIRST_NS, FLOW_LAST_NS, FLOW_FIRST_FRAME, FLOW_LAST_FRAME = range(8, 12)
ORIG_BASIS = 12  # how the originator is known, see BASIS_NAMES
REPLACED = 13  # 1 once a later flow uses the same addresses and ports
HISTORY = 14  # up to 15 letters of 4 bits, first one lowest
HISTORY_SEEN = 15  # bit set of the letters in HISTORY
FLOW_TUNNEL, FLOW_VLAN = 16, 17
ORIG_MAC, RESP_MAC = 18, 19
BEFORE = 20  # index + 1 of the flow that used the same addresses and ports before, 0: none
OVER = 21  # 1 once it was reset and then silent: no bytes are added to it any more
FLOW_WIDTH = 22

BASIS_SYN, BASIS_SYN_ACK, BASIS_PORT, BASIS_FIRST_PACKET = range(4)
BASIS_NAMES = ("SYN", "SYN-ACK", "port", "first packet")

HISTORY_LETTERS = "SHADFRT"  # SYN, SYN-ACK, pure ACK, data, FIN, RST, retransmission; lower case: by the responder
LETTER_SYN, LETTER_SYN_ACK, LETTER_ACK, LETTER_DATA, LETTER_FIN, LETTER_RST, LETTER_AGAIN = range(7)

# --- one direction of a flow ----------------------------------------------------------------------
STARTED = 0  # 1 once the first sequence number is known
NEXT_SEQ = 1  # 32-bit sequence number of the next byte in order
NEXT_OFFSET = 2  # its 64-bit stream offset
PACKETS = 3
PAYLOAD_BYTES = 4  # of all packets, repeated ones included, by the length on the wire
STREAM_BYTES = 5  # captured bytes delivered in order, nothing twice
MISSING_BYTES = 6
PENDING_HEAD, PENDING_TAIL, PENDING_BYTES, PENDING_COUNT = range(7, 11)  # head and tail are index + 1
HOLE_NS = 11  # capture time at which the present hole was first seen
FIN_OFFSET = 12  # stream offset of the end, -1: not seen
ISN = 13  # initial sequence number, -1: SYN not seen
RETRANSMITTED, RETRANSMITTED_BYTES = 14, 15
DUPLICATES = 16  # copies of one frame (mirror ports)
OUT_OF_ORDER = 17
KEEPALIVES = 18
CUT_BYTES = 19  # not captured because of the snap length
PEER_ACK = 20  # highest stream offset that the other side has acknowledged, -1: none
DIRECTION_FIRST_NS, DIRECTION_LAST_NS = 21, 22
CLOSED = 23  # 1 once the end of the stream was delivered
AFTER_CLOSE_BYTES = 24
DROPPED_BYTES = 25  # given up because a buffer was full
LAST_ORIGINAL = 26  # place + 1 of its last packet that is no copy among those that are remembered
MIDSTREAM = 27  # 1 if the first byte delivered is not the first byte sent
BATCH_PIECES, BATCH_BYTES, BATCH_PIECE_AT = range(28, 31)
EXTENT_AT, EXTENT_END = 31, 32  # room in the batch's buffer that is left for the next bytes
LAST_BYTES = 33  # of the batch before, a guess at how much room the direction will want
FAR_NUMBERS = 34  # acknowledgments and ends further ahead than any window, not believed
BEFORE_START_BYTES = 35  # of TCP segments that begin before the first byte of the stream
RESET_BYTES = 36  # payload of resets
LOWER_ACKS = 37  # acknowledgments in a row that fall behind `PEER_ACK`
DIRECTION_WIDTH = 38

# --- packets that are remembered to know their copies: sets of a few, found by their signature -------
COPY_WAYS, COPY_SETS = 4, 256
# A column of all packets of a set stands together: those that are looked at first are one line of the cache.
C_SIGNATURE, C_FRAME, C_NS, C_PLACE, C_SEEN, C_PATH, C_BEFORE, C_PREVIOUS = range(0, 8 * COPY_WAYS, COPY_WAYS)
COPY_SET_WIDTH = 8 * COPY_WAYS
# `C_PLACE`: of its content in the block, and the length of that; the last two: which packets came before.

# --- a TCP segment that waits for earlier bytes -----------------------------------------------------
P_OFFSET, P_LENGTH, P_WIRE, P_SOURCE, P_FRAME, P_NS, P_NEXT, P_WAITS = range(8)
PENDING_WIDTH = 8

# --- a piece: what a packet adds to a stream, in delivery order -------------------------------------
PIECE_DIRECTION, PIECE_FRAME, PIECE_NS, PIECE_SOURCE, PIECE_OFFSET, PIECE_LENGTH = range(6)
PIECE_WIDTH = 6
SOURCE_GAP = -(1 << 60)  # PIECE_SOURCE of a gap; PIECE_LENGTH is its length
SOURCE_END = SOURCE_GAP - 1  # the stream ends here
# otherwise: >= 0 position in the block, < 0: -(position in the arena of waiting bytes) - 1; once gathered:
# position in the buffer of the batch

# --- a run of a direction's pieces whose bytes stand together in the buffer of the batch --------------
RUN_DIRECTION, RUN_FIRST, RUN_PIECES, RUN_BYTE, RUN_BYTES, RUN_SPECIALS = range(6)
RUN_WIDTH = 6

# --- bytes seen again, to be compared with the first version ----------------------------------------
OVERLAP_DIRECTION, OVERLAP_OFFSET, OVERLAP_LENGTH, OVERLAP_SOURCE, OVERLAP_FRAME = range(5)
OVERLAP_PIECES = 5  # pieces of the batch that came before it: those it can be compared with
OVERLAP_WIDTH = 6

# --- numbers of the whole table ---------------------------------------------------------------------
N_FLOWS, N_PIECES, N_OVERLAPS, PENDING_FREE, PENDING_USED, PENDING_TOTAL_BYTES, N_ACTIVE, STOPPED_FOR = range(8)
FLOW_LIMIT, PIECE_LIMIT, OVERLAP_LIMIT, PENDING_LIMIT = range(8, 12)
MAX_PENDING_BYTES, MAX_PENDING_COUNT, MAX_PENDING_TOTAL, HOLE_ACKED_NS, HOLE_NS_LIMIT = range(12, 17)
TABLE_MASK = 17
N_GATHERED = 18  # pieces whose bytes stand in the buffer of the batch
OUT_USED, OUT_BYTES, N_EXTENTS = range(19, 22)  # room given out, bytes put there, rooms given out
ARENA_USED, REPEATS_USED, N_KEPT_OVERLAPS = range(22, 25)
COPY_SCORE = 25  # how many of the last packets were proven to be copies
LAST_OF_ALL = 26  # place + 1 of the last packet that is no copy
KEY, KEYS = 27, 5  # random numbers of 28 bits, by which the table of flows is kept
STATE_WIDTH = 32

STOP_FLOWS, STOP_PIECES, STOP_PENDING = 1, 2, 3  # why `route` returned early

COMPARE_WINDOW = 16384  # repeated bytes are compared with the first version up to this far back

# --- a flow whose bursts are kept: packets that begin as TLS records or QUIC packets do --------------
W_FLOW, W_TRANSPORT = 0, 1
W_STARTED, W_HIGHEST = 2, 4  # sequence number behind the last byte; next to those of the originator the responder's
W_BURSTS, W_LEFT_OUT = 6, 7  # bursts handed on; those joined to the last one because there were too many
W_OPEN = 8  # 1 while a burst goes on; what it has so far stands behind
W_BURST = 9
WATCHED_WIDTH = 20

# --- a burst: a request and what came for it ---------------------------------------------------------
B_FLOW, B_CAUSE, B_FIRST_NS, B_LAST_NS, B_FIRST_FRAME, B_LAST_FRAME, B_ORIG_BYTES, B_RESP_BYTES = range(8)
B_RESP_PACKETS, B_RESP_LAST_NS, B_BUSY_NS = range(8, 11)
BURST_WIDTH = 11

CAUSE_FIRST, CAUSE_REQUEST, CAUSE_PAUSE, CAUSE_TIME = range(4)
CAUSE_NAMES = ("first", "request", "pause", "time")

# --- numbers of all these ------------------------------------------------------------------------------
N_WATCHED, WATCHED_LIMIT, N_BURSTS, BURST_LIMIT = range(4)
BURST_STATE_WIDTH = 4
