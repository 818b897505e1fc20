"""Kodi with its Stalker client reads the running portal; the channels and the guide that it shows are compared.

    unshare --net sh -c 'ip link set lo up; exec .venv/bin/python -m tests.lab.panel.kodi_judge'      (as root)

Needs the Debian packages kodi-bin, kodi-pvr-stalker and xvfb; not part of `make test`. Kodi asks the network for more
than the portal, so the command gives it a network namespace with nothing but loopback; anywhere else it does not run.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .conftest import EXAMPLE, running

KODI = "/usr/lib/x86_64-linux-gnu/kodi/kodi.bin"
REMOTE_PORT = 9090
WAIT_S = 60
SETTINGS = {
    "mac_0": "00:1A:79:00:00:01",
    "time_zone_0": "Asia/Seoul",
    "guide_preference_0": "1",
    "guide_cache_0": "false",
}


def prepare(home: Path, portal: str) -> None:
    """Write Kodi's settings: no updates, and where the portal is."""
    data = home / ".kodi" / "userdata"
    (data / "addon_data" / "pvr.stalker").mkdir(parents=True)
    (data / "guisettings.xml").write_text(settings({"general.addonupdates": "2"}))
    told = SETTINGS | {"server_0": portal}
    (data / "addon_data" / "pvr.stalker" / "settings.xml").write_text(settings(told))


def settings(values: dict[str, str]) -> str:
    """Return a settings file of Kodi."""
    rows = "".join(f'<setting id="{key}">{value}</setting>' for key, value in values.items())
    return f'<settings version="2">{rows}</settings>'


@contextlib.contextmanager
def kodi(home: Path, screen: int) -> Iterator[None]:
    """Run Kodi on a screen that nobody sees."""
    environment = os.environ | {"HOME": str(home), "DISPLAY": f":{screen}", "LIBGL_ALWAYS_SOFTWARE": "1",
                                "KODI_HOME": "/usr/share/kodi"}  # fmt: skip
    with (home / "output").open("wb") as output, contextlib.ExitStack() as stack:
        for argv in (["Xvfb", f":{screen}", "-screen", "0", "640x360x24"], [KODI, "--standalone", "--windowing=x11"]):
            limited = ["timeout", "-k", "5", str(2 * WAIT_S), *argv]
            program = subprocess.Popen(limited, stdout=output, stderr=output, env=environment)
            stack.callback(program.wait)
            stack.callback(program.terminate)
            time.sleep(1)
        yield


class Remote:
    """Kodi's JSON-RPC over TCP, where replies and news come as they are."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.waiting = ""

    def ask(self, method: str, **params: Any) -> Any:
        """Return the result of a call; None if Kodi does not answer it (yet)."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", REMOTE_PORT), 10)
                self.waiting = ""
            self.socket.sendall(json.dumps(call).encode())
            while (told := self._next()).get("id") != 1:
                pass
            return told.get("result")
        except (OSError, EOFError):
            self.socket = None
            return None

    def _next(self) -> dict[str, Any]:
        assert self.socket is not None
        while True:
            with contextlib.suppress(ValueError):
                told, end = json.JSONDecoder().raw_decode(self.waiting)
                self.waiting = self.waiting[end:].lstrip()
                return told
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError
            self.waiting += piece.decode(errors="replace")

    def wait(self, method: str, key: str, **params: Any) -> Any:
        """Return what a call says under a key, as soon as it says something."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            told = self.ask(method, **params)
            if isinstance(told, dict) and told.get(key):
                return told[key]
            time.sleep(1)
        raise SystemExit(f"Kodi does not answer {method} {params}")


def differences() -> list[str]:
    """Return what Kodi shows otherwise than the document says."""
    kodi = Remote()
    kodi.wait("JSONRPC.Version", "version")
    kodi.ask("Addons.SetAddonEnabled", addonid="pvr.stalker", enabled=True)
    channels = kodi.wait("PVR.GetChannels", "channels", channelgroupid="alltv")
    names = [c["name"] for c in EXAMPLE["channels"] if c.get("kind", "live") == "live"]
    guide = kodi.wait("PVR.GetBroadcasts", "broadcasts", channelid=channels[0]["channelid"])
    groups = [row["label"] for row in kodi.wait("PVR.GetChannelGroups", "channelgroups", channeltype="tv")]
    found = []
    if [c["label"] for c in channels] != names:
        found.append(f"channels: {channels}")
    if len(guide) < 2:
        found.append(f"guide: {guide}")
    if not {"Korea", "News"} <= set(groups):
        found.append(f"groups: {groups}")
    return found


def main() -> None:
    """Let Kodi read both kinds of portal."""
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        sys.exit("kodi_judge: only in a network namespace with nothing but loopback")
    wrong = 0
    for n, (genuine, path) in enumerate(((True, "/stalker_portal/c/"), (False, "/c/"))):
        with tempfile.TemporaryDirectory(prefix="kodi-judge-") as temporary:
            told = {**EXAMPLE, "portal": {"genuine": genuine}}
            with running(temporary, told) as started:
                prepare(Path(temporary), started["panel"].base + path)
                with kodi(Path(temporary), 70 + n):
                    found = differences()
                calls = [row["did"].removeprefix("stalker:") for row in started["panel"].rows()]
        print(
            "genuine" if genuine else "emulated",
            *(found or ["as the document says"]),
            *dict.fromkeys(calls),
            sep="\n  ",
        )
        wrong += len(found)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
