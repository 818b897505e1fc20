"""A case as one object: its tables, its queries, what lies behind its rows."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from datetime import UTC, datetime
from pathlib import Path

import networkx as nx
import pandas as pd
import pytest

import iptvforensics as iptv
from iptvforensics.case import Case
from iptvforensics.errors import CaptureError, CaseError
from iptvforensics.store import tables

SMALL = "dcb8756b8485dcde"
REDIRECTED = "92b232c77f166f4c"


@pytest.fixture
def case(sample_case: Path) -> Case:
    return iptv.open_case(sample_case)


def test_every_table_is_an_attribute_and_an_item(case: Case) -> None:
    for table in tables().values():
        found = case[table.name]
        assert set(table.column_names) <= set(found.columns)
        assert table.name in dir(case)
        if table.name != "evidence":  # case.evidence(row_id) is a method
            pd.testing.assert_frame_equal(getattr(case, table.name), found)


def test_a_wrong_name_gets_the_nearest_ones(case: Case) -> None:
    with pytest.raises(AttributeError, match="did you mean sessions"):
        _ = case.sesions
    with pytest.raises(KeyError, match="did you mean http"):
        case["htpp"]


def test_times_stand_beside_their_nanoseconds(case: Case) -> None:
    sessions = case.sessions
    assert str(sessions["start"].dtype) == "datetime64[ns, UTC]"
    assert (sessions["start"].astype("int64") == sessions["start_ns"]).all()
    assert list(sessions.columns).index("start") == list(sessions.columns).index("start_ns") + 1


def test_a_dataframe_belongs_to_its_user(case: Case) -> None:
    mine = case.http
    mine["url"] = "changed"
    assert "changed" not in set(case.http["url"])


def test_tables_are_listed_with_their_rows(case: Case) -> None:
    listed = case.tables().set_index("name")
    assert listed.loc["captures", "rows"] == 4
    assert listed.loc["http", "rows"] == len(case.http)
    assert listed.loc["rtmp_media", "columns"] == len(tables()["rtmp_media"].columns)


def test_sums_in_sql_stay_integers(case: Case) -> None:
    found = case.sql("SELECT sum(bytes) AS b, sum(missing_bytes) FILTER (false) AS none FROM sessions")
    assert found["b"].dtype == "int64"
    assert found["b"][0] == case.sessions["bytes"].sum()
    assert found["none"][0] is pd.NA


@pytest.mark.parametrize(
    "query",
    [
        "DROP VIEW http",
        "CREATE TABLE x AS SELECT 1",
        "INSERT INTO http SELECT * FROM http",
        "SELECT 1; SELECT 2",
        "COPY (SELECT 1) TO 'x.csv'",
        "ATTACH 'x.db'",
        "SET threads = 1",
        "INSTALL httpfs",
        "",
    ],
)
def test_sql_only_reads(case: Case, query: str) -> None:
    with pytest.raises(CaseError, match="expected one SELECT"):
        case.sql(query)


@pytest.mark.parametrize(
    "query",
    [
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}'",
        "WITH a AS (COPY (SELECT 1) TO '{file}') SELECT * FROM a",
        "SELECT (WITH a AS (COPY (SELECT 1) TO '{file}') SELECT 1)",
        "SELECT * FROM query('WITH a AS (COPY (SELECT 1) TO ''{file}'') SELECT 1')",
        "EXPLAIN ANALYZE WITH a AS (COPY (SELECT 1) TO '{file}') SELECT * FROM a",
        "SELECT * FROM json_execute_serialized_sql("
        "json_serialize_sql('WITH a AS (COPY (SELECT 1) TO ''{file}'') SELECT 1'))",
    ],
)
def test_no_query_writes_into_the_case(case: Case, query: str) -> None:
    planted = case.path / "captures" / "planted.parquet"
    with pytest.raises(CaseError, match="SQL: "):
        list(case.query(query.format(file=planted)).rows)
    assert not planted.exists()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_csv('http://192.0.2.1/x.csv')",
        "SELECT * FROM my_own_rows",
        "SELECT nothing FROM http",
        "SELECT 1/'x'",
        "SELEC 1",
    ],
)
def test_sql_reads_the_case_only_and_errors_are_one_line(case: Case, query: str) -> None:
    my_own_rows = pd.DataFrame({"a": [1]})  # DuckDB would find it by its name
    assert len(my_own_rows) == 1
    with pytest.raises(CaseError, match="SQL: ") as caught:
        list(case.query(query).rows)
    assert "\n" not in str(caught.value)


def test_queries_may_end_in_comments_and_semicolons(case: Case) -> None:
    assert case.sql("SELECT 1 AS one; -- that is all")["one"].tolist() == [1]
    assert len(case.sql("EXPLAIN SELECT * FROM http")) == 1


def test_rows_can_be_chosen(case: Case) -> None:
    found = case.rows("http", ["status", "host"], where="status = 302 -- redirect", limit=1)
    assert found.columns == ["status", "host"]
    assert list(found.rows) == [(302, "tv.merlin-box.example")]
    with pytest.raises(KeyError, match="did you mean status"):
        case.rows("http", ["statu"])
    with pytest.raises(CaseError, match="SQL"):
        case.rows("http", where="nonsense ===")


def test_evidence_of_a_session_is_the_frames_behind_it(case: Case) -> None:
    session = case.sessions.iloc[0]
    found = case.evidence(session["session_id"])
    assert set(found["row_id"]) == {session["session_id"]}
    assert (found["frame_no"] >= 1).all()
    with pytest.raises(CaseError, match="no evidence for a row 'x'"):
        case.evidence("x")


def test_a_cited_frame_is_found(case: Case) -> None:
    row = case.http.query("capture_id == @REDIRECTED and status == 302").iloc[0]
    frame = case.frame(REDIRECTED, int(row["frame_no"]))
    assert b"GET /live/viewer23/" in frame.captured_bytes
    assert frame.ts_ns == row["ts_ns"]
    assert frame.time == row["ts"]


def test_a_body_is_got_and_saved(case: Case, tmp_path: Path) -> None:
    row = case.objects.query("capture_id == @SMALL and bytes == 51700").iloc[0]
    place = (row["capture_id"], int(row["flow_id"]), int(row["stream_offset"]))
    data = case.content(*place)
    assert hashlib.sha256(data).hexdigest() == row["sha256"]
    assert case.save_content(*place, tmp_path / "body.ts") == row["sha256"]
    assert (tmp_path / "body.ts").read_bytes() == data
    with pytest.raises(FileExistsError):
        case.save_content(*place, tmp_path / "body.ts")


def test_the_graph_is_of_networkx(case: Case) -> None:
    graph = case.graph()
    assert isinstance(graph, nx.MultiDiGraph)
    assert graph.number_of_edges() > 0


def test_a_graph_without_secrets_has_the_same_form(sample_case: Path, tmp_path: Path) -> None:
    shutil.copytree(sample_case, tmp_path / "case")
    case = iptv.open_case(tmp_path / "case")
    open_graph, redacted = case.graph(), case.graph(redact=True)
    assert (redacted.number_of_nodes(), redacted.number_of_edges()) == (len(open_graph), open_graph.number_of_edges())
    text = str(list(redacted.nodes(data=True))) + str(list(redacted.edges(data=True)))
    assert "pw23pw" in str(list(open_graph.nodes(data=True)))
    assert "pw23pw" not in text
    assert "viewer23" not in text


def test_jupyter_gets_escaped_text_even_while_a_loop_runs(sample_case: Path, tmp_path: Path) -> None:
    folder = tmp_path / "<script>alert(1)<"
    shutil.copytree(sample_case, folder)

    async def show() -> str:
        return iptv.open_case(folder)._repr_html_()

    shown = asyncio.run(show())
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;" in shown
    assert "Sessions" in shown


def test_repr_tells_folder_captures_and_rows(case: Case) -> None:
    assert repr(case).startswith("<Case '")
    assert "4 captures" in repr(case)


def test_a_case_without_a_folder_lives_as_long_as_it_is_open(samples: Path) -> None:
    with iptv.analyze(samples / "dns/names.pcap", workers=1) as case:
        folder = case.path
        assert len(case.captures) == 1
        assert len(case.dns) > 10
    assert not folder.exists()


def test_captures_added_later_are_seen(samples: Path, tmp_path: Path) -> None:
    case = iptv.analyze(samples / "dns/names.pcap", tmp_path / "case", workers=1)
    assert len(case.captures) == 1
    iptv.analyze(samples / "formats/small.pcap", tmp_path / "case", workers=1)
    assert len(case.captures) == 2
    assert len(case.http) == 2


def test_captures_that_cannot_be_read_are_named(samples: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"this is no capture at all")
    case = iptv.analyze([samples / "dns/names.pcap", bad], tmp_path / "case", workers=1)
    assert list(case.failures) == [str(bad)]
    assert len(case.captures) == 1
    with pytest.raises(CaptureError, match=r"bad\.pcap"):
        iptv.analyze(bad, tmp_path / "case", workers=1)


def test_moved_evidence_is_named_when_the_case_is_opened(samples: Path, tmp_path: Path) -> None:
    original = tmp_path / "small.pcap"
    shutil.copy(samples / "formats/small.pcap", original)
    iptv.analyze(original, tmp_path / "case", workers=1)
    (tmp_path / "later").mkdir()
    original.rename(tmp_path / "later" / "x.pcap")
    with pytest.raises(CaseError, match="is not there"):
        iptv.open_case(tmp_path / "case").frame(SMALL, 1)
    assert iptv.open_case(tmp_path / "case", evidence=tmp_path / "later").frame(SMALL, 1).frame_no == 1


def test_digest_and_verification_are_one_call(samples: Path, tmp_path: Path, case: Case) -> None:
    mine = iptv.analyze(samples / "formats/small.pcap", tmp_path / "case", workers=1)
    assert mine.digest().tables["captures"] != case.digest().tables["captures"]
    assert mine.verify(workers=1).is_confirmed


def test_the_case_of_another_place_is_no_case(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no case here"):
        iptv.open_case(tmp_path)


@pytest.mark.parametrize("more", ["", ", sum(1) AS total", ", 1 AS t", ";", " -- all of it"])
def test_times_with_a_zone_need_no_library_more(sample_case: Path, more: str) -> None:
    query = f"SELECT to_timestamp(2) AS t, [to_timestamp(3)] AS list{more}"
    with iptv.open_case(sample_case) as case:
        (row,) = case.query(query).rows
        frame = case.sql(query)
    two, three = (datetime(1970, 1, 1, 0, 0, second, tzinfo=UTC).replace(tzinfo=None) for second in (2, 3))
    assert row[:2] == (two, [three])
    assert str(frame.iloc[0, 0]) == "1970-01-01 00:00:02+00:00"
    assert frame.columns[:2].tolist() == ["t", "list"]
    assert frame.iloc[0, 1] == [three]
