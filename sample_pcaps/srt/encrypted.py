"""SRT publish under AES-192, after a caller with another passphrase was refused; recorded at the listener."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

STREAM_ID = "sport"
PORT = 9000


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        stranger = lab.host("stranger", "198.51.100.61")
        encoder = lab.host("encoder", "198.51.100.60")
        server = lab.host("server", "203.0.113.51")
        kept = server.root / "kept.ts"
        tcpdump = lab.capture(server, capture)
        listen = f"srt://:{PORT}?mode=listener&passphrase=q1w2e3r4t5y6&pbkeylen=24"
        lab.start(server, "sh", "-c", f"exec srt-live-transmit -a:no -q '{listen}' file://con > {kept}")
        time.sleep(0.5)
        url = f"srt://{server.ip}:{PORT}"

        def call(passphrase: str, seconds: str) -> list[str]:
            return [*r.endless(r.source(200)), "-t", seconds, "-f", "mpegts", "-srt_streamid", STREAM_ID,
                    "-passphrase", passphrase, "-pbkeylen", "24", "-pkt_size", "1316", url]  # fmt: skip

        lab.run(stranger, *call("another-one", "1"), fine=(1, 251, 8, 69, 145, 183, 187, 234, 253, 255), seconds=10)
        start = r.now()
        lab.run(encoder, *call("q1w2e3r4t5y6", "5"))
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__,
            sessions=[
                {"delivery": "srt", "kind": "live", "client_ip": encoder.ip, "stream": f"{url}?streamid={STREAM_ID}",
                 "stream_id": STREAM_ID, "start": start, "end": end, "body_bytes": kept.stat().st_size,
                 "chain": [{"host": "", "ip": server.ip, "port": PORT, "roles": ["ingest"]}]}
            ],
            refused=[{"client_ip": stranger.ip, "stream_id": STREAM_ID, "why": "another passphrase"}],
        )  # fmt: skip


if __name__ == "__main__":
    main()
