"""The servers' logs of a run in one shape, with clients as they are known behind their routers.

Rows are led back to boxes through what the home routers translated.

Known limitations: nginx-rtmp does not log the client's port; its rows are led back by when the connection began.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from .network import Network, Translation, json_lines
from .scenario import Box, Scenario
from .servers import EDGE_RTMP_PORT, RTMP_PORT

Row = dict[str, Any]
QUESTION = re.compile(r" info: (\S+) (\S+)\. (A|AAAA) IN$")
REDIRECTS = (301, 302, 303, 307, 308)
LATE_S = 1.5


class Logs:
    """The servers' logs, with clients as they are known behind their routers."""

    def __init__(self, scenario: Scenario, net: Network) -> None:
        self._at_6 = {ip: box for box in scenario.box for ip in net.addresses_6(box.id)}
        self._nodes = net.nodes
        self._inner = _by_outside(net.translations())
        self.http: list[Row] = []
        self.rtmp: list[Row] = []
        self._boxes_at = {
            (net.nodes[h.id].public_ip, box.ip): box for h in scenario.home for box in scenario.box if box.home == h.id
        }
        panels = {p.on or p.id: p for p in scenario.panel}
        for node in net.nodes.values():
            panel = panels.get(node.id)
            offset = panel.clock_offset_s if panel else 0.0
            server = panel.id if panel else node.id
            for file in sorted(node.root.glob("*.http.jsonl")):
                for row in json_lines(file):
                    if row.get("event", "http") == "http" and not str(row["client_ip"]).startswith("127."):
                        self.http.append(self._led_back(_http_row(row, server, offset), node.public_ip))
            for file in sorted(node.root.glob("*.rtmp.jsonl")):
                for row in json_lines(file):
                    if not str(row["client_ip"]).startswith("127."):
                        row = {"server": node.id, "server_ip": node.ip, **row, "took": float(str(row["took"]))}
                        self.rtmp.append(self._rtmp_led_back(row))
        self.names = net.names_told()
        self.over_https = [
            (resolver.id, *found.groups())
            for resolver in scenario.resolver
            for line in (net.nodes[resolver.id].root / "unbound.log").read_text().splitlines()
            if (found := QUESTION.search(line))
        ]
        self.http.sort(key=lambda row: (row["done"], row["client_port"]))
        self.rtmp.sort(key=lambda row: row["done"])

    def box_at(self, ip: str, home: str) -> Box | None:
        """Return the box that has an address in a home."""
        return self._at_6.get(ip) or self._boxes_at.get((self._nodes[home].public_ip, ip))

    def all_of(self, box: Box) -> list[str]:
        """Return the addresses of a box."""
        return [box.ip, *(ip for ip, owner in self._at_6.items() if owner is box)]

    def _led_back(self, row: Row, server_public_ip: str) -> Row:
        near = self._boxes_at.get((server_public_ip, row["client_ip"]))  # in one home
        if box := self._at_6.get(row["client_ip"]) or near:
            return row | {"box": box.id}
        found = self._inner.get((row["client_ip"], row["client_port"], row["server_ip"], row["server_port"]))
        if not found:
            return row
        box = self._boxes_at.get((row["client_ip"], found.inner[0]))
        return row | {"client_ip": found.inner[0], "client_port": found.inner[1], "client_public_ip": row["client_ip"],
                      "client_public_port": row["client_port"], **({"box": box.id} if box else {})}  # fmt: skip

    def _rtmp_led_back(self, row: Row) -> Row:
        """Lead a row of nginx-rtmp back: it does not say the client's port, but when the connection began."""
        start = row["done"] - row["took"]
        near = [
            t
            for (outer, _, server, _), t in self._inner.items()
            if outer == row["client_ip"]
            and server == row["server_ip"]
            and t.server[1] in (RTMP_PORT, EDGE_RTMP_PORT)
            and abs(t.start - start) < LATE_S
        ]
        if not near:
            return row
        best = min(near, key=lambda t: abs(t.start - start))
        box = self._boxes_at.get((row["client_ip"], best.inner[0]))
        return row | {
            "client_ip": best.inner[0],
            "client_public_ip": row["client_ip"],
            **({"box": box.id} if box else {}),
        }


def _by_outside(translations: dict[str, list[Translation]]) -> dict[tuple[str, int, str, int], Translation]:
    return {(*t.outer, *t.server): t for rows in translations.values() for t in rows if t.protocol == "tcp"}


def _http_row(row: Row, node: str, offset: float) -> Row:
    """Return a row of a web server's log in one shape for all servers; `start` is when the request had come."""
    row = {key: value for key, value in row.items() if value not in ("", None) and key not in ("event", "node")}
    took = float(row.get("took", 0))
    row |= {"server": node, "took": took, "done": row["done"] - offset}
    row["start"] = row.get("start", row["done"] + offset - took) - offset
    if "first_byte" in row:
        row["first_byte"] -= offset
    return row


def url_of(row: Row) -> str:
    """Return the address that was asked for."""
    return f"{'https' if row.get('tls') else 'http'}://{row.get('host', row['server_ip'])}{row['target']}"


def bare(url: str) -> str:
    parts = urlsplit(url.split("#", 1)[0])
    port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    return f"//{parts.hostname}{port}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def role_of(row: Row) -> str:
    if row["status"] in REDIRECTS and "location" in row:
        return "redirect"
    kind, path = str(row.get("content_type", "")).lower(), urlsplit(row["target"]).path
    if "mpegurl" in kind or path.endswith(".m3u8"):
        return "playlist"
    if path.startswith("/key/"):
        return "key"
    video = kind.startswith(("video/", "application/octet-stream", "audio/mp"))
    return "media" if video or path.endswith((".ts", ".mp4", ".mkv", ".flv")) else "panel"


def join(chain: list[Row], row: Row, role: str) -> None:
    """Add what a server gave to the chain of servers."""
    parts = urlsplit(url_of(row))
    host, port = parts.hostname or row["server_ip"], row["server_port"]
    for hop in chain:
        if (hop["host"], hop["ip"], hop["port"]) == (host, row["server_ip"], port):
            if role not in hop["roles"]:
                hop["roles"].append(role)
            return
    chain.append({"host": host, "ip": row["server_ip"], "port": port, "roles": [role], "node": row["server"]})


def bytes_of(row: Row) -> int:
    return int(row.get("acked_bytes", row.get("body_bytes", 0)))


def medium(row: Row) -> Row:
    kept = {"url": url_of(row), "status": row["status"], "done": row["done"], "body_bytes": bytes_of(row),
            "completed": row.get("completed") == "OK"}  # fmt: skip
    return kept | ({"range": row["range"]} if "range" in row else {})
