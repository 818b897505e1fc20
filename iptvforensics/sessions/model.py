"""What a session is while it is being built, and the rows that it becomes.

`Session` has the columns of `schema.SESSIONS` as its fields, `Evidence` those of `schema.EVIDENCE`, without
`capture_id`, in order; a test holds them to that.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

SECOND_NS = 1_000_000_000

# The vocabulary of `completeness`.
COMPLETE = "complete"
STARTS_BEFORE = "starts before the capture"
PLAYLIST_NOT_CAPTURED = "playlist not captured"
REQUESTS_NOT_SEEN = "requests not seen"
GAPS = "gaps in the media"
NOT_WHOLE = "media not delivered whole"
SKIPPED = "media segments skipped or not captured"
NOT_ANSWERED = "media asked for but not delivered"
RECONNECTED = "connection broke and was opened again"
OPEN_AT_END = "still open at the end of the capture"
DURATIONS_UNKNOWN = "duration of some media not known"
VOCABULARY = (
    STARTS_BEFORE,
    PLAYLIST_NOT_CAPTURED,
    REQUESTS_NOT_SEEN,
    GAPS,
    NOT_WHOLE,
    SKIPPED,
    NOT_ANSWERED,
    RECONNECTED,
    OPEN_AT_END,
    DURATIONS_UNKNOWN,
)
"""Everything but `complete` that completeness can say, in the order in which it says it."""


class Evidence(NamedTuple):
    """One row of the evidence table."""

    row_id: str
    flow_id: int
    from_orig: bool | None
    frame_no: int
    stream_offset: int | None
    length_bytes: int | None
    shows: str


@dataclass(slots=True)
class Session:
    """One row of the sessions table."""

    session_id: str = ""
    client_ip: str | None = None
    device_id: str | None = None
    line_id: str | None = None
    delivery: str = ""
    published: bool = False
    stream: str | None = None
    channel: str | None = None
    title: str | None = None
    name_source: str | None = None
    programmes: list[str] | None = None
    kind: str | None = None
    kind_basis: str | None = None
    panel_host: str | None = None
    edge_host: str | None = None
    edge_ip: str | None = None
    edge_port: int | None = None
    hosts: list[str] = field(default_factory=list)
    start_ns: int = 0
    end_ns: int = 0
    bytes: int = 0
    media_seconds: float | None = None
    media_seconds_basis: str | None = None
    rate_bps: float | None = None
    missing_bytes: int | None = 0
    requests: int = 0
    media_objects: int = 0
    variants: list[str] = field(default_factory=list)
    encryption: str | None = None
    key_urls: list[str] = field(default_factory=list)
    user_agent: str | None = None
    completeness: str = COMPLETE
    basis: str = "content"
    confidence: str = "observed"
    inference: str | None = None
    period_s: float | None = None
    first_frame: int = 0
    last_frame: int = 0
    flow_ids: list[int] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Draft:
    """A session with its evidence, before it has a name."""

    session: Session
    first_flow: int
    evidence: list[Evidence] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)

    def cite(
        self, flow_id: int, from_orig: bool | None, frame: int, offset: int | None, length: int | None, shows: str
    ) -> None:
        """Add a piece of evidence; the session's name is filled in later."""
        self.evidence.append(Evidence("", flow_id, from_orig, frame, offset, length, shows))


class SessionTables(NamedTuple):
    """Rows of the sessions and evidence tables, without `capture_id`, in a fixed order."""

    sessions: list[tuple[Any, ...]]
    evidence: list[tuple[Any, ...]]


def _name(capture_id: str, draft: Draft, repeat: int) -> str:
    session = draft.session
    parts = [
        capture_id,
        session.delivery,
        session.client_ip or "",
        str(draft.first_flow),
        str(session.first_frame),
        session.stream or "",
    ]
    if repeat:
        parts.append(str(repeat))
    return "s-" + hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


_columns = attrgetter(*(column.name for column in fields(Session)))
"""Returns the row of a session (`astuple` would copy every list, at ten times the cost)."""


def tables_of(drafts: Iterable[Draft], capture_id: str) -> SessionTables:
    """Return the finished rows: sessions by time, evidence by session and frame.

    Only the names of the sessions depend on the identifier of the capture.
    """
    ordered = sorted(
        drafts,
        key=lambda draft: (
            draft.session.start_ns,
            draft.session.first_frame,
            draft.session.delivery,
            draft.session.client_ip or "",
            draft.session.stream or "",
            draft.session.end_ns,
            draft.session.last_frame,
            draft.session.bytes,
        ),
    )
    seen: Counter[str] = Counter()
    sessions: list[tuple[Any, ...]] = []
    evidence: list[Evidence] = []
    for draft in ordered:
        session = draft.session
        plain = _name(capture_id, draft, 0)
        session.session_id = _name(capture_id, draft, seen[plain]) if seen[plain] else plain
        seen[plain] += 1
        session.completeness = "; ".join(word for word in VOCABULARY if word in draft.faults) or COMPLETE
        if session.media_seconds is not None:
            session.media_seconds = round(session.media_seconds, 6)
            if session.media_seconds > 0:
                session.rate_bps = session.bytes * 8 / session.media_seconds
        sessions.append(_columns(session))
        rows: set[Evidence] = {row._replace(row_id=session.session_id) for row in draft.evidence}
        evidence += sorted(rows, key=lambda row: (row.frame_no, row.flow_id, row.stream_offset or 0, row.shows))
    return SessionTables(sessions, [tuple(row) for row in evidence])


Item = TypeVar("Item")


def most_common(values: Iterable[Item | None]) -> Item | None:
    """Return the value that occurs most often, the first of equals; None if there is no value."""
    counts: dict[Item, int] = {}
    for value in values:
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    return max(counts, key=lambda value: counts[value]) if counts else None


def distinct(values: Iterable[Item | None]) -> list[Item]:
    """Return the values in the order of first occurrence, each once, None left out."""
    return list(dict.fromkeys(value for value in values if value is not None))
