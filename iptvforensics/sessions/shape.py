"""Encrypted flows that were not opened to sessions inferred from their shape.

Sizes and times of what a server sent show segmented delivery (`rhythm`) and continuous delivery (`steady`). Nothing
names a stream, channel or title; the host is the name that the client's hello claims. `basis` is `shape`, `inference`
says what was found and by which thresholds. All connections of a client to one server name that take part at the same
time are one session.

**Known limitations**: HLS is not told from DASH, HTTP-TS not from HTTP-FLV. Two players behind one client address
that watch from one server at once are one session. Media that a tunnel (VPN, proxy) carries are not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from . import rhythm as r
from . import steady as s
from .closed import Answer, ClosedFlow, Group, read_clients
from .model import OPEN_AT_END, SECOND_NS, STARTS_BEFORE, Draft, Session, distinct
from .records import Flow, TableReader
from .rhythm import Rhythm, find_rhythms
from .steady import Received, Steady, find_steady

SHAPE = "shape"
LIKELY, POSSIBLE = "likely", "possible"
LIKELY_BEATS, LIKELY_IN_TIME = 12, 0.9
LIKELY_S = 60.0
REJOIN_NS = 30 * SECOND_NS
"""A stalled stream that is asked for again this soon is the same viewing."""


def shape_sessions(reader: TableReader, flows: dict[int, Flow]) -> list[Draft]:
    """Return the sessions that the shape of encrypted flows shows."""
    drafts: list[Draft] = []
    for groups in read_clients(reader, flows):
        received = Received(p for group in groups for closed in group for a in closed.answers for p in a.parts)
        for group in groups:
            drafts += _sessions(group, received)
    return drafts


def _sessions(group: Group, received: Received) -> list[Draft]:
    found_streams = (find_steady(answer, received) for closed in group for answer in closed.answers)
    streams = [steady for steady in found_streams if steady is not None]
    taken = {steady.answer[:3] for steady in streams}
    answers = [answer for closed in group for answer in closed.answers if answer[:3] not in taken]
    # A connection that has a rhythm of its own shows it better than all together: two players do not keep step.
    found = [one for closed in group for one in find_rhythms([a for a in closed.answers if a[:3] not in taken])]
    drafts = [_segmented(rhythms, answers, group) for rhythms in joined(found)]
    covered = [(draft.session.start_ns, draft.session.end_ns) for draft in drafts]
    for rhythm in find_rhythms(answers):
        start, end = rhythm.answers[0].start_ns, rhythm.answers[-1].end_ns
        if not any(first <= end and start <= last for first, last in covered):
            drafts.append(_segmented([rhythm], answers, group))
    return drafts + [_continuous(parts, group) for parts in rejoined(streams)]


def joined(rhythms: Iterable[Rhythm]) -> list[list[Rhythm]]:
    """Return the rhythms of several connections that go on at the same time or take turns, each time together."""
    found: list[list[Rhythm]] = []
    until = 0.0
    for rhythm in sorted(rhythms, key=lambda one: (one.answers[0].start_ns, one.answers[0].flow_id)):
        if not found or rhythm.answers[0].start_ns > until:
            found.append([])
            until = 0.0
        found[-1].append(rhythm)
        until = max(until, rhythm.answers[-1].end_ns + r.MAX_STILL * rhythm.period_s * SECOND_NS)
    return found


def rejoined(streams: Iterable[Steady]) -> list[list[Steady]]:
    """Return the streams that follow each other after a short break, each time together."""
    found: list[list[Steady]] = []
    for steady in sorted(streams, key=lambda one: (one.answer.start_ns, one.answer.flow_id)):
        pause = steady.answer.start_ns - found[-1][-1].answer.end_ns if found else 0
        if found and 0 <= pause <= REJOIN_NS:
            found[-1].append(steady)
        else:
            found.append([steady])
    return found


def _segmented(rhythms: Sequence[Rhythm], answers: Sequence[Answer], group: Group) -> Draft:
    rhythm = max(rhythms, key=lambda one: one.beats)
    media = sorted((answer for one in rhythms for answer in one.answers), key=lambda one: (one.start_ns, one.flow_id))
    draft = _draft("segmented", media, group, answers)
    session = draft.session
    polls = draft.session.requests - len(media)
    session.kind, session.kind_basis = rhythm._replace(polls=polls).kind
    session.period_s = round(rhythm.period_s, 3)
    filling = sum(one.filling for one in rhythms)
    start = min(one.answers[one.filling].start_ns for one in rhythms)
    passed = (max(one.answers[-1].start_ns for one in rhythms) - start) / SECOND_NS
    session.media_seconds = passed + rhythm.period_s * (1 + filling)
    session.media_seconds_basis = "estimated: time that passed, and periods for what filled the buffer"
    is_likely = rhythm.beats >= LIKELY_BEATS and rhythm.in_time >= LIKELY_IN_TIME * rhythm.beats
    session.confidence = LIKELY if is_likely and session.kind == "live" else POSSIBLE
    sizes = [answer.bytes for answer in media]
    session.inference = (
        f"{rhythm.in_time} of {rhythm.beats} beats keep to a period of {rhythm.period_s:.2f} s "
        f"within {r.TOLERANCE:.0%} or {r.MIN_TOLERANCE_S} s (asked: {r.MIN_BEATS}, "
        f"and {r.MIN_IN_TIME:.0%} of the others); "
        f"{len(media)} answers of {min(sizes)} to {max(sizes)} bytes, {polls} smaller ones beside them"
    )
    return draft


def _continuous(streams: Sequence[Steady], group: Group) -> Draft:
    media = [steady.answer for steady in streams]
    longest = max(streams, key=lambda one: one.seconds)
    draft = _draft("progressive" if longest.is_file else "continuous", media, group, media)
    session = draft.session
    if longest.is_file:
        ahead = round(longest.ahead_s)
        session.kind, session.kind_basis = "vod", f"about {ahead} s of media ahead of their pace at the beginning"
    session.media_seconds = sum(one.seconds + one.ahead_s for one in streams)
    session.media_seconds_basis = "estimated: time that passed at a steady rate"
    session.confidence = LIKELY if longest.seconds >= LIKELY_S else POSSIBLE
    session.inference = (
        f"one answer of {longest.seconds:.0f} s (asked: {s.MIN_S:.0f}) at {longest.rate_bps / 1000:.0f} kbit/s, "
        f"in each {s.BIN_S:.0f} s between {longest.lowest:.2f} and {longest.highest:.2f} of the median "
        f"(asked: {s.MIN_BELOW} to {s.MAX_ABOVE}), "
        f"the line sending {longest.busy:.0%} of the time (asked: at most {s.MAX_BUSY:.0%})"
    )
    return draft


def _draft(delivery: str, media: Sequence[Answer], group: Group, answers: Sequence[Answer]) -> Draft:
    """Return a session with the columns filled that every shape gives."""
    by_flow = {closed.flow.flow_id: closed for closed in group}
    used = [by_flow[flow_id] for flow_id in distinct(answer.flow_id for answer in media)]
    session = Session(delivery=delivery, client_ip=used[0].flow.orig_ip, basis=SHAPE)
    session.start_ns, session.end_ns = media[0].start_ns, max(answer.end_ns for answer in media)
    beside = [a for a in answers if session.start_ns <= a.start_ns <= session.end_ns]
    session.flow_ids = sorted({answer.flow_id for answer in (*media, *beside)})
    session.first_frame = media[0].first_frame
    session.last_frame = max(answer.last_frame for answer in media)
    session.bytes = sum(answer.bytes for answer in media)
    session.missing_bytes = None
    session.media_objects = len(media)
    session.requests = max(len(beside), len(media))
    session.encryption = "QUIC" if used[0].flow.transport == "udp" else "TLS"
    session.edge_host = next((closed.name for closed in used if closed.name), None)
    session.hosts = distinct(closed.name for closed in used)
    sent: dict[tuple[str, int | None], int] = {}
    for answer in media:
        flow = by_flow[answer.flow_id].flow
        sent[flow.resp_ip, flow.resp_port] = sent.get((flow.resp_ip, flow.resp_port), 0) + answer.bytes
    session.edge_ip, session.edge_port = max(sent, key=lambda source: sent[source])
    draft = Draft(session, media[0].flow_id)
    _note(draft, used, media)
    return draft


def _note(draft: Draft, used: Sequence[ClosedFlow], media: Sequence[Answer]) -> None:
    """Add what could not be seen, and the evidence."""
    if any(closed.flow.starts_midstream and closed.answers[0] in media[:1] for closed in used):
        draft.faults.add(STARTS_BEFORE)
    last = max(media, key=lambda answer: answer.end_ns)
    if any(c.flow.flow_id == last.flow_id and c.flow.transport == "tcp" and c.flow.closed_by() is None for c in used):
        draft.faults.add(OPEN_AT_END)
    for closed in used[:1]:
        if closed.hello_frame is not None and closed.name is not None:
            shows = f"{closed.flow.orig_ip} claims to want {closed.name}."
            draft.cite(closed.flow.flow_id, True, closed.hello_frame, None, None, shows)
    for word, answer in (("First", media[0]), ("Last", last)):
        shows = f"{word} encrypted answer that is held to be media: {answer.bytes} bytes."
        draft.cite(answer.flow_id, None, answer.first_frame, None, None, shows)
