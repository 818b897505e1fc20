"""RTMP publish at the default chunk size of 128 bytes: ffmpeg sends 10 s to nginx-rtmp, which keeps it as FLV."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

CHUNK_SIZE = 128


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        encoder = lab.host("encoder", "192.168.1.61")
        edge = lab.host("edge", "203.0.113.51", "in.harrier-cast.example")
        lab.start_dns()
        (edge.root / "record").mkdir()
        lab.start_nginx(
            edge,
            rtmp=f"""server {{ listen 1935; chunk_size {CHUNK_SIZE}; application live {{ live on;
              record all; record_path {edge.root}/record; record_suffix .flv; }} }}""",
        )
        tcpdump = lab.capture(encoder, capture)
        url = "rtmp://in.harrier-cast.example/live/chan6-91bc?pass=q1w2e3"
        start = r.now()
        lab.run(encoder, *r.endless(r.source(300)), "-t", "10", "-f", "flv", url)
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
                 "name": "chan6-91bc", "query": "pass=q1w2e3", "chunk_size": CHUNK_SIZE, "start": start, "end": end,
                 "chain": [{"host": "in.harrier-cast.example", "ip": edge.ip, "port": 1935, "roles": ["ingest"]}],
                 "packets": r.packets(kept)}
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
