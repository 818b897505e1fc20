"""NTP of three clients; the clock of the second is 3600 s slow, and the third puts a random number in its place."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

SLOW_S = 3600


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        boxes = [lab.host(name, f"192.168.1.{n}") for name, n in (("right", 41), ("slow", 42), ("random", 43))]
        server = lab.host("time", "203.0.113.123", "time.osprey-media.example")
        lab.start_dns()
        conf = server.root / "chrony.conf"
        conf.write_text(f"local stratum 3\nallow\ncmdport 0\nbindcmdaddress /\npidfile {server.root}/chrony.pid\n"
                        "bindaddress 203.0.113.123\n")  # fmt: skip
        running = lab.start(server, "chronyd", "-x", "-d", "-u", "root", "-f", str(conf), seconds=60)
        lab.wait_for(
            lambda: "Frequency" in running.output.read_text() or "chronyd" in running.output.read_text(), 5, "chronyd"
        )
        tcpdump = lab.capture(lab.router, capture, "udp", "port", "123", interface="home")
        right, slow, chance = boxes
        # None of them sets a clock: all machines of the lab share that of the recording one.
        told = {
            "right": lab.run(right, "ntpdate", "-q", "time.osprey-media.example", seconds=30),
            "slow": lab.run(slow, "faketime", "-f", f"-{SLOW_S}s", "ntpdate", "-q", server.ip, seconds=30),
            "random": lab.run(chance, "chronyd", "-x", "-Q", "-u", "root", "-f", "/dev/null", "-t", "8",
                              f"server {server.ip} iburst", "cmdport 0", f"pidfile {chance.root}/chrony.pid",
                              seconds=30),
        }  # fmt: skip
        lab.end_capture(tcpdump)
        lab.tools |= {"faketime"}
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=[],
            clocks=[{"client_ip": box.ip, "behind_s": SLOW_S if box is slow else 0, "told": told[box.name].strip()}
                    for box in boxes],
        )  # fmt: skip


if __name__ == "__main__":
    main()
