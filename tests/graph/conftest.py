"""A hand-made case: tables with the real columns, filled with what a test says."""

from __future__ import annotations

import random

import duckdb
import networkx as nx
import pytest

from iptvforensics.graph import EvidenceGraph, build
from iptvforensics.schema import SQL_TYPES
from iptvforensics.store import tables

BASE_NS = 1_700_000_000 * 10**9
ONE, TWO = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"
HOSTILE = "a\x00b\x1b[31m\u202egpj.</script><img src=x onerror=alert(1)>&\"'\r\n=1+1\ufffe\ud800"


class DuckReader:
    """A reader over tables in memory."""

    def __init__(self, rows, seed=None):
        self.connection = duckdb.connect(config={"threads": 1})
        self.names = set(rows)
        declared = tables()
        for name, table_rows in rows.items():
            columns = declared[name].columns
            types = ", ".join(f'"{column.name}" {SQL_TYPES[column.type]}' for column in columns)
            self.connection.execute(f'CREATE TABLE "{name}" ({types})')
            known = {column.name for column in columns}
            for row in table_rows:
                assert set(row) <= known, set(row) - known
            values = [[row.get(column.name) for column in columns] for row in table_rows]
            if seed is not None:
                random.Random(seed).shuffle(values)
            marks = ", ".join("?" for _ in columns)
            self.connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', values)

    def has(self, table):
        return table in self.names

    def select(self, sql):
        return self.connection.execute(sql).fetchall()


class Lab:
    """Collects rows; each method is one thing that happened on the wire."""

    def __init__(self):
        self.rows = {}
        self.frame = 0

    def add(self, table, **values):
        self.frame += 1
        values.setdefault("capture_id", ONE)
        self.rows.setdefault(table, []).append(values)
        return values

    def message(self, table, **values):
        number = self.frame + 1
        filled = {
            "ts_ns": BASE_NS + number * 10**9,
            "flow_id": 1,
            "from_orig": True,
            "frame_no": number,
            "client_ip": "192.168.1.20",
            "server_ip": "203.0.113.10",
            **values,
        }
        if table == "playlist_entries":
            filled.pop("client_ip"), filled.pop("server_ip")
        return self.add(table, **filled)

    def get(self, host="edge.example", status=200, **values):
        number = self.frame + 1
        defaults = {"method": "GET", "host": host, "status": status, "response_frame_no": number}
        return self.message("http", **{**defaults, **values})

    def session(self, **values):
        number = self.frame + 1
        defaults = {
            "session_id": f"s-{number:012x}",
            "client_ip": "192.168.1.20",
            "delivery": "hls",
            "stream": "http://edge.example/live/1.m3u8",
            "edge_host": "edge.example",
            "edge_ip": "203.0.113.10",
            "edge_port": 80,
            "start_ns": BASE_NS + number * 10**9,
            "end_ns": BASE_NS + (number + 10) * 10**9,
            "bytes": 1000,
            "variants": [],
            "first_frame": number,
            "last_frame": number + 5,
            "flow_ids": [1],
        }
        values = {**defaults, **values}
        return self.add("sessions", **{"published": values["delivery"] == "rtmp-publish", **values})

    def evidence(self, session, *frames):
        for frame in frames:
            self.add("evidence", capture_id=session["capture_id"], row_id=session["session_id"], frame_no=frame)

    def answer(self, name, *addresses, **values):
        return self.message(
            "dns",
            query_name=name,
            query_type="A",
            is_response=True,
            server_port=53,
            addresses=list(addresses),
            **values,
        )

    def query(self, name, **values):
        return self.message(
            "dns", **{"query_name": name, "query_type": "A", "is_response": False, "server_port": 53, **values}
        )

    def flow(self, resp_ip, after_s, **values):
        start = BASE_NS + int(after_s * 10**9)
        return self.add(
            "flows", **{"orig_ip": "192.168.1.20", "resp_ip": resp_ip, "first_ns": start, "flow_id": 9, **values}
        )

    def capture(self, capture_id=ONE, path="evidence/room.pcap"):
        return self.add("captures", capture_id=capture_id, path=path, sha256=capture_id * 4, frames=99)

    def graph(self, seed=None):
        return build(DuckReader(self.rows, seed))


