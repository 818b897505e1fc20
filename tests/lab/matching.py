"""Found rows against true ones: which belong together, and how far they are apart.

A found session answers a true one if client and way of delivery agree, their times overlap (by 1 s at least to either
side) and either the stream's name or the media server agrees. Among several the best pair goes first: name, then
server, then overlap; each row is used once, so a session reported in two pieces counts as one right and one wrong.

Known limitations: pairs are taken greedily by weight, not by the best sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from .truths import GROUP_DELIVERIES, PANEL_ROLES, SECOND, Remains, TrueAnswer, TrueCapture, TrueSession, stream_name

Row = dict[str, Any]


BARE = {"tcp-ts": ("http-ts", "hls", "progressive")}
"""What is said of media whose request and answer were not recorded, and what they may be."""


SHAPES = {"segmented": ("hls", "dash"), "continuous": ("http-ts", "http-flv"), "progressive": ("progressive",)}
"""What is inferred from the shape of encrypted traffic, and what it may be; it answers sessions under TLS only."""


@dataclass
class Tally:
    """Counts and errors of one type under one impairment."""

    true: int = 0
    found: int = 0
    right: int = 0
    named: int = 0
    misnamed: int = 0
    start_s: list[float] = field(default_factory=list)
    end_s: list[float] = field(default_factory=list)
    bytes_share: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add the counts and errors of another capture."""
        self.true, self.found, self.right = self.true + other.true, self.found + other.found, self.right + other.right
        self.named, self.misnamed = self.named + other.named, self.misnamed + other.misnamed
        self.start_s += other.start_s
        self.end_s += other.end_s
        self.bytes_share += other.bytes_share
        self.missed += other.missed
        self.false += other.false

    @property
    def precision(self) -> float | None:
        """Return the share of what was found that is true; None if nothing was found."""
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """Return the share of what is true that was found; None if there is nothing to find."""
        return self.right / self.true if self.true else None


Score = dict[str, Tally]  # by type


def middle(values: list[float]) -> float | None:
    """Return the median; None of nothing."""
    return median(values) if values else None


@dataclass(frozen=True)
class Expected:
    """A true session as the capture should show it."""

    session: TrueSession
    clients: frozenset[str]
    streams: frozenset[str]
    ends: frozenset[tuple[str, int]]
    share: float
    start_ns: int
    end_ns: int


def expected_sessions(capture: TrueCapture, remains: Remains) -> list[Expected]:
    """Return the true sessions of which something is left in the capture."""
    wanted = []
    for session in capture.sessions:
        left = remains.session(session)
        if left is not None:
            clients = frozenset(map(remains.address, session.clients))
            streams = frozenset(map(remains.stream, session.streams))
            ends = frozenset((remains.address(hop.ip), hop.port) for hop in session.ends)
            wanted.append(Expected(session, clients, streams, ends, *left))
    return wanted


def _weight(true: Expected, row: Row) -> float:
    """Return how well a found session answers a true one; 0 if it does not."""
    delivery = true.session.delivery.removesuffix("+tls")
    if row.get("basis") == "shape":
        if not true.session.delivery.endswith("+tls") or delivery not in SHAPES.get(row["delivery"], ()):
            return 0.0
    elif delivery not in (row["delivery"], *BARE.get(row["delivery"], ())):
        return 0.0
    group = delivery in GROUP_DELIVERIES
    if row.get("client_ip") not in true.clients and not (group and not row.get("client_ip")):
        return 0.0
    true_span = sorted((true.start_ns, true.end_ns))  # a clock that jumps back turns them round
    row_span = sorted((row["start_ns"], row["end_ns"]))
    overlap = min(true_span[1], row_span[1]) - max(true_span[0], row_span[0])
    if overlap < -SECOND:
        return 0.0
    named = stream_name(row.get("stream")) in true.streams
    served = (row.get("edge_ip"), row.get("edge_port")) in true.ends
    span = max(true_span[1], row_span[1]) - min(true_span[0], row_span[0])
    return 4 * named + 2 * served + max(overlap, 1) / max(span, 1) if named or served else 0.0


def paired(wanted: list[Expected], found: list[Row]) -> list[tuple[int, int]]:
    """Return which true session (its place) which found one (its place) answers."""
    by_client: dict[Any, list[int]] = defaultdict(list)
    for number, row in enumerate(found):
        by_client[row.get("client_ip")].append(number)
    pairs = []
    for place, true in enumerate(wanted):
        for client in (*sorted(true.clients), None):
            pairs += [(w, place, n) for n in by_client[client] if (w := _weight(true, found[n])) > 0]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    taken: dict[int, int] = {}
    for _, place, number in pairs:
        if place not in taken and number not in taken.values():
            taken[place] = number
    return list(taken.items())


