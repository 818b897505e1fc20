"""A hand-made case: tables with the real columns, filled with what a test says happened; and what is made of it."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import duckdb
import pytest

from iptvforensics import parquet
from iptvforensics.derived import Undone
from iptvforensics.entities import build
from iptvforensics.entity_tables import DERIVED
from iptvforensics.listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES, PROGRAMMES, STREAM_LINKS
from iptvforensics.schema import SQL_TYPES, Column
from iptvforensics.store import tables
from iptvforensics.views import Source, with_tables

BASE_NS = 1_700_000_000 * 10**9
LISTED = (ACCOUNT_REPLIES, CATALOGUE_ENTRIES, PROGRAMMES, STREAM_LINKS)
ONE, TWO = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"
BOX, BOX_MAC = "192.168.1.20", "02:00:5e:00:01:20"
PANEL, EDGE = "198.51.100.7", "203.0.113.40"
ROUTER_MAC = "02:00:5e:00:00:01"


class Bench:
    """Reads tables in memory, keeps what is written."""

    def __init__(self, rows: dict[str, list[dict[str, Any]]]) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.names = set(rows)
        self.all_rows = rows
        self.written: dict[str, list[dict[str, Any]]] = {}
        declared = tables() | {table.name: table for table in LISTED}
        for name, table_rows in rows.items():
            columns = declared[name].columns
            types = ", ".join(f'"{column.name}" {SQL_TYPES[column.type]}' for column in columns)
            self.connection.execute(f'CREATE TABLE "{name}" ({types})')
            known = {column.name for column in columns}
            for row in table_rows:
                assert set(row) <= known, set(row) - known
            values = [[row.get(column.name) for column in columns] for row in table_rows]
            marks = ", ".join("?" for _ in columns)
            self.connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', values)
        self._known = {
            name: Source({c.name: f'"{c.name}"' for c in declared[name].columns}, f'main."{name}"') for name in rows
        }

    @property
    def captures(self):
        return len({row.get("capture_id") for rows in self.all_rows.values() for row in rows})

    def has(self, table):
        return table in self.names

    def select(self, sql):
        return self.connection.execute(with_tables(sql, self._known)).fetchall()

    def keep(self, name, sql):
        self.connection.execute(f'CREATE TEMP TABLE "{name}" AS {with_tables(sql, self._known)}')

    def beside(self, make):
        return cache(partial(make, self))

    def put(self, name, columns, rows):
        parquet.put_rows(self.connection, name, [Column(column, "text", "") for column in columns], rows)

    def put_table(self, name, table, rows):
        parquet.put_rows(self.connection, name, table.columns, rows)

    def write(self, table, rows):
        assert all(len(row) == len(table.columns) for row in rows), table.name
        self.written[table.name] = [dict(zip(table.column_names, row, strict=True)) for row in rows]

    def write_query(self, table, sql):
        names = ", ".join(f'"{name}"' for name in table.column_names)
        rows = self.select(f"SELECT {names} FROM ({sql}) ORDER BY ALL NULLS FIRST")
        self.write(table, rows)


class Lab:
    """Collects rows; each method is one thing that happened on the wire."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.frame = 0
        self.flows: set[tuple[str, str, str, int]] = set()

    def add(self, table: str, **values: Any) -> dict[str, Any]:
        self.rows.setdefault(table, []).append({"capture_id": ONE, **values})
        return self.rows[table][-1]

    def flow(self, client=BOX, server=PANEL, mac=BOX_MAC, flow=1, capture=ONE, port=80, **more):
        values = {
            "capture_id": capture,
            "flow_id": flow,
            "transport": "tcp",
            "orig_ip": client,
            "resp_ip": server,
            "resp_port": port,
            "orig_mac": mac,
            "resp_mac": ROUTER_MAC,
            "first_ns": BASE_NS + self.frame * 10**9,
            "last_ns": BASE_NS + (self.frame + 1) * 10**9,
            "first_frame": self.frame + 1,
        }
        return self.add("flows", **{**values, **more})

    def message(self, table, at=None, **values):
        self.frame += 10
        filled = {
            "ts_ns": BASE_NS + (self.frame if at is None else at) * 10**9,
            "flow_id": 1,
            "from_orig": True,
            "frame_no": self.frame,
            "stream_offset": self.frame * 100,
            "client_ip": BOX,
            "server_ip": PANEL,
            "server_port": 80,
            **values,
        }
        return self.add(table, **filled)

    def get(self, target, host="tv.example", status=200, headers=(), mac=BOX_MAC, **values):
        """Add a request with its answer, and its flow."""
        row = self.message(
            "http",
            method="GET",
            host=host,
            target=target,
            status=status,
            response_frame_no=self.frame + 11,
            request_headers=list(headers),
            **values,
        )
        key = (row["capture_id"], row["client_ip"], row["server_ip"], row["flow_id"])
        if key not in self.flows:
            self.flows.add(key)
            self.flow(row["client_ip"], row["server_ip"], mac, row["flow_id"], row["capture_id"], row["server_port"])
        return row

    def session(self, stream, edge="edge.example", at=None, **values):
        self.frame += 10
        start = BASE_NS + (self.frame if at is None else at) * 10**9
        defaults = {
            "session_id": f"s-{self.frame:012x}",
            "client_ip": BOX,
            "delivery": "http-ts",
            "stream": stream,
            "edge_host": edge,
            "edge_ip": EDGE,
            "edge_port": 80,
            "start_ns": start,
            "end_ns": start + 60 * 10**9,
            "bytes": 1000,
            "first_frame": self.frame,
            "flow_ids": [1],
        }
        values = {**defaults, **values}
        return self.add("sessions", **{"published": values["delivery"] == "rtmp-publish", **values})

    def watch(self, number=77, user="u1", password="p1", host="tv.example", edge="edge.example", **values):
        """Add a request that the panel answers with a redirect to an edge, and the session."""
        target = f"/live/{user}/{password}/{number}.ts"
        self.get(target, host, 302, location=f"http://{edge}/auth/abcdefghijklmnopqrst", **values)
        kept = {k: v for k, v in values.items() if k in ("capture_id", "client_ip", "at", "user_agent")}
        return self.session(f"http://{host}{target}", edge, panel_host=host, **kept)

    def bench(self) -> Bench:
        return Bench(self.rows)

    def build(self, **undone: str) -> dict[str, list[dict[str, Any]]]:
        """Return the tables of the case, those without rows as empty lists."""
        bench = self.bench()
        build(bench, [Undone(*row) for row in undone.items()])
        return {table.name: bench.written.get(table.name, []) for table in DERIVED}


@pytest.fixture
def lab() -> Lab:
    return Lab()
