"""One small HTTP exchange as pcap; the same frames as pcapng, nanosecond pcap, gzip, zstd, xz; and Linux cooked."""

import gzip
import lzma
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    truth = here.with_suffix(".truth.json")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.80")
        edge = lab.host("edge", "203.0.113.90", "www.kestrel-tv.example")
        lab.start_dns()
        (edge.root / "list.m3u8").write_text(
            "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4.0,\nseg0.ts\n#EXT-X-ENDLIST\n"
        )
        subprocess.run(["ffmpeg", "-v", "error", "-i", str(r.source(300)), "-t", "1", "-c", "copy", "-f", "mpegts",
                        str(edge.root / "seg0.ts")], check=True, timeout=60)  # fmt: skip
        lab.start_nginx(edge, http=f"server {{ listen 80; root {edge.root}; }}")
        cooked = here.with_name("small-cooked.pcap")
        tcpdump = lab.capture(box, capture)
        tcpdump_any = lab.capture(box, cooked, interface="any")
        url = "http://www.kestrel-tv.example/"
        start = r.now()
        lab.run(box, "curl", "-s", "-o", "/dev/null", url + "list.m3u8", "-o", "/dev/null", url + "seg0.ts")
        end = r.now()
        lab.end_capture(tcpdump)
        lab.end_capture(tcpdump_any)
        for kind, name in (("pcapng", "small.pcapng"), ("nsecpcap", "small-ns.pcap")):
            subprocess.run(["editcap", "-F", kind, str(capture), str(here.with_name(name))], check=True, timeout=30)
        data = capture.read_bytes()
        here.with_name("small.pcap.gz").write_bytes(gzip.compress(data, mtime=0))
        here.with_name("small.pcap.xz").write_bytes(lzma.compress(data))
        subprocess.run(["zstd", "-q", "-f", str(capture), "-o", str(here.with_name("small.pcap.zst"))],
                       check=True, timeout=30)  # fmt: skip
        lab.tools |= {"editcap", "zstd"}
        same = [
            "small.pcapng",
            "small-ns.pcap",
            "small.pcap.gz",
            "small.pcap.xz",
            "small.pcap.zst",
            "small-cooked.pcap",
        ]
        lab.truth(
            truth, capture, scenario=__doc__,
            also=[{"file": name, **r.digest(here.with_name(name))} for name in same],
            sessions=[
                {"delivery": "hls", "kind": "vod", "client_ip": box.ip, "stream": url + "list.m3u8", "start": start,
                 "end": end, "chain": [r.hop(edge, 80, "playlist", "media")],
                 "media": lab.media(edge.root, box.ip, ".ts")}
            ],
            ts_services=r.services(edge.root / "seg0.ts"),
        )  # fmt: skip


if __name__ == "__main__":
    main()
