"""A box that has sold its line: strangers reach the Internet through it.

The box keeps an SSH connection to a hub, with dynamic forwarding on the hub's side (`ssh -R PORT`, OpenSSH): whoever
speaks SOCKS to the hub comes out at the box, whose router resolves the names and whose address servers see.

Known limitations: real residential proxies have protocols of their own; the stranger's program is curl.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from .network import Network, wait_for
from .scenario import Hub, Scenario
from .viewers import Viewer, Viewing

SSH_PORT, SOCKS_PORT = 443, 1080
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)


class Bot:
    """The hub, the program on the box, and the strangers."""

    def __init__(self, net: Network, scenario: Scenario, hub: Hub) -> None:
        self.net = net
        self.scenario = scenario
        self.hub = hub
        self.viewings: list[Viewing] = []
        root = net.folder / hub.id
        for name in ("host", "bot"):
            net.run(hub.id, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(root / name))
        (root / "allowed").write_text((root / "bot.pub").read_text())
        (root / "sshd.conf").write_text(
            f"Port {SSH_PORT}\nHostKey {root}/host\nAuthorizedKeysFile {root}/allowed\nStrictModes no\nUsePAM no\n"
            f"PidFile {root}/sshd.pid\nPermitRootLogin yes\nGatewayPorts clientspecified\n"
        )
        net.run(hub.id, "mkdir", "-p", "/run/sshd")
        net.start(hub.id, "/usr/sbin/sshd", "-D", "-e", "-f", str(root / "sshd.conf"))
        wait_for((root / "sshd.pid").exists, 10, "sshd")
        self.bot = net.start(hub.box, "ssh", "-N", "-p", str(SSH_PORT), "-i", str(root / "bot"), "-o", "BatchMode=yes",
                             "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                             "-R", f"127.0.0.1:{SOCKS_PORT}", f"root@{hub.names[0]}")  # fmt: skip
        wait_for(
            lambda: str(SOCKS_PORT) in net.run(hub.id, "ss", "-Hltn"), 15, f"the bot on {hub.box}: {self.bot.text}"
        )

    def run(self, until: Callable[[float], None]) -> None:
        """Let strangers watch what the scenario says, through the box."""
        for watch in sorted(
            (w for w in self.scenario.watch if w.by == "proxy" and w.box == self.hub.box), key=lambda w: w.start
        ):
            until(watch.start)
            box = self.scenario.one("box", watch.box)
            stranger = Viewer(self.net, self.scenario, box, line=watch.line)
            url = stranger.address(watch, ask=False)
            viewing = Viewing(watch, box, url, "curl", time.time(), panel=stranger.panel.id,
                              line=stranger.line.id)  # fmt: skip
            viewing.program = self.net.start(
                self.hub.id,
                "curl",
                "-s",
                "-L",
                "-A",
                AGENT,
                "--socks5-hostname",
                f"127.0.0.1:{SOCKS_PORT}",
                "-o",
                "/dev/null",
                url,
            )
            until(watch.end)
            viewing.program.stop(signal.SIGINT)
            viewing.end = time.time()
            self.viewings.append(viewing)
