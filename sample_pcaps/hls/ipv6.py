"""HLS film over IPv6: the name has both kinds of address and the player (ffmpeg) takes the IPv6 one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    truth = here.with_suffix(".truth.json")
    with r.Lab(ipv6=True) as lab:
        box = lab.host("box", "192.168.1.38")
        edge = lab.host("edge", "203.0.113.17", "six.kestrel-tv.example")
        lab.start_dns()
        root = edge.root / "vod" / "six"
        r.cut_hls(r.source(300), root, seconds=8)
        lab.start_nginx(edge, http=f"server {{ listen 80; listen [::]:80; root {edge.root}; }}")
        tcpdump = lab.capture(box, capture)
        url = "http://six.kestrel-tv.example/vod/six/index.m3u8"
        start = r.now()
        lab.run(box, "ffmpeg", "-nostdin", "-v", "warning", "-i", url, "-c", "copy", "-f", "null", "-")
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            truth, capture, scenario=__doc__,
            sessions=[
                {"delivery": "hls", "kind": "vod", "client_ip": box.ipv6, "stream": url, "start": start, "end": end,
                 "chain": [{**r.hop(edge, 80, "playlist", "media"), "ip": edge.ipv6}],
                 "media": lab.media(edge.root, box.ipv6, ".ts")}
            ],
            ts_services=r.services(min(root.glob("*.ts"))),
        )  # fmt: skip


if __name__ == "__main__":
    main()
