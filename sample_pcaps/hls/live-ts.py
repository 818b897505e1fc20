"""Live HLS: ffmpeg publishes to nginx-rtmp, which cuts 4 s TS media segments; mpv plays for 13 s."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.20")
        edge = lab.host("edge", "203.0.113.10", "edge1.kestrel-tv.example")
        encoder = lab.host("encoder", "198.51.100.30")
        lab.start_dns()
        lab.start_nginx(
            edge,
            rtmp=f"""server {{ listen 1935; application hls {{ live on; hls on; hls_path {edge.root}/hls;
              hls_fragment 4s; hls_playlist_length 16s; hls_cleanup off; }} }}""",
            http=f"server {{ listen 80; location /hls {{ root {edge.root}; add_header Cache-Control no-cache; }} }}",
        )
        film = r.source(2000, gop=100)
        lab.start(encoder, *r.endless(film), "-f", "flv", "rtmp://203.0.113.10/hls/news24")
        playlist = edge.root / "hls" / "news24.m3u8"
        lab.wait_for(lambda: playlist.exists() and playlist.read_text().count(".ts") >= 3, 30, "three media segments")
        tcpdump = lab.capture(box, capture)
        url = "http://edge1.kestrel-tv.example/hls/news24.m3u8"
        start = r.now()
        player = lab.start(box, *r.mpv(url), seconds=60)
        time.sleep(13)
        player.stop()
        end = r.now()
        lab.end_capture(tcpdump)
        media = lab.media(edge.root, box.ip, ".ts")
        lab.truth(
            here.with_suffix(".truth.json"),
            capture,
            scenario=__doc__,
            sessions=[
                {"delivery": "hls", "kind": "live", "client_ip": box.ip, "stream": url, "start": start, "end": end,
                 "chain": [{"host": "edge1.kestrel-tv.example", "ip": edge.ip, "roles": ["playlist", "media"]}],
                 "media": media}
            ],
            ts_services=r.services(min((edge.root / "hls").glob("*.ts"))),
        )  # fmt: skip


if __name__ == "__main__":
    main()
