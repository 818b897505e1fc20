"""How much of the truth the analysis finds, clean and under each impairment.

    python -m tests.lab.score                                 every recording, every impairment; prints tables
    python -m tests.lab.score --how clean,loss,nat --only hls
    python -m tests.lab.score --folder DIR --details          recordings of another lab, with what was missed
    python -m tests.lab.score --write docs/lab-score.md       what `make lab-score` does

Each recording is impaired, the copies of one impairment are analysed (those of one truth of the lab as one case), and
the tables are compared with the truth of the clean recordings (`truths`, `matching`, `attribution`,
`entities`). Only what is left in
the impaired copy is demanded; what the analysis says beyond that counts against its precision.

Known limitations: times are rounded and nothing measured by clock is printed, so the tables change only when results
do; RTMP bytes are compared with the server's count, which includes chunk heads (0.3 to 3 %).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

import iptvforensics
from iptvforensics.store import tables as declared_tables

from . import frames as lf
from .attribution import score_attribution
from .claims import score_contacts, score_kinds
from .entities import IDS, score_entities
from .impair import IMPAIRMENTS, impaired
from .matching import Expected, Score, Tally, expected_sessions, middle, score_answers, score_servers, score_sessions
from .truths import Remains, TrueCapture, load

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "sample_pcaps", ROOT / "tests/lab/recordings")
CLEAN = "clean"
CLOSED, KEYED = "tls", "keys"
"""The recordings of encrypted traffic, clean, without and with the key logs that lie beside them. All other columns
hold the recordings in clear text: what is encrypted must not hide what can be read, nor be hidden by it."""
COMMAND = "python -m tests.lab.score --write docs/lab-score.md"
ENTITY_TABLES = (*IDS, "links")
Scores = dict[str, Score]  # by impairment


def captures(only: str = "", folders: Iterable[Path] = FOLDERS) -> list[TrueCapture]:
    """Return the recordings with a truth that names sessions; copies of one recording in other formats count once."""
    found = [
        capture
        for folder in folders
        for file in sorted(folder.rglob("*.truth.json"))
        for capture in load(file)
        if capture.sessions and only in capture.name
    ]
    return [capture for capture in found if capture.file.exists()]


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """Return the rows of a DataFrame as dicts, missing values as None."""
    columns = [column for column in frame.columns if not str(frame[column].dtype).startswith("datetime")]
    rows: list[dict[str, Any]] = frame[columns].astype(object).to_dict("records")
    return [{name: None if pd.api.types.is_scalar(v) and pd.isna(v) else v for name, v in row.items()} for row in rows]


def merge(into: Score, more: Score) -> None:
    """Add the tallies of one capture to those of others."""
    for kind, tally in more.items():
        into.setdefault(kind, Tally()).add(tally)


def score_under(how: str, recordings: list[TrueCapture], *, seed: int = 1) -> Score:
    """Return the tallies of all recordings under one impairment; those that it cannot be applied to are left out.

    The recordings of one truth with entities are one case; all others are another.
    """
    cases: dict[str, list[TrueCapture]] = defaultdict(list)
    for capture in recordings:
        if bool(key_logs(capture.file)) != (how in (CLOSED, KEYED)):
            continue
        cases[str(capture.file.parent) if "nodes" in capture.document else ""].append(capture)
    score: Score = {}
    for captures_of_one in cases.values():
        merge(score, _score_case(how, captures_of_one, seed))
    return score


def _score_case(how: str, recordings: list[TrueCapture], seed: int) -> Score:
    score: Score = {}
    with tempfile.TemporaryDirectory(prefix="lab-score-") as folder:
        scored: dict[str, tuple[TrueCapture, Remains]] = {}
        for number, capture in enumerate(recordings):
            clean = lf.read(capture.file)
            if clean.link != lf.ETHERNET:
                continue
            left = clean if how in (CLEAN, CLOSED, KEYED) else impaired(clean, how, seed)
            file = Path(folder) / f"{number}.pcap"
            lf.write(file, left)
            scored[str(lf.digest(file)["sha256"])[:16]] = capture, Remains(clean, left)
        keys = sorted({file for capture in recordings for file in key_logs(capture.file)}) if how == KEYED else []
        with iptvforensics.analyze(str(folder) + "/*.pcap", workers=1, keylog=keys) as case:
            tables = _tables(case, ("sessions", "http", "contacts", *ENTITY_TABLES))
    homes = {capture_id: capture.home for capture_id, (capture, _) in scored.items() if capture.home}
    for table in ("panels", "lines", "channels", "titles", "servers"):
        tables[table] = [_in_homes(row, homes) for row in tables.get(table, ())]
    left: dict[str, set[str]] = {}
    for capture_id, (capture, remains) in scored.items():
        wanted = expected_sessions(capture, remains)
        left[capture.file.name] = {item.session.name for item in wanted}
        found = {t: _of(rows, capture_id) for t, rows in tables.items()}
        merge(score, _score_capture(capture, remains, wanted, found))
        if "nodes" in capture.document:
            whole = tables | {"sessions": found["sessions"]}
            merge(score, score_attribution(capture, remains, wanted, whole, opened=how != CLOSED))
    documents = [capture.document for capture, _ in scored.values() if "nodes" in capture.document]
    if documents:
        seen: dict[str, Remains | None] = {capture.file.name: remains for capture, remains in scored.values()}
        tables["devices"] = [_placed(row, homes) for row in tables.get("devices", ())]
        merge(score, score_entities(documents[0], seen, {t: tables[t] for t in ENTITY_TABLES if t in tables}, left))
    return score


def key_logs(recording: Path) -> list[Path]:
    """Return the TLS key logs that were kept beside a recording."""
    return sorted(recording.parent.glob(f"{recording.name.split('.')[0]}.keys"))


def _tables(case: Any, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of those tables that a case has."""
    held = declared_tables()
    return {name: rows_of(case[name]) for name in names if name in held}


