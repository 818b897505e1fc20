"""The command line: what it prints, what it returns, and what it never shows."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from iptvforensics import __version__
from iptvforensics.cli import main

SMALL = "dcb8756b8485dcde"
SECRETS = ("viewer23", "pw23pw")
oracle = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def own_case(sample_case: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(sample_case, tmp_path / "case"))


def test_a_capture_is_analysed_and_summarized(samples: Path, tmp_path: Path) -> None:
    first = run("analyze", samples / "formats/small.pcap", "--case", tmp_path / "case", "--workers", "1")
    assert SMALL in first.stdout
    assert first.stdout.splitlines()[1].split()[1:] == [SMALL, "71", "1", "analysed"]
    assert first.stderr == ""
    again = run("analyze", samples / "formats/small.pcap", "--case", tmp_path / "case")
    assert "known already" in again.stdout
    assert "analysed" in run("analyze", samples / "formats/small.pcap", "--case", tmp_path / "case", "--force").stdout


def test_captures_that_cannot_be_read_are_named_and_exit_3(samples: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad\x1b[31m.pcap"
    bad.write_bytes(b"no capture at all")
    found = run("analyze", bad, samples / "dns/names.pcap", "--case", tmp_path / "case", "--workers", "1", code=3)
    assert "bad\\x1b[31m.pcap" in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert "\x1b" not in found.output
    assert "41c94dce654b4654" in found.stdout


@pytest.mark.parametrize(
    "arguments",
    [("tables", "nowhere"), ("analyze", "nowhere.pcap", "--case", "x"), ("frame", "nowhere.pcap", "1")],
    ids=["no-case", "no-capture", "no-file"],
)
def test_an_error_is_one_line_and_exit_1(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = run(*arguments, code=1)
    assert found.stdout == ""
    assert len(found.stderr.splitlines()) == 1
    assert found.stderr.startswith("Error: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze",),
        ("analyze", "x.pcap"),
        ("frame", "x", "0"),
        ("nonsense",),
        ("tables", "x", "--format", "xml"),
        ("protocols", "--format", "parquet"),
    ],
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    run(*arguments, code=2)


@pytest.mark.parametrize("form", ["csv", "tsv", "json", "jsonl"])
def test_a_table_is_printed_in_every_format(sample_case: Path, form: str) -> None:
    found = run("show", sample_case, "http", "--format", form, "--columns", "status,url", "--where", "status = 302")
    url = "http://tv.merlin-box.example/live/viewer23/pw23pw/77.m3u8"
    expected = {
        "csv": f"status,url\n302,{url}\n",
        "tsv": f"status\turl\n302\t{url}\n",
        "json": f'[\n {{"status": 302, "url": "{url}"}}\n]\n',
        "jsonl": f'{{"status": 302, "url": "{url}"}}\n',
    }
    assert found.stdout == expected[form]
    assert found.stderr == ""


def test_a_file_gets_what_standard_output_would(sample_case: Path, tmp_path: Path) -> None:
    shown = run("show", sample_case, "flows", "--format", "csv").stdout
    assert run("show", sample_case, "flows", "--format", "csv", "-o", tmp_path / "flows.csv").stdout == ""
    assert (tmp_path / "flows.csv").read_text() == shown
    assert len(list(csv.reader(io.StringIO(shown)))) > 10


def test_parquet_goes_to_a_file(sample_case: Path, tmp_path: Path) -> None:
    from iptvforensics.parquet import connect

    run("show", sample_case, "sessions", "--format", "parquet", "-o", tmp_path / "s.parquet")
    connection = connect()
    found = connection.execute(f"SELECT count(*), count(start_ns) FROM '{tmp_path / 's.parquet'}'").fetchall()
    connection.close()
    rows = json.loads(run("show", sample_case, "sessions", "--format", "json").stdout)
    assert found == [(len(rows), len(rows))]


def test_a_long_table_for_people_is_cut_and_says_so(sample_case: Path) -> None:
    cut = run("show", sample_case, "stream_index")
    assert len(cut.stdout.splitlines()) == 51
    assert "more rows" in cut.stderr
    chosen = run("show", sample_case, "stream_index", "--limit", "60")
    assert len(chosen.stdout.splitlines()) == 61
    assert chosen.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "htpp"), "did you mean http"),
        (("show", "http", "--columns", "statu"), "did you mean status"),
        (("show", "http", "--where", "nonsense ="), "SQL"),
        (("sql", "DROP VIEW http"), "read-only"),
        (("sql", "SELECT * FROM '/etc/passwd'"), "SQL"),
    ],
    ids=["table", "column", "condition", "drop", "other-file"],
)
def test_a_wrong_question_is_one_line(sample_case: Path, arguments: tuple[str, ...], message: str) -> None:
    command, *rest = arguments
    found = run(command, sample_case, *rest, code=1)
    assert message in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_sql_answers_exactly(sample_case: Path) -> None:
    found = run("sql", sample_case, "SELECT sum(x) AS s, NULL AS n FROM (VALUES (9007199254740993)) t(x)", "-f", "json")
    assert json.loads(found.stdout) == [{"s": 9007199254740993, "n": None}]


def test_tables_and_protocols_are_listed(sample_case: Path) -> None:
    rows = {row["name"]: row for row in json.loads(run("tables", sample_case, "-f", "json").stdout)}
    assert rows["captures"]["rows"] == 4
    names = {row["name"] for row in json.loads(run("protocols", "-f", "json").stdout)}
    assert {"dns", "http", "hls", "rtmp", "mpegts"} <= names
    assert "limits:" in run("protocols").stdout


def test_no_secret_is_left_in_any_table(own_case: Path) -> None:
    names = [row["name"] for row in json.loads(run("tables", own_case, "-f", "json").stdout)]
    shown = "".join(run("show", own_case, name, "-f", "csv").stdout for name in names)
    redacted = "".join(run("show", own_case, name, "-f", "csv", "--redact").stdout for name in names)
    for secret in SECRETS:
        assert secret in shown
        assert secret not in redacted
    assert redacted.count("\n") == shown.count("\n")


def test_no_secret_is_left_in_answers_and_graphs(own_case: Path) -> None:
    query = "SELECT url AS x, split_part(url, '/', 6) AS y FROM http WHERE url LIKE '%pw23pw%'"
    answers = [run("sql", own_case, query, "-f", "json", "--redact").stdout]
    answers += [run("graph", own_case, "-f", form, "--redact").stdout for form in ("json", "graphml", "gexf")]
    for answer in answers:
        assert "redacted-" in answer
        assert not [secret for secret in SECRETS if secret in answer]
    (row, *_) = json.loads(answers[0])
    assert row["y"] in row["x"]


@pytest.mark.parametrize("form", ["json", "graphml", "gexf", "html"])
def test_a_graph_goes_to_a_file_or_to_standard_output(sample_case: Path, tmp_path: Path, form: str) -> None:
    run("graph", sample_case, "-f", form, "-o", tmp_path / "graph")
    shown = run("graph", sample_case, "-f", form).stdout
    assert (tmp_path / "graph").read_text().strip() == shown.strip()
    assert "merlin-box.example" in shown


def test_a_graph_as_csv_is_two_files(sample_case: Path, tmp_path: Path) -> None:
    run("graph", sample_case, "-f", "csv", code=2)
    run("graph", sample_case, "-f", "csv", "-o", tmp_path / "graph.csv")
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["graph.edges.csv", "graph.nodes.csv"]


def test_a_frame_is_shown_from_a_case_and_from_a_file(samples: Path, sample_case: Path) -> None:
    alone = run("frame", samples / "formats/small.pcap", 10).stdout
    of_case = run("frame", sample_case, 10, "--capture", SMALL).stdout
    assert "###[ Ethernet ]###" in alone
    assert alone.splitlines()[-3:] == of_case.splitlines()[-3:]
    assert "choose one of its 4 captures" in run("frame", sample_case, 10, code=1).stderr
    assert "no frame 1000" in run("frame", samples / "formats/small.pcap", 1000, code=1).stderr


@pytest.mark.parametrize("tool", ["scapy", "dpkt", pytest.param("tshark", marks=[pytest.mark.oracle, oracle])])
def test_a_frame_is_decoded_by_the_program_asked_for(samples: Path, tool: str) -> None:
    mark = {"scapy": "###[ TCP ]###", "dpkt": "Ethernet(", "tshark": "Frame Number: 10"}[tool]
    assert mark in run("frame", samples / "formats/small.pcap", 10, "--with", tool).stdout


def test_a_body_is_saved(sample_case: Path, tmp_path: Path) -> None:
    query = f"SELECT flow_id, stream_offset, sha256 FROM objects WHERE capture_id = '{SMALL}' AND bytes = 51700"
    (row,) = json.loads(run("sql", sample_case, query, "-f", "json").stdout)
    arguments = ("content", sample_case, SMALL, row["flow_id"], row["stream_offset"], "-o", tmp_path / "body")
    assert run(*arguments).stdout.startswith(row["sha256"])
    assert (tmp_path / "body").stat().st_size == 51700
    assert "exists" in run(*arguments, code=1).stderr


def test_verify_exits_0_3_and_4(samples: Path, tmp_path: Path) -> None:
    evidence = tmp_path / "small.pcap"
    shutil.copy(samples / "formats/small.pcap", evidence)
    run("analyze", evidence, "--case", tmp_path / "case")
    assert "0 differences" in run("verify", tmp_path / "case").stdout
    content = bytearray(evidence.read_bytes())
    content[-1] ^= 1
    evidence.write_bytes(content)
    assert "SHA-256" in run("verify", tmp_path / "case", code=4).stdout
    evidence.unlink()
    assert "is not there" in run("verify", tmp_path / "case", code=3).stderr
    assert "1 captures" in run("verify", tmp_path / "case", "--evidence", samples / "formats").stdout


def test_the_demo_writes_case_and_graph(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    shutil.copy(samples / "dns/names.pcap", tmp_path / "few")
    found = run("demo", "--samples", tmp_path / "few", "-o", tmp_path / "out")
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["case", "graph.graphml", "graph.html", "graph.json"]
    assert f"open {tmp_path / 'out' / 'graph.html'}" in found.stderr
    assert str(tmp_path / "out" / "case") in found.stderr


def test_a_reader_that_stops_early_is_no_error_message(sample_case: Path) -> None:
    command = [sys.executable, "-m", "iptvforensics", "show", str(sample_case), "stream_index", "-f", "csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"capture_id")
        process.stdout.close()
        assert process.stderr.read() == b""


def test_the_module_can_be_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "iptvforensics", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"iptvforensics, version {__version__}\n"


def test_tables_of_the_case_that_could_not_be_made_are_an_error(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("iptvforensics.derived.refresh", full)
    found = run("analyze", samples / "dns/names.pcap", "--case", tmp_path / "case", "--workers", 1, code=1)
    assert "the tables of the whole case could not be made: [Errno 28] No space left on device" in found.stderr
    assert "analysed" in found.stdout


def test_an_interrupted_query_ends_as_other_commands_do(sample_case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr("iptvforensics.case.Case.query", interrupted)
    assert "Aborted!" in run("sql", sample_case, "SELECT 1", code=1).output


def test_verify_says_if_the_tables_of_the_whole_case_were_not_compared(own_case: Path) -> None:
    next(own_case.glob("captures/*/http-0000.parquet")).unlink()
    assert "the tables of the whole case were not compared" in run("verify", own_case, code=4).stderr


@pytest.mark.parametrize("command", [("tables",), ("graph",), ("show", "http"), ("sql", "SELECT 1 FROM http")])
def test_a_damaged_table_is_one_line(own_case: Path, command: tuple[str, ...]) -> None:
    path = next(own_case.glob("captures/*/http-0000.parquet"))
    path.write_bytes(path.read_bytes()[:500])
    said = run(command[0], own_case, *command[1:], code=1).stderr
    assert said.count("\n") == 1
    assert str(path) in said


def test_names_of_columns_may_have_spaces_between_them(sample_case: Path) -> None:
    found = run("show", sample_case, "http", "--columns", "status, url", "--limit", "0", "--format", "csv").stdout
    assert found == "status,url\n"
