"""DHCPv6 of two clients behind a relay that names their link-layer addresses, recorded beside the provider's server:
names, vendor class, user class, DUIDs of two kinds; the server sends vendor-specific information."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

NAMES = {"dhcpcd": "merlin-six", "dhclient": "kestrel-six.den.example"}
CLASS, USER_CLASS = "MERLINBOX-6", "iptv"
VENDOR = {1: "http://u.example/six", 2: "M6-ID"}

SAID = ("client MAC address", "client provides name", "vendor class", "DHCPSOLICIT", "DHCPADVERTISE", "DHCPREQUEST",
        "DHCPREPLY", "DHCPRELEASE", "dns-server")  # fmt: skip


def clients(lab: r.Lab, dhcpcd: r.Host, dhclient: r.Host) -> None:
    """Have each client get an address; the second one gives it back."""
    script = lab.dir / "nothing"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    conf = lab.dir / "dhcpcd.conf"
    conf.write_text(
        f"ipv6only\nnoipv6rs\nduid ll\nhostname {NAMES['dhcpcd']}\nfqdn both\nvendclass 4491 {CLASS}\n"
        f"userclass {USER_CLASS}\noption dhcp6_name_servers\ninterface eth0\n  ia_na 1\n"
    )
    lab.run(dhcpcd, "unshare", "-m", "sh", "-c",
            f"mount -t tmpfs none /var/lib/dhcpcd && exec dhcpcd -6 -1 -B -t 15 -c {script} -f {conf} eth0",
            seconds=30)  # fmt: skip
    conf = lab.dir / "dhclient.conf"
    conf.write_text(
        f'send fqdn.fqdn "{NAMES["dhclient"]}";\nsend fqdn.encoded on;\nsend fqdn.server-update on;\n'
        "also request dhcp6.fqdn;\n"
    )
    files = ("-cf", str(conf), "-lf", str(lab.dir / "lease"), "-pf", str(lab.dir / "pid"), "-sf", str(script))
    for step in ("-1", "-r"):
        lab.run(dhclient, "dhclient", "-6", step, "-v", "-D", "LLT", *files, "eth0", seconds=30)


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab(ipv6=True) as lab:
        boxes = lab.host("dhcpcd", "192.168.1.71"), lab.host("dhclient", "192.168.1.72")
        server = lab.host("server", "198.51.100.71")
        for box in boxes:
            lab.run(box, "ip", "-6", "addr", "flush", "dev", "eth0", "scope", "global")
        relay, relay_log = lab.dir / "relay.conf", lab.dir / "relay.log"
        relay.write_text(
            "port=0\nkeep-in-foreground\nuser=root\npid-file\nlog-dhcp\ninterface=home\n"
            f"log-facility={relay_log}\ndhcp-relay=2001:db8:1::1,{server.ipv6}\n"
        )
        lab.start(lab.router, "dnsmasq", "-C", str(relay), seconds=120)
        log, conf = server.root / "dhcp.log", server.root / "dnsmasq.conf"
        conf.write_text(
            "port=0\nkeep-in-foreground\nuser=root\npid-file\nlog-dhcp\ninterface=eth0\n"
            f"log-facility={log}\ndhcp-leasefile={server.root / 'leases'}\n"
            "dhcp-range=2001:db8:1::200,2001:db8:1::2ff,64,2h\ndhcp-option=option6:dns-server,[2001:db8:2::53]\n"
            + "".join(f"dhcp-option-force=vi-encap:4491,option6:{code},{value}\n" for code, value in VENDOR.items())
        )
        lab.start(server, "dnsmasq", "-C", str(conf), seconds=120)
        lab.wait_for(lambda: log.exists() and "started" in log.read_text(), 5, "the server")
        tcpdump = lab.capture(server, capture, "udp", "port", "547")
        clients(lab, *boxes)
        lab.end_capture(tcpdump)
        lab.tools |= {"dhclient", "dhcpcd"}
        lines = [line.split(": ", 1)[1].strip() for line in log.read_text().splitlines() if "dnsmasq-dhcp[" in line]
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=[],
            clients=[
                {"software": box.name, "mac": lab.run(box, "cat", "/sys/class/net/eth0/address").strip(),
                 "fqdn": NAMES[box.name], **more}
                for box, more in zip(boxes, ({"vendor_class": CLASS, "user_class": USER_CLASS}, {}), strict=True)
            ],
            vendor_data=VENDOR, dhcp_log=[line for line in lines if any(word in line for word in SAID)],
        )  # fmt: skip


if __name__ == "__main__":
    main()
