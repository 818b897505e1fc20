"""RTMP publish by GStreamer (rtmp2sink): 10 s to nginx-rtmp, which keeps it as FLV; recorded at the encoder."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        encoder = lab.host("encoder", "192.168.1.62")
        edge = lab.host("edge", "203.0.113.51", "in.harrier-cast.example")
        lab.start_dns()
        (edge.root / "record").mkdir()
        lab.start_nginx(
            edge,
            rtmp=f"""server {{ listen 1935; chunk_size 4096; application live {{ live on;
              record all; record_path {edge.root}/record; record_suffix .flv; }} }}""",
        )
        tcpdump = lab.capture(encoder, capture)
        url = "rtmp://in.harrier-cast.example/live/chan7-55aa?pass=q1w2e3"
        start = r.now()
        lab.run(
            encoder, "gst-launch-1.0", "-q", "-e", "filesrc", f"location={r.source(300, seconds=10)}", "!", "qtdemux",
            "name=d", "d.video_0", "!", "queue", "!", "h264parse", "!", "flvmux", "name=m", "streamable=true", "!",
            "identity", "sync=true", "!", "rtmp2sink", f"location={url}",
            "d.audio_0", "!", "queue", "!", "aacparse", "!", "m.",
        )  # fmt: skip
        end = r.now()
        lab.end_capture(tcpdump)
        time.sleep(0.5)
        kept = next((edge.root / "record").glob("*.flv"))
        lab.truth(
            here.with_suffix(".truth.json"),
            capture,
            scenario=__doc__,
            sessions=[
                {"delivery": "rtmp-publish", "kind": "live", "client_ip": encoder.ip, "stream": url, "app": "live",
                 "name": "chan7-55aa", "query": "pass=q1w2e3", "start": start, "end": end,
                 "chain": [{"host": "in.harrier-cast.example", "ip": edge.ip, "port": 1935, "roles": ["ingest"]}],
                 "packets": r.packets(kept)}
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
