"""DHCPv4 of three clients that name themselves, DHCPv6 of one of them; the server sends vendor-specific information."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

CLASS = "OSPREYTV-S3"
VENDOR_DATA = b"\x01\x11http://u.example/\x02\x05S3-EU"


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab(ipv6=True) as lab:
        boxes = [lab.host(name, f"192.168.1.{n}") for name, n in (("udhcpc", 31), ("dhclient", 32), ("dhcpcd", 33))]
        for box in boxes:
            lab.run(box, "ip", "-4", "addr", "flush", "dev", "eth0")
        log = lab.dir / "dns.log"
        lab.start_dns(
            "interface=home", "no-ping", "log-dhcp", f"dhcp-leasefile={lab.dir / 'leases'}",
            "dhcp-range=192.168.1.100,192.168.1.150,255.255.255.0,2h",
            "dhcp-range=2001:db8:1::100,2001:db8:1::1ff,64,2h",
            "dhcp-option=option:ntp-server,192.168.1.1", "dhcp-option=option:domain-name,den.example",
            "dhcp-option=66,tftp.osprey-media.example", "dhcp-option=67,s3.img",
            "dhcp-option-force=43," + VENDOR_DATA.hex(":"),
        )  # fmt: skip
        tcpdump = lab.capture(lab.router, capture, interface="home")
        udhcpc, dhclient, dhcpcd = boxes
        script = lab.dir / "nothing"
        script.write_text("#!/bin/sh\nexit 0\n")
        script.chmod(0o755)
        lab.run(
            udhcpc, "busybox", "udhcpc", "-f", "-n", "-q", "-i", "eth0", "-s", str(script), "-V", CLASS,
            "-x", "hostname:osprey-lounge", "-x", "0x4d:03747673", "-C", seconds=20,
        )  # fmt: skip
        conf = lab.dir / "dhclient.conf"
        conf.write_text(
            'send host-name "kestrel-7";\nsend fqdn.fqdn "kestrel-7.den.example";\nsend fqdn.encoded on;\n'
            'send vendor-class-identifier "KESTREL:7";\n'
            "send dhcp-client-identifier = hardware;\nrequest subnet-mask, routers, domain-name-servers, ntp-servers;\n"
        )
        for family in ("-4", "-6"):
            lab.run(dhclient, "dhclient", family, "-1", "-v", "-cf", str(conf), "-lf", str(lab.dir / f"l{family}"),
                    "-pf", str(lab.dir / f"p{family}"), "-sf", str(script), "eth0", seconds=30)  # fmt: skip
            lab.run(dhclient, "dhclient", family, "-r", "-cf", str(conf), "-lf", str(lab.dir / f"l{family}"),
                    "-pf", str(lab.dir / f"p{family}"), "-sf", str(script), "eth0", seconds=30)  # fmt: skip
        lab.run(dhcpcd, "dhcpcd", "-4", "-1", "-B", "-t", "15", "-c", str(script), "-h", "merlin", "-i", "MERLINBOX",
                "-I", "", "-f", "/dev/null", "-A", "eth0", seconds=30)  # fmt: skip
        lab.end_capture(tcpdump)
        said = ("vendor class", "user class", "client provides name", "DHCPDISCOVER", "DHCPOFFER", "DHCPREQUEST",
                "DHCPACK", "DHCPSOLICIT", "DHCPADVERTISE", "DHCPREPLY", "DHCPRELEASE")  # fmt: skip
        lines = [line.split(": ", 1)[1].strip() for line in log.read_text().splitlines() if "dnsmasq-dhcp[" in line]
        lab.tools |= {"udhcpc", "dhclient", "dhcpcd"}
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=[],
            clients=[
                {"software": box.name, "mac": lab.run(box, "cat", "/sys/class/net/eth0/address").strip(),
                 "host_name": host_name, "vendor_class": vendor_class}
                for box, host_name, vendor_class in zip(
                    boxes, ("osprey-lounge", "kestrel-7", "merlin"), (CLASS, "KESTREL:7", "MERLINBOX"), strict=True
                )
            ],
            vendor_data=VENDOR_DATA.hex(), dhcp_log=[line for line in lines if any(word in line for word in said)],
        )  # fmt: skip


if __name__ == "__main__":
    main()
