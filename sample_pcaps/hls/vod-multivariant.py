"""HLS film in three variants: the GStreamer client starts low and switches up as it measures the line."""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    truth = here.with_suffix(".truth.json")
    with r.Lab(rate="8mbit") as lab:
        box = lab.host("box", "192.168.1.30")
        edge = lab.host("edge", "203.0.113.11", "vod.kestrel-tv.example")
        lab.start_dns()
        root = edge.root / "film" / "4711"
        root.mkdir(parents=True)
        film = r.source(300, seconds=24)
        ladder = []
        for n, (rate, size) in enumerate((("120k", "192x108"), ("260k", "256x144"), ("400k", "320x180"))):
            ladder += [f"-filter:v:{n}", f"scale={size.replace('x', ':')}", f"-b:v:{n}", rate, f"-maxrate:v:{n}", rate,
                       f"-bufsize:v:{n}", rate]  # fmt: skip
        subprocess.run(
            ["ffmpeg", "-nostdin", "-v", "error", "-i", str(film), *["-map", "0:v", "-map", "0:a"] * 3,
             "-c:v", "libx264",
             "-preset", "veryfast", "-threads", "1", "-g", "100", "-sc_threshold", "0", *ladder,
             "-c:a", "copy", "-f", "hls",
             "-hls_time", "4", "-hls_playlist_type", "vod", "-master_pl_name", "master.m3u8",
             "-var_stream_map", "v:0,a:0,name:low v:1,a:1,name:mid v:2,a:2,name:high",
             "-hls_segment_filename", f"{root}/%v/part%03d.ts", f"{root}/%v/index.m3u8"],
            check=True, timeout=120,
        )  # fmt: skip
        lab.start_nginx(edge, http=f"server {{ listen 80; root {edge.root}; }}")
        tcpdump = lab.capture(box, capture)
        url = "http://vod.kestrel-tv.example/film/4711/master.m3u8"
        start = r.now()
        lab.run(
            box, "gst-launch-1.0", "-q", "playbin", f"uri={url}", "video-sink=fakesink sync=true", "audio-sink=fakesink"
        )
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            truth, capture, scenario=__doc__,
            sessions=[
                {"delivery": "hls", "kind": "vod", "client_ip": box.ip, "stream": url, "start": start, "end": end,
                 "chain": [r.hop(edge, 80, "playlist", "media")],
                 "variants": [line for line in (root / "master.m3u8").read_text().splitlines() if line],
                 "media": lab.media(edge.root, box.ip, ".ts")}
            ],
            ts_services=r.services(root / "high" / "part000.ts"),
        )  # fmt: skip


if __name__ == "__main__":
    main()