def _of(rows: list[dict[str, Any]], capture_id: str) -> list[dict[str, Any]]:
    """Return the rows that come from a capture; a row that does not say comes from all."""
    return [row for row in rows if capture_id in row.get("capture_ids", [row.get("capture_id", capture_id)])]


def _in_homes(row: dict[str, Any], homes: dict[str, str]) -> dict[str, Any]:
    """Return a row that says within which homes it was seen: private addresses there are names of their own."""
    return row | {"homes": sorted({homes[c] for c in row.get("capture_ids", ()) if c in homes})}


def _placed(device: dict[str, Any], homes: dict[str, str]) -> dict[str, Any]:
    """Return a device whose private addresses say in which home they were seen: the same ones are used in many."""
    within = [homes[capture_id] for capture_id in device.get("capture_ids", ()) if capture_id in homes]
    ips = [f"{ip}@{home}" for ip in device["ips"] for home in within] if within else device["ips"]
    return device | {"ips": ips}


def _score_capture(
    capture: TrueCapture, remains: Remains, wanted: list[Expected], tables: dict[str, list[dict[str, Any]]]
) -> Score:
    score: Score = {}
    merge(score, {f"session {kind}": tally for kind, tally in score_sessions(wanted, tables["sessions"]).items()})
    nodes = capture.document.get("nodes", ())
    known = {kind: {name["name"] for node in nodes if node["kind"] in kinds for name in node.get("names", ())}
             for kind, kinds in (("panel", ("panel", "listing")), ("edge", ("edge",)))}  # fmt: skip
    # Only a truth with nodes says of each server whether it is a panel.
    servers = tables.get("servers", ()) if nodes else ()
    merge(score, score_servers(wanted, remains, tables["sessions"], servers, known))
    merge(score, {"http answer": score_answers(capture.answers, remains, tables["http"])})
    merge(score, score_kinds(wanted, tables["sessions"]))
    if nodes and "contacts" in tables:
        merge(score, score_contacts(capture, remains, tables["contacts"]))
    return score


