"""Rows as text: every format can be read back, and no text from evidence does harm."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from iptvforensics.output import for_people, lines, print_table, visible, write_parquet
from iptvforensics.parquet import connect

COLUMNS = ["n", "text", "list", "flag"]
ROWS: list[tuple[Any, ...]] = [
    (9007199254740993, 'a "quoted", text\nof two lines', ["x", "ÿ"], True),
    (None, None, None, False),
    (-1, "tab\tand \\", [], None),
]


def written(form: str, rows: list[tuple[Any, ...]] = ROWS) -> str:
    return "".join(lines(form, COLUMNS, rows))


def test_json_is_one_array() -> None:
    assert [tuple(row.values()) for row in json.loads(written("json"))] == ROWS
    assert json.loads(written("json", [])) == []


def test_json_lines_are_one_object_each() -> None:
    assert [tuple(json.loads(line).values()) for line in written("jsonl").splitlines()] == ROWS


def test_csv_is_read_back_by_a_csv_reader() -> None:
    found = list(csv.reader(io.StringIO(written("csv"))))
    assert found[0] == COLUMNS
    assert found[1] == ["9007199254740993", ROWS[0][1], '["x", "ÿ"]', "true"]
    assert found[2] == ["", "", "", "false"]


def test_tsv_has_one_line_per_row() -> None:
    found = [line.split("\t") for line in written("tsv").splitlines()]
    assert [len(row) for row in found] == [4] * 4
    assert found[3][1] == r"tab\tand \\"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_a_text_is_no_formula_for_a_spreadsheet(form: str, start: str) -> None:
    text = "".join(lines(form, ["a"], [(f"{start}cmd|' /C calc'!A0",)]))
    cell = (
        next(csv.reader(io.StringIO(text.partition("\n")[2], newline="")))
        if form == "csv"
        else [text.partition("\n")[2]]
    )
    assert cell[0].startswith("'")


def test_numbers_below_zero_stay_numbers() -> None:
    assert written("csv").splitlines()[-1].startswith("-1,")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\r", "a\\x0ab\\x0d"),
        ("\u202etxt", "\\u202etxt"),
        ("\u200bx\ufeff", "\\u200bx\\ufeff"),
        ("\udcff", "\\udcff"),
        ("Канал ٢ 频道", "Канал ٢ 频道"),
    ],
    ids=["escape", "csi", "lines", "direction", "invisible", "surrogate", "letters"],
)
def test_what_would_act_on_a_terminal_is_visible(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert shown in "".join(lines("table", ["a"], [(text,)]))


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_has_no_invisible_characters_and_the_same_text(form: str) -> None:
    text = "a\x9b\u202eb\x1b"
    found = "".join(lines(form, ["a"], [(text,)]))
    assert not set(text) - {"a", "b"} & set(found)
    data = json.loads(found)
    assert (data[0] if form == "json" else data)["a"] == text


def test_people_get_times_and_short_texts() -> None:
    assert for_people("ts_ns", 0) == "1970-01-01T00:00:00.000000000Z"
    assert for_people("n", 5) == "5"
    assert for_people("n", None) == ""
    assert len(for_people("a", "x" * 1000)) == 80
    table = "".join(lines("table", ["ts_ns", "a"], [(0, "x"), (1, None)]))
    assert table.splitlines()[0].split() == ["ts", "a"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_markup_in_evidence_is_text_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    terminal = Terminal()
    print_table(["[bold]a"], [("[red]x[/red] \x1b]8;;",)], terminal)
    assert "[bold]a" in terminal.getvalue()
    assert "[red]x[/red] \\x1b]8;;" in terminal.getvalue()


def test_parquet_keeps_types(tmp_path: Path) -> None:
    path = str(tmp_path / "x.parquet")
    types = ["HUGEINT", "VARCHAR", "VARCHAR[]", "BOOLEAN", "DECIMAL(4,2)", "INTEGER[]", "DATE"]
    write_parquet(path, ["a", "b", "c", "d", "e", "f", "g"], types, [(1, "x", ["y"], True, 0.5, [1], "2026-01-01")])
    connection = connect()
    found = connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
    connection.close()
    assert [row[1] for row in found] == ["BIGINT", "VARCHAR", "VARCHAR[]", "BOOLEAN", "DOUBLE", "BIGINT[]", "VARCHAR"]


@pytest.mark.parametrize(("place", "why"), [("", "Is a directory"), ("no/file", "No such file or directory")])
def test_a_parquet_file_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path, place: str, why: str) -> None:
    with pytest.raises(OSError, match=why):
        write_parquet(f"{tmp_path}/{place}", ["a"], ["BIGINT"], [(1,)])


def test_columns_of_the_same_name_are_kept_apart(tmp_path: Path) -> None:
    """An object of JSON has one value for a name; a join gives two columns of one name."""
    columns, row = ["a", "a", "a_1"], (1, 2, 3)
    assert json.loads("".join(lines("json", columns, [row]))) == [{"a": 1, "a_1": 2, "a_1_1": 3}]
    assert json.loads("".join(lines("jsonl", columns, [row]))) == {"a": 1, "a_1": 2, "a_1_1": 3}
    write_parquet(f"{tmp_path}/x.parquet", columns, ["BIGINT"] * 3, [row])
    connection = connect()
    assert connection.execute(f"SELECT * FROM '{tmp_path}/x.parquet'").fetchall() == [row]
    connection.close()


def test_columns_stand_below_each_other_whatever_the_script() -> None:
    rows = [("뉴스 채널", 1), ("cafe\u0301", 2), ("news", 3)]
    assert "".join(lines("table", ["name", "n"], rows)).splitlines() == [
        "name       n",
        "뉴스 채널  1",
        "cafe\u0301       2",
        "news       3",
    ]
