"""Multicast DNS: a television announces itself and answers to a question, over both IP versions, and asks nobody for
anything; what it says of name, model, serial number and address is what it was told to say. Then it says goodbye."""

import signal
import sys
import time
from pathlib import Path
from xml.sax.saxutils import escape

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

HOST_NAME, NAME = "siskin-tv", "Siskin TV (lounge)"
SERVICES = (
    ("_googlecast._tcp", 8009, ("id=5a0f37c1d2b84e96", "md=Siskin 4K", "fn=Lounge")),
    ("_airplay._tcp", 7000, ("deviceid=02:00:5E:0A:02:4C", "model=SK-4K", "serialNumber=SKTV20110042")),
)


def service(kind: str, port: int, texts: tuple[str, ...]) -> str:
    """Return a service as avahi reads it."""
    records = "".join(f"<txt-record>{escape(text)}</txt-record>" for text in texts)
    return (
        "<?xml version='1.0' standalone='no'?><!DOCTYPE service-group SYSTEM 'avahi-service.dtd'>"
        f"<service-group><name>{escape(NAME)}</name><service><type>{kind}</type><port>{port}</port>{records}"
        "</service></service-group>"
    )


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab(ipv6=True) as lab:
        television, asker = lab.host("television", "192.168.1.76"), lab.host("asker", "192.168.1.77")
        for number, row in enumerate(SERVICES):
            (television.root / f"{number}.service").write_text(service(*row))
        conf = television.root / "avahi.conf"
        conf.write_text(
            f"[server]\nhost-name={HOST_NAME}\nallow-interfaces=eth0\nenable-dbus=no\n[publish]\npublish-workstation=no\n"
        )
        folders = "/run/avahi-daemon /etc/avahi/services"  # of which there is one per machine
        tcpdump = lab.capture(lab.router, capture, "udp", "port", "5353", interface="home")
        avahi = lab.start(
            television, "unshare", "-m", "sh", "-c",
            f"mkdir -p /run/avahi-daemon; for f in {folders}; do mount -t tmpfs tmpfs $f; done;"
            f" cp {television.root}/*.service /etc/avahi/services/;"
            f" exec avahi-daemon -f {conf} --no-drop-root --no-chroot --no-rlimits",
        )  # fmt: skip
        lab.wait_for(lambda: 'Service "' in avahi.output.read_text(), 20, "avahi")
        time.sleep(4)
        answer = lab.run(
            asker, "dig", "-p", "5353", f"@{television.ip}", "+short", "+time=2", f"{HOST_NAME}.local", "A"
        )
        avahi.stop(signal.SIGTERM)
        lab.end_capture(tcpdump)
        lab.tools |= {"dig", "avahi-daemon"}
        said = [line for line in avahi.output.read_text().splitlines() if "established" in line or "started" in line]
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=[],
            device={"ips": [television.ip, television.ipv6], "host_name": HOST_NAME, "mac": "02:00:5e:0a:01:4c",
                    "services": [{"name": NAME, "type": kind, "port": port, "txt": list(texts)}
                                 for kind, port, texts in SERVICES]},
            answered=answer.split(), avahi=said,
        )  # fmt: skip


if __name__ == "__main__":
    main()
