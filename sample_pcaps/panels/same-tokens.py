"""Two panels with one secret, as copies of an installation have it, and a third with its own: each sends a client to an
edge with a token. A further edge of the third panel is asked with a token that was given before the recording began.
Pictures are fetched, no media; requests by curl."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

SHARED = {
    "family": ["xtream", "m3u"], "software": "xui", "version": "1.5.12", "timezone": "Asia/Jakarta",
    "channels": [{"id": 301, "name": "Kestrel One HD", "category": "Korea | Live"},
                 {"id": 302, "name": "Kestrel Sport", "category": "Sport"}],
}  # fmt: skip
PANELS = {
    "first": SHARED | {
        "brand": "Kestrel Premium", "secret": "kestrel lab secret",
        "lines": [{"username": "kestrel31", "password": "vT81mmq2", "expires": 1893456000}],
        "edges": [{"name": "lb1", "host": "lb1.kestrel-box.example", "port": 8080}],
    },
    "copy": SHARED | {
        "brand": "Merlin", "secret": "kestrel lab secret",
        "lines": [{"username": "merlin8", "password": "hh27Gd4x", "expires": 1893456000}],
        "edges": [{"name": "lb9", "host": "lb9.merlin-box.example", "port": 8080}],
    },
    "other": SHARED | {
        "brand": "Osprey TV", "secret": "osprey lab secret",
        "lines": [{"username": "osprey5", "password": "x9Qm41bb", "expires": 1893456000, "edge": "st1"},
                  {"username": "osprey6", "password": "Zp03kklw", "expires": 1893456000, "edge": "st2"}],
        "edges": [{"name": "st1", "host": "st1.osprey-media.example", "port": 8080},
                  {"name": "st2", "host": "cache7.cdn.example", "port": 8080}],
    },
}  # fmt: skip
HOSTS = {
    "first": ("198.51.100.73", "tv.kestrel-box.example"), "copy": ("198.51.100.74", "tv.merlin-box.example"),
    "other": ("198.51.100.75", "tv.osprey-media.example"),
}  # fmt: skip


def start_edge(lab: r.Lab, panel: r.Host, name: str, host: r.Host) -> None:
    """Start an edge of a panel: it answers with the panel's secret."""
    document = json.loads((panel.root / "panel.json").read_text())
    for edge in document["edges"]:
        edge["log"] = str(host.root / "edge.jsonl")
    config = host.root / "edge.json"
    config.write_text(json.dumps(document))
    host.logs.append(host.root / "edge.jsonl")
    root = Path(__file__).resolve().parents[2]
    running = lab.start(host, "env", f"PYTHONPATH={root}", sys.executable, "-m", "tests.lab.edge", "--config",
                        str(config), "--edge", name, "--work", str(host.root), seconds=240)  # fmt: skip
    lab.wait_for(lambda: "listening on" in running.output.read_text(), 15, "the edge")


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.73")
        panels = {name: lab.host(name, *HOSTS[name]) for name in PANELS}
        edges = {}
        for number, (name, edge) in enumerate((name, edge) for name, told in PANELS.items() for edge in told["edges"]):
            edges[edge["name"]] = name, lab.host(edge["name"], f"203.0.113.{73 + number}", edge["host"])
        lab.start_dns()
        for name, host in panels.items():
            lab.start_panel(host, PANELS[name])
        for name, (panel, host) in edges.items():
            start_edge(lab, panels[panel], name, host)

        def ask(url: str) -> str:
            """Return where an address leads to."""
            return lab.run(box, "curl", "-s", "-m", "10", "-A", "okhttp/4.9.3", "-o", str(box.root / "answer"),
                           "-w", "%{redirect_url}", url).strip()  # fmt: skip

        def picture(panel: str, line: int) -> str:
            """Return the address of a channel's picture at a panel."""
            told = PANELS[panel]["lines"][line]
            return f"http://{HOSTS[panel][1]}/thumb/{told['username']}/{told['password']}/301"

        early = ask(picture("other", 1))
        tcpdump = lab.capture(box, capture)
        ask(early)
        for panel in PANELS:
            told = PANELS[panel]["lines"][0]
            ask(f"http://{HOSTS[panel][1]}/live/{told['username']}/{told['password']}/301.ts")
            ask(ask(picture(panel, 0)))
        lab.end_capture(tcpdump)
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=[], panels=PANELS,
            shared_secret=[[HOSTS["first"][1], HOSTS["copy"][1]]], asked_before=early,
            edges={host.names[0]: HOSTS[panel][1] for panel, host in edges.values()},
        )  # fmt: skip


if __name__ == "__main__":
    main()
