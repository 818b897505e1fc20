"""Live HLS behind a chain: a portal answers 302 to an edge, whose playlist names media on a third host."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    truth = here.with_suffix(".truth.json")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.32")
        portal = lab.host("portal", "198.51.100.8", "tv.merlin-box.example")
        edge = lab.host("edge", "203.0.113.13", "lb3.merlin-box.example")
        store = lab.host("store", "192.0.2.80", "seg9.falcon-cdn.example")
        lab.start_dns()
        folder = store.root / "s" / "ch77"
        folder.mkdir(parents=True)
        (edge.root / "hls").mkdir()
        lab.start_nginx(
            portal,
            http="""server { listen 80; absolute_redirect off; location /live/ {
              return 302 http://lb3.merlin-box.example:8080/hls/ch77.m3u8?token=Zm9vYmFy; } }""",
        )
        lab.start_nginx(edge, http=f"server {{ listen 8080; root {edge.root}; }}")
        lab.start_nginx(store, http=f"server {{ listen 8081; root {store.root}; }}")
        lab.start(edge, *r.endless(r.source(300)), "-f", "hls", "-hls_time", "2", "-hls_list_size", "4",
                  "-hls_start_number_source", "epoch", "-hls_base_url", "http://seg9.falcon-cdn.example:8081/s/ch77/",
                  "-hls_segment_filename", f"{folder}/ch77_%d.ts", f"{edge.root}/hls/ch77.m3u8")  # fmt: skip
        playlist = edge.root / "hls" / "ch77.m3u8"
        lab.wait_for(lambda: playlist.exists() and playlist.read_text().count(".ts") >= 3, 20, "three media segments")
        tcpdump = lab.capture(box, capture)
        url = "http://tv.merlin-box.example/live/viewer23/pw23pw/77.m3u8"
        start = r.now()
        lab.run(box, "ffmpeg", "-nostdin", "-v", "warning", "-i", url, "-t", "12", "-c", "copy", "-f", "null", "-")
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            truth, capture, scenario=__doc__,
            sessions=[
                {"delivery": "hls", "kind": "live", "client_ip": box.ip, "stream": url, "start": start, "end": end,
                 "final_url": "http://lb3.merlin-box.example:8080/hls/ch77.m3u8?token=Zm9vYmFy",
                 "line": {"username": "viewer23", "password": "pw23pw"},
                 "chain": [r.hop(portal, 80, "redirect"), r.hop(edge, 8080, "playlist"), r.hop(store, 8081, "media")],
                 "media": lab.media(store.root, box.ip, ".ts")}
            ],
            ts_services=r.services(min(folder.glob("*.ts"))),
        )  # fmt: skip


if __name__ == "__main__":
    main()
