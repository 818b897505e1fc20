"""SRT play: a box calls a server that sends a channel, with its user name and password in the stream identifier."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

STREAM_ID = "read:cinema:viewer31:k7Qm2xVd"
PORT = 8890


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.47")
        server = lab.host("server", "203.0.113.52", "srt.harrier-cast.example")
        lab.start_dns()
        tcpdump = lab.capture(box, capture)
        lab.start(server, *r.endless(r.source(300)), "-metadata", "service_name=Cinema", "-f", "mpegts",
                  "-mode", "listener", "-pkt_size", "1316", f"srt://:{PORT}")  # fmt: skip
        time.sleep(0.5)
        received = box.root / "received.ts"
        url = f"srt://srt.harrier-cast.example:{PORT}"
        start = r.now()
        call = ("-srt_streamid", STREAM_ID, "-i", url)
        lab.run(box, "ffmpeg", "-nostdin", "-v", "error", *call, "-t", "6", "-c", "copy", str(received))
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__,
            sessions=[
                {"delivery": "srt", "kind": "live", "client_ip": box.ip, "stream": f"{url}?streamid={STREAM_ID}",
                 "stream_id": STREAM_ID, "start": start, "end": end,
                 "chain": [{"host": "srt.harrier-cast.example", "ip": server.ip, "port": PORT, "roles": ["media"]}],
                 "packets_at_least": r.packets(received)}
            ],
            ts_services=[{"program_number": 1, "service_name": "Cinema", "provider_name": "FFmpeg"}],
        )  # fmt: skip


if __name__ == "__main__":
    main()
