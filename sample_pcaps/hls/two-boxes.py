"""Two boxes of one home watch two live channels of one edge at the same time; recorded in the router."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    truth = here.with_suffix(".truth.json")
    with r.Lab() as lab:
        boxes = lab.host("box1", "192.168.1.36"), lab.host("box2", "192.168.1.37")
        edge = lab.host("edge", "203.0.113.16", "edge2.kestrel-tv.example")
        lab.start_dns()
        lab.start_nginx(edge, http=f"server {{ listen 80; root {edge.root}; }}")
        for channel, picture in (("alpha", "testsrc2"), ("beta", "smptehdbars")):
            folder = edge.root / "live" / channel
            folder.mkdir(parents=True)
            lab.start(edge, *r.endless(r.source(200, picture=picture)), "-f", "hls", "-hls_time", "2",
                      "-hls_list_size", "4", f"{folder}/index.m3u8")  # fmt: skip
        lists = [edge.root / "live" / channel / "index.m3u8" for channel in ("alpha", "beta")]
        lab.wait_for(lambda: all(p.exists() and p.read_text().count(".ts") >= 3 for p in lists), 20, "media segments")
        tcpdump = lab.capture(lab.router, capture, interface="home")
        sessions, players = [], []
        for box, channel in zip(boxes, ("alpha", "beta"), strict=True):
            url = f"http://edge2.kestrel-tv.example/live/{channel}/index.m3u8"
            sessions.append({"delivery": "hls", "kind": "live", "client_ip": box.ip, "stream": url, "start": r.now(),
                             "chain": [r.hop(edge, 80, "playlist", "media")]})  # fmt: skip
            players.append(lab.start(box, *r.mpv(url), seconds=40))
            time.sleep(1)
        time.sleep(10)
        for session, player in zip(sessions, players, strict=True):
            player.stop()
            session["end"] = r.now()
        lab.end_capture(tcpdump)
        for session in sessions:
            session["media"] = lab.media(edge.root, session["client_ip"], ".ts")
        lab.truth(truth, capture, scenario=__doc__, sessions=sessions,
                  ts_services=r.services(min((edge.root / "live" / "beta").glob("*.ts"))))  # fmt: skip


if __name__ == "__main__":
    main()
