"""The lab's small Internet: nodes in network namespaces, homes behind NAT with DHCP and DNS, recordings, programs.

    box ── lan ── home router ── (NAT) ── wan ── servers
                    dnsmasq: DHCP, DNS ──► dns (192.0.2.53, dnsmasq: all names)

No namespace has an interface of the machine. Frames have the size that a wire carries, checksums are right. Every
program has a time limit; `isolation` ends what is left. Names resolve as the name server's file says at that time
(`set_names`). Home routers log what they translate (`conntrack`), so that a server's log can be led back to a box.

A home that has IPv6 gets a prefix of its own: its router announces it (RA), boxes choose addresses in it (SLAAC, also
temporary ones), nothing is translated.

Known limitations: one wire joins all servers, without delay. Boxes get no address by DHCPv6.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from .isolation import LabError

DNS_IP = "192.0.2.53"
WAN_6 = IPv6Network("2001:db8:ffff::/64")
WAN_NETS = ("192.0.2", "198.51.100", "203.0.113")
NAME_TTL_S = 20
TOLD = re.compile(r": \d+ (\S+)/\d+ (?:reply|cached|config|/\S+) (\S+) is ([0-9a-f][0-9a-f.:]+)$")
UDHCPC = """#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr replace "$ip/$mask" dev "$interface" && ip route replace default via "$router"
echo "lease $ip $router"
"""
SWITCH_6 = (
    "sysctl -qw net.ipv6.conf.{0}.disable_ipv6=0 net.ipv6.conf.{0}.accept_ra=0 net.ipv6.conf.{0}.accept_dad=0 "
    "net.ipv6.conf.all.forwarding=1"
)
"""Switches IPv6 on for a server's or router's interface."""
SWITCH_6_BOX = "sysctl -qw net.ipv6.conf.eth0.use_tempaddr=2 net.ipv6.conf.eth0.disable_ipv6=0"
NAT_RULES = (
    "add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; "
    'add rule ip nat post oifname "eth0" masquerade random'
)


@dataclass
class Node:
    """One machine of the lab."""

    id: str
    ip: str  # on its own interface
    root: Path
    public_ip: str = ""  # home routers and what stands behind them: the address that servers see
    mac: str = ""
    router_ip6: str = ""  # boxes in a home with IPv6


@dataclass
class Running:
    """A program that the lab started."""

    what: str
    process: subprocess.Popen[bytes]
    output: Path

    def stop(self, sig: int = signal.SIGTERM, wait: float = 4.0) -> None:
        """End the program: politely, then at once."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(wait)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(4)

    @property
    def text(self) -> str:
        """Return what the program printed."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""


@dataclass(frozen=True)
class Translation:
    """A connection that a home router translated."""

    start: float
    protocol: str
    inner: tuple[str, int]
    server: tuple[str, int]
    outer: tuple[str, int]


@dataclass
class Network:
    """Namespaces, programs and recordings of one run; `folder` holds their files."""

    folder: Path
    nodes: dict[str, Node] = field(default_factory=dict)
    programs: list[Running] = field(default_factory=list)
    homes: dict[str, Running] = field(default_factory=dict)  # home -> its log of translations
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # ---- machines ----------------------------------------------------------------------------

    def build(self, servers: Mapping[str, Sequence[str]], homes: Mapping[str, tuple[str, str]],
              boxes: Mapping[str, tuple[str, str]], prefixes: Mapping[str, str] | None = None) -> None:  # fmt: skip
        """Make all machines: servers (addresses), homes (public address, LAN), boxes (home, MAC).

        `prefixes` are the IPv6 networks of the homes that have one.
        """
        wires = [("net", ["192.0.2.1", "198.51.100.1", "203.0.113.1"])]
        self._batch("", [f"netns add {name}" for name in ("net", *servers, *homes, *boxes)])
        self._batch("net", ["link add wan type bridge", "link set wan up",
                            *(f"addr add {ip}/24 dev wan" for ip in wires[0][1])])  # fmt: skip
        self._within("net", _switches(("wan",), forward=True))
        for number, (name, addresses) in enumerate(servers.items(), 1):
            self._plug(name, "net", "wan", f"s{number}", _mac(0x20, addresses[0]))
            self._batch(name, [*(f"addr add {ip}/24 dev eth0" for ip in addresses if ":" not in ip),
                               f"route add default via {_gateway(addresses[0])}"])  # fmt: skip
            self._node(name, addresses[0])
        for number, (name, (public, lan)) in enumerate(homes.items(), 1):
            self._plug(name, "net", "wan", f"h{number}", _mac(0x30, public))
            inside = str(IPv4Network(lan)[1])
            self._batch(name, [f"addr add {public}/24 dev eth0", f"route add default via {_gateway(public)}",
                               f"link add lan address {router_mac(inside)} type bridge", "link set lan up",
                               f"addr add {inside}/{IPv4Network(lan).prefixlen} dev lan"])  # fmt: skip
            self._within(name, _switches(("lan",), forward=True) + f"; nft {shlex.quote(NAT_RULES)}")
            self._node(name, inside, public)
        for number, (name, (home, mac)) in enumerate(boxes.items(), 1):
            self._plug(name, home, "lan", f"b{number}", mac)
            self._node(name, "", self.nodes[home].public_ip, mac)
        if prefixes:
            self._build_6(servers, prefixes)
            for name, (home, _) in boxes.items():
                self.nodes[name].router_ip6 = self.nodes[home].router_ip6

    def _build_6(self, servers: Mapping[str, Sequence[str]], prefixes: Mapping[str, str]) -> None:
        """Give IPv6 to the wire, to servers that have such an address, and to homes; to be done when all is plugged."""
        self._within("net", SWITCH_6.format("wan"))
        self._batch("net", [f"addr add {WAN_6[1]}/64 dev wan nodad"])
        for name, addresses in servers.items():
            for ip in (ip for ip in addresses if ":" in ip):
                self._within(name, SWITCH_6.format("eth0"))
                self._batch(name, [f"addr add {ip}/64 dev eth0 nodad", f"route add default via {WAN_6[1]}"])
        for number, (home, prefix) in enumerate(prefixes.items(), 1):
            self._give_prefix(home, IPv6Network(prefix), WAN_6[0x3000 + number])

    def _give_prefix(self, home: str, prefix: IPv6Network, outside: IPv6Address) -> None:
        """Route an IPv6 network to a home."""
        self.nodes[home].router_ip6 = str(prefix[1])
        self._within(home, f"{SWITCH_6.format('lan')}; {SWITCH_6.format('eth0')}")
        self._batch(home, [f"addr add {prefix[1]}/{prefix.prefixlen} dev lan nodad",
                           f"addr add {outside}/64 dev eth0 nodad", f"route add default via {WAN_6[1]}"])  # fmt: skip
        self._batch("net", [f"route add {prefix} via {outside}"])

    def _node(self, name: str, ip: str, public: str = "", mac: str = "") -> None:
        root = self.folder / name
        root.mkdir()
        self.nodes[name] = Node(name, ip, root, public, mac)
        resolver = Path("/etc/netns") / name
        resolver.mkdir()
        (resolver / "resolv.conf").write_text(f"nameserver {DNS_IP}\noptions attempts:1\n")

    def _plug(self, name: str, into: str, bridge: str, port: str, mac: str) -> None:
        """Join a machine's eth0 to a bridge."""
        self._batch(into, [f"link add {port} type veth peer name eth0 netns {name}", f"link set {port} master {bridge}",
                           f"link set {port} up"])  # fmt: skip
        self._batch(name, [f"link set eth0 address {mac}", "link set eth0 up", "link set lo up"])
        self._within(into, _switches((port,)))
        self._within(name, _switches(("eth0",)))

    def _batch(self, namespace: str, lines: Iterable[str]) -> None:
        where = ["-n", namespace] if namespace else []
        done = subprocess.run(["ip", *where, "-batch", "-"], input="\n".join(lines) + "\n", capture_output=True,
                              text=True, timeout=60, check=False)  # fmt: skip
        if done.returncode:
            raise LabError(f"ip in {namespace or 'the lab'}: {done.stderr.strip()}")

    def _within(self, namespace: str, command: str) -> None:
        done = subprocess.run(["ip", "netns", "exec", namespace, "sh", "-c", command], capture_output=True, text=True,
                              timeout=60, check=False)  # fmt: skip
        if done.returncode:
            raise LabError(f"{command} in {namespace}: {done.stderr.strip()}")

    # ---- names and addresses -----------------------------------------------------------------

    def start_names(self, names: Mapping[str, Sequence[str]]) -> None:
        """Start the name server and, in each home, the router's DHCP and DNS; `names` are host -> addresses."""
        self.set_names(names)
        self._dnsmasq("dns", [f"listen-address={DNS_IP}", "no-resolv", "local=/example/", f"local-ttl={NAME_TTL_S}",
                              f"addn-hosts={self.folder / 'names'}"])  # fmt: skip

    def set_names(self, names: Mapping[str, Sequence[str]]) -> None:
        """Let the name server answer with these from now on."""
        lines = (f"{ip} {host}\n" for host, addresses in names.items() for ip in addresses)
        (self.folder / "names").write_text("".join(lines))
        pid = self.folder / "dns" / "dnsmasq.pid"  # not the time limit's: that takes SIGHUP for the end
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGHUP)

    def start_home(self, home: str, lan: str, leases: Iterable[tuple[str, str]]) -> None:
        """Start a home router: DHCP with these reservations (MAC, address), DNS, log of translations."""
        net = IPv4Network(lan)
        lines = [f"listen-address={net[1]}", "no-resolv", f"server={DNS_IP}", "no-ping", "dhcp-authoritative",
                 f"dhcp-range={net[20]},{net[200]},1h", f"dhcp-leasefile={self.folder / home / 'leases'}",
                 "log-dhcp", "interface=lan", *(f"dhcp-host={mac},{ip}" for mac, ip in leases)]  # fmt: skip
        if inside := self.nodes[home].router_ip6:
            lines += ["enable-ra", f"dhcp-range={inside.removesuffix('1')},ra-stateless,64,1h",
                      "dhcp-option=option6:dns-server,[::]", f"listen-address={inside}"]  # fmt: skip
        self._dnsmasq(home, lines)
        self.homes[home] = self.start(home, "conntrack", "-E", "-e", "NEW", "-o", "timestamp", "-b", "4194304")

    def _dnsmasq(self, node: str, lines: Iterable[str]) -> None:
        root = self.folder / node
        conf = root / "dnsmasq.conf"
        own = ["no-hosts", "bind-interfaces", "user=root", "log-queries=extra", f"pid-file={root / 'dnsmasq.pid'}",
               f"log-facility={root / 'dnsmasq.log'}"]  # fmt: skip
        conf.write_text("\n".join([*own, *lines]) + "\n")
        self.start(node, "dnsmasq", "-k", "-C", str(conf))

    def lease(self, box: str, hostname: str, vendor_class: str) -> None:
        """Let a box ask for its address, as set-top boxes do at start."""
        script = self.folder / "udhcpc.sh"
        script.write_text(UDHCPC)
        script.chmod(0o755)
        told = self.run(box, "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "5", "-T", "1", "-s", str(script),
                        "-x", f"hostname:{hostname}", "-V", vendor_class)  # fmt: skip
        found = re.search(r"^lease (\S+) (\S+)$", told, re.MULTILINE)
        if not found:
            raise LabError(f"{box} got no address: {told}")
        self.nodes[box].ip = found.group(1)
        self.ask_names_at(box, found.group(2))

    def join_6(self, box: str) -> None:
        """Let a box choose addresses in the network that its router announces."""
        self._within(box, SWITCH_6_BOX)
        wait_for(
            lambda: any("temporary" in row for row in self._rows_6(box, "global")), 15, f"an IPv6 address of {box}"
        )

    def addresses_6(self, node: str, interface: str = "eth0") -> list[str]:
        """Return the IPv6 addresses at an interface; the one that never leaves its network comes last."""
        rows = self._rows_6(node, "global", interface) + self._rows_6(node, "link", interface)
        return [row.split()[3].partition("/")[0] for row in rows]

    def _rows_6(self, node: str, scope: str, interface: str = "eth0") -> list[str]:
        done = subprocess.run(["ip", "-n", node, "-6", "-o", "addr", "show", "dev", interface, "scope", scope],
                              capture_output=True, text=True, timeout=20, check=True)  # fmt: skip
        return [row for row in done.stdout.splitlines() if "tentative" not in row]

    def ask_names_at(self, box: str, address: str) -> None:
        """Let a box ask a name server from now on."""
        (Path("/etc/netns") / box / "resolv.conf").write_text(f"nameserver {address}\n")

    # ---- programs and recordings ---------------------------------------------------------------

    def start(self, node: str, *argv: str, seconds: int = 600, env: Mapping[str, str] | None = None,
              output: Path | None = None) -> Running:  # fmt: skip
        """Return a program started on a node; it is ended after `seconds` at the latest."""
        with self._lock:
            file = output or self.folder / f"program-{len(self.programs)}-{node}.log"
            settings = [f"{key}={value}" for key, value in (env or {}).items()]
            with file.open("wb") as out:
                process = subprocess.Popen(
                    [
                        "ip",
                        "netns",
                        "exec",
                        node,
                        "env",
                        *settings,
                        "timeout",
                        "--foreground",
                        "-k",
                        "2",
                        str(seconds),
                        *argv,
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder / node if (self.folder / node).exists() else self.folder,
                )
            running = Running(f"{node}/{Path(argv[0]).name}", process, file)
            self.programs.append(running)
        return running

    def run(self, node: str, *argv: str, seconds: int = 30, env: Mapping[str, str] | None = None) -> str:
        """Return the output of a program that ran to its end."""
        running = self.start(node, *argv, seconds=seconds, env=env)
        code = running.process.wait(seconds + 10)
        if code:
            raise LabError(f"{' '.join(argv)} on {node} ended with {code}: {running.text[-800:]}")
        return running.text

    def capture(self, node: str, file: Path, interface: str = "eth0", expression: str = "") -> Running:
        """Return tcpdump on a node, recording from now on."""
        running = self.start(
            node,
            "tcpdump",
            "-i",
            interface,
            "-U",
            "--immediate-mode",
            "-n",
            "-Z",
            "root",
            "-B",
            "16384",
            "-s",
            "0",
            "-w",
            str(file),
            *expression.split(),
        )
        wait_for(lambda: "listening on" in running.text, 10, f"tcpdump on {node}: {running.text}")
        return running

    def end_capture(self, running: Running) -> None:
        """Stop a recording; a recording that lost frames is refused."""
        time.sleep(0.3)
        running.stop(signal.SIGINT)
        if "0 packets dropped by kernel" not in running.text:
            raise LabError(f"tcpdump lost frames: {running.text}")

    # ---- what the routers and the name server say ------------------------------------------------

    def translations(self) -> dict[str, list[Translation]]:
        """Return what each home router translated, by the address that servers saw."""
        found: dict[str, list[Translation]] = {}
        for home, program in self.homes.items():
            rows = [row for line in program.text.splitlines() if (row := _translation(line))]
            found[self.nodes[home].public_ip] = rows
        return found

    def dns_answers(self) -> dict[str, list[str]]:
        """Return the addresses that the home routers and the name server gave for each name asked for."""
        answers: dict[str, list[str]] = {}
        for log in sorted(self.folder.glob("*/dnsmasq.log")):
            for line in log.read_text().splitlines():
                words = line.split()
                if len(words) > 3 and words[-2] == "is" and not words[-3].endswith("arpa"):
                    known = answers.setdefault(words[-3], [])
                    if words[-1] not in known:
                        known.append(words[-1])
        return answers

    def names_told(self) -> list[dict[str, str]]:
        """Return which addresses each home router gave to which client for which name, each once."""
        told: dict[tuple[str, ...], None] = {}
        for home in self.homes:
            for line in (self.folder / home / "dnsmasq.log").read_text().splitlines():
                found = TOLD.search(line)
                if found and (":" in found[3] or found[3][0].isdigit()):
                    told[home, *found.groups()] = None
        return [dict(zip(("home", "client_ip", "name", "ip"), row, strict=True)) for row in told]

    def leases(self) -> list[dict[str, str]]:
        """Return what the home routers leased: MAC, address, host name, vendor class."""
        rows = []
        for home in self.homes:
            log = (self.folder / home / "dnsmasq.log").read_text()
            for line in (self.folder / home / "leases").read_text().splitlines():
                if line.startswith("duid "):  # that of the server; what follows is DHCPv6
                    break
                _, mac, ip, hostname, _ = line.split()
                row = {"home": home, "mac": mac, "ip": ip, "hostname": hostname}
                asked = re.search(rf": (\d+) DHCPDISCOVER\(lan\) .*{mac}", log)
                told = asked and re.search(rf": {asked.group(1)} vendor class: (.+)", log)
                rows.append(row | ({"vendor_class": told.group(1)} if told else {}))
        return rows


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.05)


