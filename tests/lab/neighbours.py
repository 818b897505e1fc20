"""What stands in homes and on the Internet besides boxes and the service: real programs that make captures less clean.

    a device that announces itself    avahi-daemon (mDNS)
    a router that announces itself    miniupnpd (SSDP, Internet gateway device)
    a receiver with OpenWebif         `tests.lab.panel`, family openwebif
    a name server over HTTPS          unbound
    a server of the time              chronyd
    a short address of a list         nginx
    a list, free or of a list editor  nginx

Known limitations: no tuner is behind the receiver; it answers about itself and does not stream.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from .network import DNS_IP, Network, wait_for
from .scenario import Box, Clock, Home, Listing, Resolver, Scenario, Shortener, addresses
from .servers import start_nginx
from .services import ROOT

ROUTER = {"friendly_name": "Siskin Home Router", "manufacturer": "Siskin", "model": "SR-200"}
NEEDS: dict[str, Callable[[Scenario], bool]] = {
    "avahi-daemon": lambda s: any(box.announces for box in s.box),
    "miniupnpd": lambda s: any(home.upnp for home in s.home),
    "unbound": lambda s: bool(s.resolver),
    "chronyd": lambda s: bool(s.clock),
}
"""Programs, and whether a scenario needs them."""


def programs(scenario: Scenario) -> set[str]:
    """Return the programs that the neighbours of a scenario need."""
    return {name for name, needed in NEEDS.items() if needed(scenario)}


def start_servers(net: Network, scenario: Scenario, certificate: Mapping[str, str]) -> None:
    """Start what stands on the Internet."""
    for resolver in scenario.resolver:
        _resolver(net, resolver, certificate)
    for clock in scenario.clock:
        _clock(net, clock)
    for shortener in scenario.shortener:
        _shortener(net, scenario, shortener)
    for listing in scenario.listing:
        _listing(net, scenario, listing)


def start_home(net: Network, home: Home) -> None:
    """Start what a router does besides routing."""
    if not home.upnp:
        return
    conf = net.nodes[home.id].root / "upnp.conf"
    told = {"ext_ifname": "eth0", "listening_ip": "lan", "enable_upnp": "yes", "uuid":
            f"7f2a91c4-31d0-4c52-9b1e-0200{home.public_ip.rsplit('.', 1)[-1]:0>8}", "notify_interval": "60",
            "friendly_name": ROUTER["friendly_name"], "manufacturer_name": ROUTER["manufacturer"],
            "model_name": ROUTER["model"]}  # fmt: skip
    conf.write_text("".join(f"{key}={value}\n" for key, value in told.items()))
    running = net.start(home.id, "miniupnpd", "-d", "-f", str(conf), "-P", str(conf.with_suffix(".pid")))
    wait_for(lambda: "listening on" in running.text, 10, f"miniupnpd on {home.id}: {running.text}")


def start_box(net: Network, scenario: Scenario, box: Box) -> None:
    """Start what a device says of itself in its home."""
    if box.announces:
        _announce(net, box)
    if box.receiver:
        _receiver(net, scenario, box)


def announced(row: Mapping[str, Any]) -> str:
    """Return a service as avahi reads it."""
    texts = "".join(f"<txt-record>{escape(text)}</txt-record>" for text in row.get("txt", ()))
    return (
        "<?xml version='1.0' standalone='no'?><!DOCTYPE service-group SYSTEM 'avahi-service.dtd'>"
        f"<service-group><name>{escape(str(row['name']))}</name><service><type>{row['type']}</type>"
        f"<port>{row['port']}</port>{texts}</service></service-group>"
    )


def _announce(net: Network, box: Box) -> None:
    """Announce services by mDNS; folders that avahi has one of per machine are the node's own."""
    root = net.nodes[box.id].root
    for number, row in enumerate(box.announces):
        (root / f"{number}.service").write_text(announced(row))
    (root / "avahi.conf").write_text(
        f"[server]\nhost-name={box.hostname}\nallow-interfaces=eth0\nenable-dbus=no\n"
        "[publish]\npublish-workstation=no\n"
    )
    own = "mkdir -p /run/avahi-daemon; for f in /run/avahi-daemon /etc/avahi/services; do mount -t tmpfs tmpfs $f; done"
    command = (
        f"{own}; cp {shlex.quote(str(root))}/*.service /etc/avahi/services/; "
        f"exec avahi-daemon -f {shlex.quote(str(root / 'avahi.conf'))} --no-drop-root --no-chroot --no-rlimits"
    )
    net.start(box.id, "sh", "-c", command)


