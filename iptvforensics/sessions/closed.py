"""Bursts of encrypted flows to answers, by client and server name.

An answer is what the server sent from one request to the next. The server's name is what the client's hello claims;
connections without one go by address and port. Flows that were opened are left out: what is in them speaks for itself.

**Known limitations**: where only one direction was captured, a pause is taken for a new request. If the
server of the encrypted protocol opened the flow, the flow is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .records import Burst, Decrypted, Flow, Hello, TableReader, read

PROTOCOLS = ("tls", "quic")


class Part(NamedTuple):
    """Bytes that came in one go."""

    first_ns: int
    last_ns: int
    bytes: int
    busy_s: float


class Answer(NamedTuple):
    """What came for one request."""

    flow_id: int
    start_ns: int
    end_ns: int
    first_frame: int
    last_frame: int
    bytes: int
    parts: tuple[Part, ...]


class ClosedFlow(NamedTuple):
    """A flow that was not opened, and the answers in it, in order of time."""

    flow: Flow
    name: str | None
    hello_frame: int | None
    answers: list[Answer]


Group = list[ClosedFlow]
"""Flows of one client to one server."""


def answers_of(bursts: Sequence[Burst], *, midstream: bool = False) -> list[Answer]:
    """Return the answers in the bursts of one flow, which stand in order of time.

    The first one is the handshake, and none, unless the beginning of the flow was not captured.
    """
    one_sided = not any(burst.orig_bytes for burst in bursts)
    runs: list[list[Burst]] = []
    for burst in bursts:
        begins = burst.cause in ("first", "request") or (burst.cause == "pause" and one_sided)
        if not runs or begins:
            runs.append([])
        runs[-1].append(burst)
    if not midstream and bursts and bursts[0].cause == "first":
        del runs[0]
    return [answer for run in runs if (answer := _answer(run)) is not None]


def _answer(run: list[Burst]) -> Answer | None:
    brought = [burst for burst in run if burst.resp_bytes > 0]
    if not brought:
        return None
    parts = tuple(Part(burst.first_ns, burst.last_ns, burst.resp_bytes, burst.busy_s) for burst in brought)
    size = sum(part.bytes for part in parts)
    first, last = run[0], brought[-1]
    end_ns = max(part.last_ns for part in parts)
    return Answer(first.flow_id, first.first_ns, end_ns, first.first_frame, last.last_frame, size, parts)


def read_groups(reader: TableReader, flows: dict[int, Flow]) -> list[Group]:
    """Return the encrypted flows of a capture that were not opened, by client and server."""
    by_flow: dict[int, list[Burst]] = {}
    for burst in read(reader, "bursts", Burst):
        by_flow.setdefault(burst.flow_id, []).append(burst)
    hellos = _hellos([*read(reader, "tls", Hello), *read(reader, "quic", Hello)])
    # Secrets of the handshake alone open nothing of what the server sent behind it.
    opened = {row.flow_id for row in read(reader, "decrypted", Decrypted) if "_HANDSHAKE_" not in (row.label or "")}
    groups: dict[tuple[str, ...], Group] = {}
    for flow_id, bursts in by_flow.items():
        flow = flows.get(flow_id)
        if flow is None or flow_id in opened or (flow.protocol or "").removeprefix("-") not in PROTOCOLS:
            continue
        hello = hellos.get(flow_id)
        if hello is not None and (hello.client_ip, hello.client_port) != (flow.orig_ip, flow.orig_port):
            continue
        name = hello.server_name if hello is not None else None
        found = answers_of(bursts, midstream=bool(flow.starts_midstream))
        if found:
            key = (flow.orig_ip, name.lower()) if name else (flow.orig_ip, flow.resp_ip, str(flow.resp_port))
            frame = hello.client_hello_frame if hello is not None else None
            groups.setdefault(key, []).append(ClosedFlow(flow, name, frame, found))
    return [groups[key] for key in sorted(groups)]


def _hellos(rows: Iterable[Hello]) -> dict[int, Hello]:
    """Return the hello of each flow, the first one that names a server."""
    found: dict[int, Hello] = {}
    for row in sorted(rows, key=lambda row: (row.server_name is None, row.client_hello_frame or 0)):
        found.setdefault(row.flow_id, row)
    return found