def _number(value: float | None, digits: int = 3, times: float = 1) -> str:
    return "" if value is None else f"{value * times:.{digits}f}"


def _share(value: float | None) -> str:
    return "" if value is None else "1" if value == 1 else f"{min(value, 0.999):.3f}"


def _joined(score: Score, prefix: str) -> Tally:
    whole = Tally()
    for kind, tally in score.items():
        if kind.startswith(prefix) and not kind.endswith("+tls"):  # without keys only lengths and times are seen
            whole.add(tally)
    return whole


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    return [_line(head), _line(["---"] + ["---:"] * (len(head) - 1)), *map(_line, rows), ""]


def report(scores: Scores) -> str:
    """Return the score as Markdown: sessions by impairment, every type in the clean captures, recall by type."""
    out = ["## Sessions, all ways of delivery", ""]
    head = [
        "impairment",
        "true",
        "found",
        "right",
        "precision",
        "recall",
        "named",
        "misnamed",
        "start ±s",
        "end ±s",
        "bytes ±%",
        "worst",
    ]
    rows = []
    for how, score in scores.items():
        t = _joined(score, "session ")
        rows.append([how, str(t.true), str(t.found), str(t.right), _share(t.precision), _share(t.recall),
                     _share(t.named / t.right if t.right else None), str(t.misnamed), _number(middle(t.start_s), 2),
                     _number(middle(t.end_s), 2), _number(middle(t.bytes_share), 2, 100),
                     _number(max(t.bytes_share, default=None), 1, 100)])  # fmt: skip
    out += _table(head, rows)
    out += ["## By type: precision / recall", ""]
    kinds = sorted({kind for score in scores.values() for kind in score})
    head = ["type", *scores]
    body = [[kind, *(_both(score.get(kind)) for score in scores.values())] for kind in kinds]
    half = (len(head) + 1) // 2
    for part in (head[1:half], head[half:]):
        if part:
            first = head.index(part[0])
            out += _table(["type", *part], ([row[0], *row[first : first + len(part)]] for row in body))
    return "\n".join(out)


def _both(tally: Tally | None) -> str:
    if tally is None or not (tally.true or tally.found):
        return ""
    return f"{_share(tally.precision) or '-'} / {_share(tally.recall) or '-'}"


def details(scores: Scores) -> list[str]:
    """Return one line per thing missed and per false claim."""
    return [
        f"{how}: {kind}: {word}: {text}"
        for how, score in scores.items()
        for kind, tally in score.items()
        for word, texts in (("missed", tally.missed), ("false", tally.false))
        for text in texts
    ]


def document(text: str, recordings: list[TrueCapture], seed: int) -> str:
    """Return the page that is kept in the documentation."""
    return f"""# Score of the lab

Made by `make lab-score` (`{COMMAND}`) from {len(recordings)} recordings, seed {seed}; how it is counted
stands in [lab.md](lab.md). Do not edit by hand: a change of these tables is a change of results.

{text}"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Score the analysis on the recordings of the lab.")
    parser.add_argument(
        "--how", default=",".join((CLEAN, CLOSED, KEYED, *IMPAIRMENTS)), help="impairments, with commas"
    )
    parser.add_argument("--only", default="", help="recordings whose name holds this text")
    parser.add_argument(
        "--folder", type=Path, action="append", help="recordings with truth (default: those of the project)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--details", action="store_true", help="also list what was missed and what is false")
    parser.add_argument("--write", type=Path, help="also write the page")
    options = parser.parse_args()
    recordings = captures(options.only, options.folder or FOLDERS)
    if not recordings:
        parser.error("no recordings with a truth that names sessions")
    scores: Scores = {}
    for how in options.how.split(","):
        scores[how] = score_under(how, recordings, seed=options.seed)
        sys.stderr.write(f"{how}: done\n")
    text = report(scores)
    sys.stdout.write(text)
    if options.details:
        sys.stdout.write("\n".join(details(scores)) + "\n")
    if options.write:
        options.write.write_text(document(text, recordings, options.seed))


if __name__ == "__main__":
    main()