def score_sessions(wanted: list[Expected], rows: Iterable[Row]) -> Score:
    """Return a tally per way of delivery."""
    found = list(rows)
    score: Score = defaultdict(Tally)
    used_true: set[int] = set()
    used: dict[int, str] = {}
    for place, number in paired(wanted, found):
        used_true.add(place)
        used[number] = wanted[place].session.delivery
        _compare(score[wanted[place].session.delivery], wanted[place], found[number])
    for place, true in enumerate(wanted):
        score[true.session.delivery].true += 1
        if place not in used_true:
            score[true.session.delivery].missed.append(" ".join(sorted(true.clients | true.streams)))
    for number, row in enumerate(found):
        tally = score[used.get(number, str(row["delivery"]))]
        tally.found += 1
        if number not in used:
            tally.false.append(f"{row.get('client_ip')} {row.get('stream')} {row.get('edge_ip')}")
    return dict(score)


def _compare(tally: Tally, true: Expected, row: Row) -> None:
    tally.right += 1
    name = stream_name(row.get("stream"))
    tally.named += name in true.streams or (name is None and true.session.begun_before)
    tally.misnamed += name is not None and name not in true.streams
    tally.start_s.append(abs(row["start_ns"] - true.start_ns) / SECOND)
    tally.end_s.append(abs(row["end_ns"] - true.end_ns) / SECOND)
    if true.session.body_bytes:
        due = true.session.body_bytes * true.share
        tally.bytes_share.append(abs(row["bytes"] - due) / true.session.body_bytes)


def score_sets(true: set[Any], found: set[Any]) -> Tally:
    """Return the tally of two sets of names."""
    return Tally(
        len(true), len(found), len(true & found),
        missed=sorted(map(str, true - found)), false=sorted(map(str, found - true)),
    )  # fmt: skip


def score_servers(wanted: list[Expected], remains: Remains, rows: Iterable[Row], servers: Iterable[Row] = (),
                  known: Mapping[str, set[str]] | None = None) -> Score:  # fmt: skip
    """Return tallies of panels, edges and edge addresses, from the sessions and a servers table where there is one.

    `known` are true names by role: one that no session here tells of is neither demanded nor held against who names it.
    Of a server behind a proxy the name is demanded, not the address: no frame between client and proxy has it.
    """
    true: dict[str, set[Any]] = defaultdict(set)
    found: dict[str, set[Any]] = defaultdict(set)
    for item in wanted:
        for hop in item.session.hops:
            if not any(remains.server_seen(end.ip) for end in item.session.proxies or (hop,)):
                continue
            host = "" if item.session.begun_before else hop.host
            elsewhere = all(end.host != host for end in item.session.media_hops)  # else nobody was sent anywhere
            if hop.roles & PANEL_ROLES and host and elsewhere:
                true["panel"].add(host)
            if hop in item.session.media_hops and (hop.host or item.session.delivery not in GROUP_DELIVERIES):
                if not item.session.proxies:
                    true["edge address"].add((remains.address(hop.ip), hop.port))
                true["edge"] |= {host} - {""}
    for row in rows:
        if row["delivery"] in GROUP_DELIVERIES:
            continue
        found["edge address"].add((row.get("edge_ip"), row.get("edge_port")))
        found["panel"].add(row.get("panel_host"))
        found["edge"].add(row.get("edge_host"))
    for row in servers:
        if row.get("role") in ("panel", "edge"):
            found[row["role"]].add(row.get("host"))
    found["edge address"].discard((None, None))
    for kind, names in (known or {}).items():
        found[kind] -= names - true[kind]
    return {kind: score_sets(true[kind], found[kind] - {None}) for kind in ("panel", "edge", "edge address")}


def score_answers(answers: list[TrueAnswer], remains: Remains, rows: Iterable[Row]) -> Tally:
    """Return the tally of HTTP answers by client and URL, between clients and servers of which a log tells."""
    logged = {(remains.address(a.client), remains.address(a.server), a.server_port) for a in answers}
    wanted: dict[tuple[str, str], list[float]] = defaultdict(list)
    for answer in answers:
        share = remains.answer(answer)
        if share > 0:
            wanted[remains.address(answer.client), answer.url].append(answer.body_bytes * share)
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in rows:
        ends = (row["client_ip"], row["server_ip"], row["server_port"])
        if row.get("url") and row.get("status") and ends in logged:
            found[row["client_ip"], row["url"]].append(row.get("response_body_bytes") or 0)
    tally = Tally(true=sum(map(len, wanted.values())), found=sum(map(len, found.values())))
    for key, sizes in found.items():
        tally.right += min(len(sizes), len(wanted[key]))
        for seen, due in zip(sorted(sizes), sorted(wanted[key]), strict=False):
            if due:
                tally.bytes_share.append(abs(seen - due) / due)
    return tally