def json_lines(file: Path) -> list[dict[str, object]]:
    """Return the rows of a log of JSON lines; a line that a program was still writing is left out."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(errors="replace").splitlines() if line.endswith("}")]


def _translation(line: str) -> Translation | None:
    """Return the connection in a line of conntrack: both ends as the box sent them, and as answers come back."""
    found = re.match(r"\[(\d+\.\d+)\s*\]\s+\[NEW\] (tcp|udp)", line)
    parts = re.findall(r"src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)", line)
    if not found or len(parts) != 2:
        return None
    (source, target, sport, dport), (_, outer, _, outer_port) = parts
    return Translation(
        float(found.group(1)), found.group(2), (source, int(sport)), (target, int(dport)), (outer, int(outer_port))
    )


def _gateway(ip: str) -> str:
    return ip.rsplit(".", 1)[0] + ".1"


def router_mac(inside: str) -> str:
    """Return the link-layer address of a home router in its home."""
    return _mac(0x10, inside)


def _mac(kind: int, ip: str) -> str:
    third, fourth = ip.split(".")[2:]
    return f"02:00:5e:{kind:02x}:{int(third):02x}:{int(fourth):02x}"


def _switches(devices: Sequence[str], *, forward: bool = False) -> str:
    """Return the commands that give devices frames as on a wire, and switch IPv6 off."""
    lines = [f"ethtool -K {device} tso off gso off gro off tx off rx off >/dev/null 2>&1 || true" for device in devices]
    lines.append("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.conf.all.send_redirects=0")
    if forward:
        lines.append("sysctl -qw net.ipv4.ip_forward=1")
    return "; ".join(lines)
