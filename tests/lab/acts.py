"""What devices do besides watching, each once, with real programs.

    clock         asks a server of the time (ntpdate), by the device's own clock
    receiver      asks a receiver in the same home what it is (OpenWebif)
    discover      looks for devices in the home (gssdp-discover)
    secure-curl   asks a panel over TLS, keys not kept; the same by wget, whose library greets in another way
    secure-wget
    try          tries a line at its panel (player_api.php): `of` is the line

Known limitations: ntpdate asks and never sets a clock: all machines of the lab share that of the recording one.
"""

from __future__ import annotations

from collections.abc import Callable

from .network import Network
from .scenario import Act, Box, Scenario
from .services import FAKETIME

TRY_AGENT = "okhttp/4.9.2"
RECEIVER_AGENT = "E2Remote/1.4"
RECEIVER_PATHS = ("/api/about", "/api/statusinfo", "/api/getservices")


def _clock(net: Network, s: Scenario, box: Box, act: Act) -> list[str]:
    return ["ntpdate", "-q", s.one("clock", act.of).names[0]]


def _receiver(net: Network, s: Scenario, box: Box, act: Act) -> list[str]:
    address = net.nodes[act.of].ip
    return ["curl", "-s", "-m", "10", "-A", RECEIVER_AGENT, *(f"http://{address}{path}" for path in RECEIVER_PATHS)]


def _discover(net: Network, s: Scenario, box: Box, act: Act) -> list[str]:
    return ["gssdp-discover", "-i", "eth0", "--timeout=3"]


def _secure(net: Network, s: Scenario, box: Box, act: Act) -> str:
    return f"https://{s.one('panel', act.of).names[0]}/"


def _secure_curl(net: Network, s: Scenario, box: Box, act: Act) -> list[str]:
    return ["curl", "-s", "-k", "-m", "10", "-o", "/dev/null", _secure(net, s, box, act)]


def _secure_wget(net: Network, s: Scenario, box: Box, act: Act) -> list[str]:
    return ["wget", "-q", "-t", "1", "-T", "10", "--content-on-error", "--no-check-certificate", "-O", "/dev/null",
            _secure(net, s, box, act)]  # fmt: skip


def _try(net: Network, s: Scenario, box: Box, act: Act) -> list[str]:
    line = s.one("line", act.of)
    base = s.entry(line, s.channel[0]).partition("/live/")[0]
    return ["curl", "-s", "-m", "10", "-A", TRY_AGENT, "-o", "/dev/null",
            f"{base}/player_api.php?username={line.username}&password={line.password}"]  # fmt: skip


ACTS: dict[str, Callable[[Network, Scenario, Box, Act], list[str]]] = {
    "clock": _clock, "receiver": _receiver, "discover": _discover, "secure-curl": _secure_curl,
    "secure-wget": _secure_wget, "try": _try,
}  # fmt: skip
PROGRAMS = {"clock": "ntpdate", "receiver": "curl", "discover": "gssdp-discover", "secure-curl": "curl",
            "secure-wget": "wget", "try": "curl"}  # fmt: skip


def programs(scenario: Scenario) -> set[str]:
    """Return the programs that the acts of a scenario need."""
    return {PROGRAMS[act.what] for act in scenario.act}


def do(net: Network, scenario: Scenario, act: Act) -> None:
    """Do it; what a server answers (an error, too) is in its log."""
    box = scenario.one("box", act.box)
    env = {"LD_PRELOAD": FAKETIME, "FAKETIME": f"{box.clock_offset_s:+g}s"} if _own_clock(box, act) else {}
    net.start(box.id, *ACTS[act.what](net, scenario, box, act), env=env, seconds=20).process.wait(25)


def _own_clock(box: Box, act: Act) -> bool:
    return act.what == "clock" and box.clock_offset_s != 0
