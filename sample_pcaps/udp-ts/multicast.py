"""TS in UDP datagrams to a multicast group, 7 TS packets each; the recorder joins by IGMP and takes 6 s."""

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
        sender = lab.host("sender", "192.168.1.70")
        recorder = lab.host("recorder", "192.168.1.71")
        tcpdump = lab.capture(recorder, capture)
        lab.start(sender, *r.endless(r.source(300)), "-metadata", "service_name=Cable One", "-metadata",
                  "service_provider=Falcon Cable", "-f", "mpegts",
                  "udp://239.10.0.7:5000?pkt_size=1316&ttl=4")  # fmt: skip
        time.sleep(1)
        received = lab.dir / "received.ts"
        start = r.now()
        lab.run(
            recorder,
            "ffmpeg",
            "-nostdin",
            "-v",
            "error",
            "-i",
            "udp://239.10.0.7:5000",
            "-t",
            "6",
            "-c",
            "copy",
            str(received),
        )
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            truth, capture, scenario=__doc__,
            sessions=[
                {"delivery": "udp-ts", "kind": "live", "client_ip": recorder.ip, "stream": "udp://239.10.0.7:5000",
                 "source_ip": sender.ip, "start": start, "end": end, "packets_at_least": r.packets(received)}
            ],
            ts_services=[{"program_number": 1, "service_name": "Cable One", "provider_name": "Falcon Cable"}],
        )  # fmt: skip


if __name__ == "__main__":
    main()