@pytest.fixture
def lab():
    return Lab()


def edges(graph, kind):
    """Return source, target and attributes of all edges of a kind."""
    return {(u, v): a for u, v, a in graph.edges(data=True) if a["kind"] == kind}


@pytest.fixture
def edges_of():
    return edges


@pytest.fixture
def busy(lab):
    """A case in which every rule applies."""
    lab.capture(ONE)
    lab.capture(TWO, "evidence\\second.pcapng")
    watched = lab.session(panel_host="portal.example", channel="News", variants=["http://lists.example/1.m3u8"])
    lab.evidence(watched, 3, 4, 5)
    lab.session(capture_id=TWO, stream=None, edge_host=None, edge_ip="203.0.113.77")
    lab.session(delivery="rtmp-publish", stream="live/key1", client_ip="192.168.1.60", edge_host="in.example")
    lab.session(delivery="rtmp", stream="live/key1", client_ip="192.168.1.61", edge_host="in.example")
    lab.session(
        delivery="udp-ts", client_ip=None, stream="udp://239.1.1.1:5000", edge_host=None, edge_ip="192.168.1.70"
    )
    lab.get("portal.example", 302, location="http://edge.example/live/1.m3u8?token=x", server_ip="198.51.100.7")
    lab.get("edge.example:8080")
    lab.message("rtmp", command="connect", tc_url="rtmp://in.example/live", client_ip="192.168.1.60")
    lab.message("playlist_entries", playlist_url="http://edge.example/1.m3u8", url="http://media.example/1.ts")
    lab.query("edge.example")
    answered = lab.answer("edge.example", "203.0.113.10")
    lab.flow("203.0.113.10", (answered["ts_ns"] - BASE_NS) / 10**9 + 1)
    return lab


@pytest.fixture
def hostile():
    """A graph whose names try to break what they are written to."""
    graph = EvidenceGraph()
    graph.add_node(f"host:{HOSTILE}", kind="host", label=HOSTILE, bytes=5, captures=ONE, first_ns=None, last_ns=BASE_NS)
    graph.add_node("client:192.0.2.1", kind="client", label="=cmd|' /C calc'!A0", bytes=5, captures=ONE)
    graph.add_node("host:a\x01", kind="host", label="a\x01", bytes=0, captures="")
    graph.add_node("host:a\\u0001", kind="host", label="a\\u0001", bytes=0, captures="")
    graph.add_edge(
        "client:192.0.2.1",
        f"host:{HOSTILE}",
        key="asks-for",
        kind="asks-for",
        strength="lead",
        rule=HOSTILE,
        count=1,
        bytes=0,
        evidence=[f"{ONE}#1", f"{ONE}#2"],
        evidence_count=2,
    )
    return graph


@pytest.fixture
def wide():
    """A graph with many nodes in every column, long names and edges of every length."""
    draw = random.Random(7)
    graph = nx.MultiDiGraph()
    kinds = ("capture", "client", "stream", "host", "address")
    names = {kind: [f"{kind}:{kind}-{'x' * draw.randrange(60)}{i}" for i in range(25)] for kind in kinds}
    for kind in kinds:
        for name in names[kind]:
            graph.add_node(name, kind=kind, label=name, bytes=draw.randrange(10**9))
    for _ in range(150):
        one, other = sorted(draw.choices(range(len(kinds)), k=2))
        source, target = draw.choice(names[kinds[one]]), draw.choice(names[kinds[other]])
        graph.add_edge(source, target, key="served-by", kind="served-by", strength="strong", count=1)
    return graph
