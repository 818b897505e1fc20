"""Bursts of encrypted flows to answers, by client and server name.

An answer is what the server sent from one request to the next. The server's name is what the client's hello claims;
connections without one go by address and port. Flows that were opened are left out: what is in them speaks for itself.

**Known limitations**: where only one direction was captured, a pause is taken for a new request. If the
server of the encrypted protocol opened the flow, the flow is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .records import Burst, Decrypted, Flow, Hello, TableReader, read

PROTOCOLS = ("tls", "quic")
MIN_SERVER_BYTES = 30_000
"""A server that sent a client less than this has sent no media."""
MOST_BURSTS = 200_000


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

    The first one is the handshake, and none, unless the beginning of the flow was not captured, or no request was: then
    nothing tells where the handshake ends.
    """
    one_sided = not any(burst.orig_bytes for burst in bursts)
    runs: list[list[Burst]] = []
    for burst in bursts:
        begins = burst.cause in ("first", "request") or (burst.cause == "pause" and one_sided)
        if not runs or begins:
            runs.append([])
        runs[-1].append(burst)
    if not midstream and not one_sided and bursts and bursts[0].cause == "first":
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


def read_clients(reader: TableReader, flows: dict[int, Flow]) -> Iterator[list[Group]]:
    """Yield the encrypted flows of one client after another that were not opened, by server.

    Servers that sent next to nothing are left out. Some `MOST_BURSTS` are in memory at a time.
    """
    hellos = _hellos([*read(reader, "tls", Hello), *read(reader, "quic", Hello)])
    # Secrets of the handshake alone open nothing of what the server sent behind it.
    opened = {row.flow_id for row in read(reader, "decrypted", Decrypted) if "_HANDSHAKE_" not in (row.label or "")}
    if not reader.has("bursts"):
        return
    counts = reader.select("SELECT flow_id, count(*), sum(resp_bytes) FROM bursts GROUP BY flow_id ORDER BY flow_id")
    servers: dict[str, dict[tuple[str, ...], list[tuple[int, int, int]]]] = {}
    for flow_id, count, size in counts:
        flow, hello = flows.get(flow_id), hellos.get(flow_id)
        if flow is not None and flow_id not in opened and _is_closed(flow, hello):
            key = _server(flow, hello)
            servers.setdefault(flow.orig_ip, {}).setdefault(key, []).append((flow_id, int(count), int(size)))
    waiting: list[list[list[int]]] = []
    pending = 0
    for client in sorted(servers):
        kept = [servers[client][key] for key in sorted(servers[client])]
        kept = [found for found in kept if sum(size for _, _, size in found) >= MIN_SERVER_BYTES]
        waiting.append([[flow_id for flow_id, _, _ in found] for found in kept])
        pending += sum(count for found in kept for _, count, _ in found)
        if pending >= MOST_BURSTS:
            yield from _read(reader, waiting, flows, hellos)
            waiting, pending = [], 0
    yield from _read(reader, waiting, flows, hellos)


def _is_closed(flow: Flow, hello: Hello | None) -> bool:
    """Return True for a flow of an encrypted protocol whose client opened it."""
    if (flow.protocol or "").removeprefix("-") not in PROTOCOLS:
        return False
    return hello is None or (hello.client_ip, hello.client_port) == (flow.orig_ip, flow.orig_port)


def _server(flow: Flow, hello: Hello | None) -> tuple[str, ...]:
    if hello is not None and hello.server_name:
        return (hello.server_name.lower(),)
    return flow.resp_ip, str(flow.resp_port)


def _read(
    reader: TableReader, clients: list[list[list[int]]], flows: dict[int, Flow], hellos: dict[int, Hello]
) -> Iterator[list[Group]]:
    """Yield the groups of some clients with their answers."""
    wanted = ", ".join(str(flow_id) for groups in clients for group in groups for flow_id in group)
    if not wanted:
        return
    columns = ", ".join(Burst._fields)
    sql = f"SELECT {columns} FROM bursts WHERE flow_id IN ({wanted}) ORDER BY ALL"  # noqa: S608 - numbers
    by_flow: dict[int, list[Burst]] = {}
    for row in reader.select(sql):
        by_flow.setdefault(row[0], []).append(Burst._make(row))
    for groups in clients:
        made = [[_closed(flows[i], hellos.get(i), by_flow.pop(i)) for i in group] for group in groups]
        yield [kept for group in made if (kept := [closed for closed in group if closed.answers])]


def _closed(flow: Flow, hello: Hello | None, bursts: list[Burst]) -> ClosedFlow:
    answers = answers_of(bursts, midstream=bool(flow.starts_midstream))
    if hello is None:
        return ClosedFlow(flow, None, None, answers)
    return ClosedFlow(flow, hello.server_name, hello.client_hello_frame, answers)


def _hellos(rows: Iterable[Hello]) -> dict[int, Hello]:
    """Return the hello of each flow, the first one that names a server."""
    found: dict[int, Hello] = {}
    for row in sorted(rows, key=lambda row: (row.server_name is None, row.client_hello_frame or 0)):
        found.setdefault(row.flow_id, row)
    return found
