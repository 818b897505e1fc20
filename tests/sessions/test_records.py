"""Rows of the tables as records."""

from __future__ import annotations

import pytest

from iptvforensics import parquet
from iptvforensics.schema import Column
from iptvforensics.sessions import drafts_of, records
from iptvforensics.store import tables

RECORDS = {
    "bursts": records.Burst,
    "decrypted": records.Decrypted,
    "dns": records.DnsMessage,
    "websocket": records.WebSocket,
    "flows": records.Flow,
    "link_addresses": records.LinkAddress,
    "http": records.Exchange,
    "objects": records.Body,
    "playlists": records.Playlist,
    "playlist_entries": records.Entry,
    "transport_streams": records.TransportStream,
    "ts_services": records.Service,
    "rtmp": records.RtmpMessage,
    "rtmp_media": records.RtmpMedia,
    "rtp_streams": records.RtpStream,
    "quic": records.Hello,
    "tls": records.Hello,
    "srt": records.SrtConnection,
    "srt_streams": records.SrtStream,
}


@pytest.mark.parametrize("table", sorted(RECORDS))
def test_records_ask_for_columns_that_the_table_has(table):
    assert set(RECORDS[table]._fields) <= set(tables()[table].column_names)


def test_everything_that_sessions_read_is_named_in_its_order_to_be_written_first(monkeypatch, lab):
    asked = []

    class Reader:
        def has(self, table):
            asked.append(table)
            return False

    assert drafts_of(Reader()) == []
    assert tuple(dict.fromkeys(asked)) == records.TABLES_READ
    assert set(asked) == set(RECORDS)


@pytest.mark.parametrize(
    "rows",
    [
        [(3, "b"), (1, "B"), (2, None), (1, "\u00e9"), (1, "b")],
        [(1, "b"), (1, None), (2, None), (1, "a"), (1, None), (0, "z")],  # compared where there is a null
    ],
    ids=["told-apart", "nulls-decide"],
)
def test_records_come_in_the_order_of_their_values(rows):
    connection = parquet.connect()
    parquet.put_rows(connection, "decrypted", [Column("flow_id", "int", ""), Column("label", "text", "")], rows)

    class Reader:
        def has(self, _table):
            return True

        def select(self, sql):
            return connection.execute(sql).fetchall()

    found = records.read(Reader(), "decrypted", records.Decrypted)
    assert found == sorted(rows, key=lambda row: (row[0], row[1] is not None, row[1] or ""))
    assert all(isinstance(row, records.Decrypted) for row in found)


def test_a_table_that_the_capture_does_not_have_is_empty(lab):
    assert lab.build() == ([], [])


@pytest.mark.parametrize(
    ("history", "closed_by"),
    [("ShADadFf", "originator"), ("ShADadrR", "responder"), ("ShADad", None), (None, None)],
)
def test_who_closed_a_flow(history, closed_by):
    flow = records.Flow(1, "tcp", "a", 1, None, "b", 2, None, None, False, history, 0, 0, 1, 1)
    assert flow.closed_by() == closed_by
