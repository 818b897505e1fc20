"""A hand-made capture: tables with the real columns, filled with exchanges that a test describes."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import urljoin

import duckdb
import pytest

from iptvforensics.schema import EVIDENCE, SESSIONS, SQL_TYPES
from iptvforensics.sessions import drafts_of, tables_of
from iptvforensics.store import tables

BASE_NS = 1_700_000_000 * 10**9
CLIENT = "192.168.1.20"
SERVER = "203.0.113.10"


class DuckReader:
    """A reader over tables in memory."""

    def __init__(self, rows: dict[str, list[dict[str, Any]]]) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.names = set()
        declared = tables()
        for name, table_rows in rows.items():
            columns = declared[name].columns[1:]
            self.names.add(name)
            types = ", ".join(f'"{column.name}" {SQL_TYPES[column.type]}' for column in columns)
            self.connection.execute(f'CREATE TABLE "{name}" ({types})')
            known = {column.name for column in columns}
            for row in table_rows:
                assert set(row) <= known, set(row) - known
            if table_rows:
                marks = ", ".join("?" for _ in columns)
                values = [[row.get(column.name) for column in columns] for row in table_rows]
                self.connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', values)

    def has(self, table):
        return table in self.names

    def select(self, sql):
        return self.connection.execute(sql).fetchall()


class Lab:
    """Collects rows; each method is one thing that happened on the wire."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.frame = 0
        self.offset = 0

    def add(self, table: str, **values: Any) -> dict[str, Any]:
        self.rows.setdefault(table, []).append(values)
        return values

    def flow(self, flow_id=1, history="ShADad", client=CLIENT, server=SERVER, port=80, transport="tcp", **more):
        values = {
            "flow_id": flow_id,
            "transport": transport,
            "orig_ip": client,
            "orig_port": 40000 + flow_id,
            "resp_ip": server,
            "resp_port": port,
            "protocol": "http",
            "starts_midstream": False,
            "history": history,
            "first_ns": BASE_NS,
            "last_ns": BASE_NS,
            "first_frame": 1,
            "last_frame": 1,
        }
        return self.add("flows", **{**values, **more})

    def get(
        self,
        url,
        at,
        *,
        size=0,
        kind=None,
        status=200,
        client=CLIENT,
        server=SERVER,
        port=80,
        flow=1,
        took=0.1,
        declared="same",
        first=None,
        total=None,
        missing=0,
        whole=True,
        media_type=None,
        media_s=None,
        ts=None,
        service=None,
        ts_service=None,
        request=True,
        exchange=True,
        **more,
    ):
        """Add an exchange, its body if it has one, and a transport stream if its seconds or values are given."""
        self.frame += 10
        self.offset += 10_000_000
        ns = BASE_NS + round(at * 1e9)
        end = ns + round(took * 1e9)
        ends = {"client_ip": client, "client_port": 40000 + flow, "server_ip": server, "server_port": port}
        body_at = self.offset + 200 if size else None
        declared = size + missing if declared == "same" else declared
        if exchange:
            self.add(
                "http",
                ts_ns=ns,
                flow_id=flow,
                from_orig=request,
                frame_no=self.frame,
                stream_offset=self.offset,
                response_frame_no=self.frame + 1,
                response_ns=ns + 1000,
                method="GET" if request else None,
                host=url.split("/")[2] if url else None,
                url=url,
                target="/" + url.split("/", 3)[3] if url else None,
                status=status,
                response_body_bytes=size,
                response_body_declared_bytes=declared if size else None,
                response_missing_bytes=missing,
                response_body_offset=body_at,
                complete=whole,
                user_agent=more.pop("user_agent", "Player/1.0") if request else None,
                **{"interrupted": None, **more},
                **ends,
            )
        if size:
            self.add(
                "objects",
                ts_ns=ns + 1000,
                flow_id=flow,
                from_orig=False,
                frame_no=self.frame + 1,
                stream_offset=body_at,
                name=url,
                kind=kind,
                media_type=media_type,
                role="response" if exchange else "message",
                status=status if exchange else None,
                bytes=size,
                declared_bytes=declared,
                first_byte=first,
                total_bytes=total,
                missing_bytes=missing,
                complete=whole and missing == 0,
                last_ns=end,
                last_frame=self.frame + 5,
                **ends,
            )
        place = {"flow_id": flow, "from_orig": False, "object_offset": body_at}
        lead = {"ts_ns": ns + 1000, "frame_no": self.frame + 1, "stream_offset": body_at}
        if media_s is not None or ts is not None:
            clock = {"media_s": media_s, "media_s_basis": "PTS", "pts_first": 900_000}
            self.add(
                "transport_streams",
                **lead,
                **place,
                **{"packet_bytes": 188, "packets": size // 188, **clock, **(ts or {})},
            )
        if service is not None:
            self.add(
                "ts_services",
                **lead,
                **place,
                service_id=1,
                service_name=service,
                **{"pmt_crc_valid": True, "sdt_crc_valid": True, **(ts_service or {})},
            )
        return {**lead, **place, "url": url}

    def send(self, url, at, *, declared=None, status=201, **more):
        """Add an exchange by which the client sent a body, and a transport stream if its seconds are given."""
        place = self.get(url, at, declared=declared, status=status, **more)
        exchange, body = self.rows["http"][-1], self.rows["objects"][-1]
        exchange.update(method="PUT", request_body_offset=exchange["response_body_offset"])
        exchange.update(response_body_offset=None, response_body_bytes=0, response_body_declared_bytes=0)
        body.update(role="request", status=None)
        for row in (body, *self.rows.get("transport_streams", [])[-1:]):
            if row["frame_no"] == body["frame_no"]:
                row["from_orig"] = True
        return {**place, "from_orig": True}

    def redirect(self, url, to, at, **more):
        return self.get(url, at, status=more.pop("status", 302), location=to, **more)

    def playlist(self, url, at, names, *, seconds=4.0, start=0, endlist=False, target=4.0, kind="media", **more):
        """Add a media playlist; names are references, or (reference, values of the entry)."""
        own = {key: more.pop(key) for key in ("playlist_type", "session_data") if key in more}
        add = self.send if more.pop("sent", False) else self.get
        place = add(url, at, size=300, kind="hls", took=0.01, **more)
        base = place.pop("url")
        self.add(
            "playlists",
            **place,
            kind=kind,
            url=base,
            target_duration_s=target if kind == "media" else None,
            media_sequence=start if kind == "media" else None,
            has_endlist=endlist,
            **own,
        )
        for number, named in enumerate(names):
            name, values = named if isinstance(named, tuple) else (named, {})
            entry = {
                "kind": "media-segment" if kind == "media" else "variant",
                "media_sequence": start + number if kind == "media" else None,
                "duration_s": seconds if kind == "media" else None,
                **values,
            }
            place["stream_offset"] += 1
            self.add(
                "playlist_entries",
                **place,
                playlist_url=base,
                line_no=number + 2,
                uri=name,
                url=urljoin(base or "", name),
                **entry,
            )

    def segment(self, url, at, size=1000, **more):
        return self.get(url, at, size=size, kind=more.pop("kind", "mpegts"), **more)

    def build(self, *, seed=None, only_client=None):
        """Return the sessions and evidence as dicts; `seed` shuffles all input rows."""
        rows = {name: list(table_rows) for name, table_rows in self.rows.items()}
        if only_client is not None:
            flows = {row["flow_id"] for row in rows["http"] if row["client_ip"] == only_client}
            rows = {name: [row for row in rows[name] if row["flow_id"] in flows] for name in rows}
        if seed is not None:
            for table_rows in rows.values():
                random.Random(seed).shuffle(table_rows)
        found = tables_of(drafts_of(DuckReader(rows)), "0123456789abcdef")
        sessions = [dict(zip(SESSIONS.column_names[1:], row, strict=True)) for row in found.sessions]
        evidence = [dict(zip(EVIDENCE.column_names[1:], row, strict=True)) for row in found.evidence]
        return sessions, evidence

    def sessions(self):
        return self.build()[0]

    def one(self):
        sessions = self.sessions()
        assert len(sessions) == 1, [(one["delivery"], one["stream"]) for one in sessions]
        return sessions[0]

    def shown(self):
        return [row["shows"] for row in self.build()[1]]


@pytest.fixture
def lab():
    return Lab()
