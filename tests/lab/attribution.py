"""To whom sessions are put down: account and service of each session that was found, against the truth.

    line of session     the account: its credentials, at the panel where they hold
    panel of session    the service: under one of its names, and no other service's

Sessions without account or service (an address from a free list, one that nobody gave) are judged as well: whatever is
claimed of them is false. The account is demanded where the recording is from within the viewer's home and an exchange
is wholly left in which the panel (or an edge, by its URL) was told the account: those in the session's time, else those
before it. Servers' logs say which exchanges these are.

Known limitations: sessions that were not found are not asked for their account; the ways of delivery count them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .claims import behind, shows_home
from .matching import Expected, Score, Tally, paired
from .truths import Remains, TrueCapture, answer_of

Row = Mapping[str, Any]
BEFORE_S = 1.0
"""How long before its player starts an app may have asked for the address."""


class Told:
    """Which exchanges of boxes told which account, as the servers' logs say."""

    def __init__(self, document: Row) -> None:
        nodes = {node["id"]: node for node in document["nodes"]}
        self._panels = {name for name, node in nodes.items() if node["kind"] in ("panel", "listing")}
        self._fronts = {name: behind(node) for name, node in nodes.items()}
        self._rows: dict[str, list[tuple[str, Row]]] = defaultdict(list)
        known: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in document["http"]:
            if "line" in row:
                known[row.get("host", ""), row["target"]].append(row)
        for row in document["http"]:
            if "box" in row:
                for line in {self._line(row), *self._passed_on(row, known)} - {""}:
                    self._rows[row["box"]].append((line, row))

    def _line(self, row: Row) -> str:
        """Return the account that a request told; edges know it from tokens, too, which tell nobody else."""
        line = str(row.get("line", ""))
        return line if row["server"] in self._panels or line in row["target"] else ""

    def _passed_on(self, row: Row, known: Mapping[tuple[str, str], list[Row]]) -> Iterator[str]:
        """Yield the account that the panel behind a reverse proxy was told by a request."""
        panels = self._fronts.get(row["server"], ())
        for other in known[row.get("host", ""), row["target"]] if panels else ():
            if other["server"] in panels and abs(other["start"] - row["start"]) < BEFORE_S:
                yield str(other["line"])

    def of(self, session: Row) -> list[Row]:
        """Return the exchanges that tell the account of a session: those in its time, else those before it."""
        told = session.get("line", {})
        keys = {told.get("username"), str(told.get("mac", "")).upper()} - {None, ""}
        rows = [
            row for line, row in self._rows[session.get("box", "")] if line in keys and row["start"] < session["end"]
        ]
        return [row for row in rows if row["start"] >= session["start"] - BEFORE_S] or rows


def owners(document: Row) -> dict[str, str]:
    """Return which panel (or giver of a list) goes by a host name; one in a home by address and home."""
    return {name["name"] + (f"@{node['home']}" if "home" in node else ""): node["id"] for node in document["nodes"]
            if node["kind"] in ("panel", "listing") for name in node.get("names", ())}  # fmt: skip


def _services(row: Row, case: Mapping[str, Mapping[str, Row]], whose: Mapping[str, str]) -> set[str]:
    """Return which panels a session (or line) was put down to, by all names of the panel that it names."""
    line = case["lines"].get(row.get("line_id") or "", {})
    panel = case["panels"].get(row.get("panel_id") or line.get("panel_id") or "")
    host = row.get("panel_host") or line.get("panel_host")
    if panel is None and host:
        panel = next((p for p in case["panels"].values() if host in p["hosts"]), {"hosts": [host]})
    if panel is None:
        return set()
    names = {*panel["hosts"], *(f"{host}@{home}" for host in panel["hosts"] for home in panel.get("homes", ()))}
    return {whose[name] for name in names if name in whose} or names


def _same_account(line: Row, told: Row) -> bool:
    mac = str(line.get("mac") or "").lower()
    if "mac" in told and mac == told["mac"].lower():
        return True
    return "username" in told and (line.get("username"), line.get("password") or "") == (
        told["username"], told.get("password", ""),
    )  # fmt: skip


def score_attribution(capture: TrueCapture, remains: Remains, wanted: list[Expected],
                      tables: Mapping[str, list[dict[str, Any]]], *, opened: bool) -> Score:  # fmt: skip
    """Return tallies of the accounts and services of the sessions that were found.

    `tables` are those of the whole case, `opened` says whether what is under TLS can be read.
    """
    document = capture.document
    told, whose = Told(document), owners(document)
    case = {name: {row[key]: row for row in tables.get(name, ())}
            for name, key in (("lines", "line_id"), ("panels", "panel_id"))}  # fmt: skip
    sessions = {session["id"]: session for session in document["sessions"] if session.get("by") != "service"}
    lines, panels = Tally(), Tally()
    for place, number in paired(wanted, tables["sessions"]):
        session, row = sessions.get(wanted[place].session.name), tables["sessions"][number]
        if session is None:
            continue
        shown = capture.home != "" and shows_home(remains) and _left(told.of(session), remains, opened=opened)
        services = _services(row, case, whose)
        right = services == {session["panel"]} if "panel" in session else False
        _count(panels, session, " ".join(sorted(services)), demanded=shown and "panel" in session, right=right)
        line = case["lines"].get(row.get("line_id") or "")
        right = line is not None and right and _same_account(line, session.get("line", {}))
        _count(lines, session, _name(line), demanded=shown and "line" in session, right=right)
    return {name: t for name, t in (("line of session", lines), ("panel of session", panels)) if t.true or t.found}


def _left(rows: Iterable[Row], remains: Remains, *, opened: bool) -> bool:
    return any(remains.exchange(answer_of(dict(row))) for row in rows if opened or not row.get("tls"))


def _name(line: Row | None) -> str:
    if line is None:
        return ""
    return f"{line.get('username') or line.get('mac')} at {line.get('panel_host')}"


def _count(tally: Tally, session: Row, found: str, *, demanded: bool, right: bool) -> None:
    tally.true += demanded or right
    tally.found += found != ""
    tally.right += right
    who = f"{session['id']} ({session.get('box')}, {session.get('line_id', 'no line')})"
    if found and not right:
        tally.false.append(f"{who}: {found}")
    if demanded and not right:
        tally.missed.append(who)
