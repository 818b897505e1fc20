"""SRT publish: an ffmpeg encoder calls srt-live-transmit over a network that loses 3 %; recorded at the listener."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

STREAM_ID = "#!::u=falcon,r=live/chan5,m=publish"
PORT = 9000
LOSS = f"""add table ip loss; add chain ip loss out {{ type filter hook forward priority 0; }};
add rule ip loss out udp dport {PORT} udp length > 1000 numgen random mod 100 < 3 drop"""


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        encoder = lab.host("encoder", "198.51.100.60")
        server = lab.host("server", "203.0.113.51")
        lab.run(lab.router, "nft", LOSS)
        kept = server.root / "kept.ts"
        tcpdump = lab.capture(server, capture)
        lab.start(
            server, "sh", "-c", f"exec srt-live-transmit -a:no -q 'srt://:{PORT}?mode=listener' file://con > {kept}"
        )
        time.sleep(0.5)
        url = f"srt://{server.ip}:{PORT}"
        start = r.now()
        lab.run(encoder, *r.endless(r.source(300)), "-metadata", "service_name=Channel Five", "-t", "8", "-f", "mpegts",
                "-srt_streamid", STREAM_ID, "-pkt_size", "1316", url)  # fmt: skip
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__,
            sessions=[
                {"delivery": "srt", "kind": "live", "client_ip": encoder.ip, "stream": f"{url}?streamid={STREAM_ID}",
                 "stream_id": STREAM_ID, "start": start, "end": end, "body_bytes": kept.stat().st_size,
                 "chain": [{"host": "", "ip": server.ip, "port": PORT, "roles": ["ingest"]}],
                 "packets": r.packets(kept)}
            ],
            ts_services=[{"program_number": 1, "service_name": "Channel Five", "provider_name": "FFmpeg"}],
        )  # fmt: skip


if __name__ == "__main__":
    main()
