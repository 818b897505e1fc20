"""DNS: A, AAAA, a CNAME chain, NXDOMAIN, no data, and an answer too long for UDP that is asked for again by TCP."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

MANY = [f"203.0.113.{n}" for n in range(100, 145)]


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.23")
        lab.start_dns(
            "host-record=portal.osprey-media.example,198.51.100.7,2001:db8:7::7",
            "host-record=pop3.cdn.example,203.0.113.77,2001:db8:77::3",
            "cname=edge.cdn.example,pop3.cdn.example",
            "cname=live.osprey-media.example,edge.cdn.example",
            "host-record=v4only.example,192.0.2.44",
            *(f"host-record=pool.cdn.example,{ip}" for ip in MANY),
        )
        tcpdump = lab.capture(box, capture)
        asked = []
        for name, kind, options in (
            ("portal.osprey-media.example", "A", ()),
            ("portal.osprey-media.example", "AAAA", ()),
            ("live.osprey-media.example", "A", ()),
            ("live.osprey-media.example", "AAAA", ()),
            ("v4only.example", "AAAA", ()),
            ("gone.osprey-media.example", "A", ()),
            ("pool.cdn.example", "A", ("+noedns",)),
        ):
            text = lab.run(box, "dig", "+tries=1", "+time=3", *options, name, kind)
            status = text.split("status: ")[1].split(",")[0]
            lines = [line.split() for line in text.splitlines() if line and line[0] != ";"]
            answers = [words for words in lines if len(words) > 4 and words[2] == "IN"]
            asked.append({
                "name": name, "type": kind, "rcode": status, "tcp_retry": "retrying in TCP mode" in text,
                "answers": [[row[0].rstrip("."), int(row[1]), row[3], row[4].rstrip(".")] for row in answers
                            if row[3] != "SOA"],
            })  # fmt: skip
        lab.end_capture(tcpdump)
        lab.tools.add("dig")
        lab.truth(here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=[], asked=asked)


if __name__ == "__main__":
    main()