def _receiver(net: Network, scenario: Scenario, box: Box) -> None:
    """Answer as the web interface of a receiver; its channels are those of a cable, not of the service."""
    node, home = net.nodes[box.id], scenario.one("home", box.home)
    document: dict[str, Any] = {
        "name": box.id, "host": node.ip, "listen": node.ip, "family": ["openwebif"],
        "log": str(node.root / "receiver.http.jsonl"),
        "receiver": {"mac": box.mac, "ip": node.ip, "gateway": net.nodes[home.id].ip, "model": box.model,
                     **box.receiver},
        "channels": [{"id": 1, "name": "Cable One", "custom_sid": "1:0:19:283D:3FB:1:C00000:0:0:0:"}],
    }  # fmt: skip
    file = node.root / "receiver.json"
    file.write_text(json.dumps(document))
    running = net.start(box.id, sys.executable, "-m", "tests.lab.panel", "--config", str(file),
                        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"})  # fmt: skip
    wait_for(lambda: "listening on" in running.text, 20, f"{box.id}: {running.text}")


def _resolver(net: Network, resolver: Resolver, certificate: Mapping[str, str]) -> None:
    root = net.nodes[resolver.id].root
    listen = "".join(f"  interface: {ip}@443\n" for ip in addresses(resolver))
    conf = root / "unbound.conf"
    conf.write_text(
        f'server:\n{listen}  https-port: 443\n  tls-service-key: "{certificate["key"]}"\n'
        f'  tls-service-pem: "{certificate["certificate"]}"\n  access-control: 0.0.0.0/0 allow\n'
        '  access-control: ::0/0 allow\n  do-daemonize: no\n  username: ""\n  chroot: ""\n  use-syslog: no\n'
        f'  directory: "{root}"\n  pidfile: "{root}/unbound.pid"\n  logfile: "{root}/unbound.log"\n'
        '  log-queries: yes\n  module-config: "iterator"\n  num-threads: 1\n'
        f'forward-zone:\n  name: "."\n  forward-addr: {DNS_IP}\n'
    )
    running = net.start(resolver.id, "unbound", "-d", "-c", str(conf))
    wait_for((root / "unbound.pid").exists, 10, f"unbound: {running.text}")


def _clock(net: Network, clock: Clock) -> None:
    """Answer with the machine's time; the clock itself is left alone (-x)."""
    root = net.nodes[clock.id].root
    conf = root / "chrony.conf"
    conf.write_text(
        f"local stratum 3\nallow\ncmdport 0\nbindcmdaddress /\npidfile {root}/chrony.pid\nbindaddress {clock.ip}\n"
    )
    running = net.start(clock.id, "chronyd", "-x", "-d", "-u", "root", "-f", str(conf))
    wait_for((root / "chrony.pid").exists, 10, f"chronyd: {running.text}")


def _shortener(net: Network, scenario: Scenario, shortener: Shortener) -> None:
    line = scenario.one("line", shortener.line)
    panel = scenario.one("panel", line.panel)
    base = f"http://{panel.names[0]}" + ("" if panel.port == 80 else f":{panel.port}")
    target = f"{base}/get.php?username={line.username}&password={line.password}&type=m3u_plus&output=ts"
    start_nginx(net, shortener.id, "short", http=f"""server {{ listen 80;
 location = {shortener.path} {{ return 302 {target}; }} location / {{ return 404; }} }}""")  # fmt: skip


def list_text(scenario: Scenario, listing: Listing) -> str:
    """Return the list that a `listing` gives."""
    out = ["#EXTM3U"]
    for row in listing.entries:
        channel = scenario.one("channel", row["channel"])
        if "line" in row:
            url = scenario.entry(scenario.one("line", row["line"]), channel)
        else:
            url = scenario.plain_address(channel, scenario.one("edge", row["edge"]))
        out += [f'#EXTINF:-1 tvg-id="{channel.epg_id}" group-title="{channel.category}",{channel.name}', url]
    return "\r\n".join(out) + "\r\n"


def _listing(net: Network, scenario: Scenario, listing: Listing) -> None:
    """Give the list: to everybody at its path, or as get.php to who has name and password."""
    root = net.nodes[listing.id].root
    (root / "list.m3u").write_text(list_text(scenario, listing))
    path, needed = listing.path, ""
    if listing.line:
        line = scenario.one("line", listing.line)
        path = "/get.php"
        needed = f'if ($arg_username != "{line.username}") {{ return 403; }} '
        needed += f'if ($arg_password != "{line.password}") {{ return 403; }} '
    start_nginx(net, listing.id, "list", http=f"""server {{ listen 80; location = {path} {{ {needed}types {{ }}
 default_type audio/x-mpegurl; alias {root}/list.m3u; }} location / {{ return 404; }} }}""")  # fmt: skip
