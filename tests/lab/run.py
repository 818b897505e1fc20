"""Plays a scenario with real servers and clients in network namespaces, records it, and writes down what is true.

    python -m tests.lab.run SCENARIO -o FOLDER      SCENARIO: a file, or a name in tests/lab/scenarios
    python -m tests.lab.run --list

Writes NAME.truth.json and the recordings that the scenario asks for. Needs root; see docs/lab.md. Whatever happens,
also after Ctrl-C, no program and no namespace is left.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import acts, neighbours, webplayer
from .films import movie
from .isolation import LabError, isolated, unable
from .logbook import Logbook
from .network import Network
from .proxy import Bot
from .scenario import SERVERS, Act, Box, Outage, Scenario, Watch, addresses, read
from .servers import Supply, start_cdn
from .services import Services
from .told import CaptureNote
from .viewers import Viewer, Viewing, programs

HERE = Path(__file__).parent
SCENARIOS = HERE / "scenarios"
NEEDED = ("ip", "tc", "nft", "conntrack", "tcpdump", "dnsmasq", "nginx", "ffmpeg", "ethtool", "unshare")
SPARE_S = 150  # on top of the scenario's own length: films, start of servers, logs
SETTLE_S = 1.5


@dataclass
class Event:
    """Something that happens at a second of the scenario."""

    at: float
    do: Callable[[], None]
    what: str


class Run:
    """One run of one scenario."""

    def __init__(self, scenario: Scenario, folder: Path, out: Path, *, pack: bool = False) -> None:
        self.scenario = scenario
        self.pack = pack
        self.out = out
        self.net = Network(folder)
        self.viewers: dict[str, Viewer] = {}
        self.viewings: list[Viewing] = []
        self.faults: list[str] = []
        self.names = self._first_names()
        self.notes: list[CaptureNote] = []
        self.book = Logbook(scenario, self.net)
        self.second_0 = 0.0
        self.bots: list[Bot] = []
        self.busy: list[threading.Thread] = []

    def _first_names(self) -> dict[str, list[str]]:
        """Return host name -> addresses at second 0."""
        later = {change.name for change in self.scenario.rename if change.to}
        found: dict[str, list[str]] = {}
        for name, ip in self.scenario.names():
            if name not in later:
                found.setdefault(name, []).append(ip)
        return found

    def play(self) -> None:
        """Build, start, record, watch, and write the truth."""
        s = self.scenario
        self._say("films")
        supply = Supply(self.net, s)
        self._say("machines")
        servers = {"dns": ["192.0.2.53"]} | {
            row.id: addresses(row) for table in SERVERS for row in s.rows(table) if not getattr(row, "on", "")
        }
        self.net.build(servers, {h.id: (h.public_ip, h.lan) for h in s.home}, {b.id: (b.home, b.mac) for b in s.box},
                       {h.id: h.lan6 for h in s.home if h.lan6})  # fmt: skip
        self.net.start_names(self.names)
        for home in s.home:
            self.net.start_home(home.id, home.lan, [(b.mac, b.ip) for b in s.box if b.home == home.id and b.ip])
        self._record()
        self._say("servers")
        supply.start()
        services = Services(self.net, s)
        for title in s.title:
            movie(
                title.name,
                services.films / f"{title.stream_id}.{title.container}",
                seconds=title.seconds,
                settings=vars(s.picture),
            )
        if services.archive:
            movie("what was on before", Path(services.archive), seconds=20, settings=vars(s.picture))
        for panel in s.panel:
            if panel.on:
                self._join(s.one("box", panel.on))
        services.start(supply)
        neighbours.start_servers(self.net, s, services.certificate)
        for cdn in s.cdn:
            behind = [s.one("panel", name) for name in (cdn.fronts, *cdn.also)]
            start_cdn(self.net, cdn.id, cdn.port, {f"{p.ip}:{p.port}": p.names for p in behind})
        for site in s.site:
            webplayer.start(self.net, site)
        supply.wait_until_standing()
        services.wait_until_standing()
        for home in s.home:
            neighbours.start_home(self.net, home)
        for box in s.box:
            if not any(panel.on == box.id for panel in s.panel):
                self._join(box)
            neighbours.start_box(self.net, s, box)
            if s.watches(box):
                self.viewers[box.id] = Viewer(self.net, s, box, key_log=self._key_log(box.id))
        self.bots = [Bot(self.net, s, hub) for hub in s.hub]
        self._say("second 0")
        self.second_0 = time.time()
        self._watch_and_fail(supply, services)
        time.sleep(SETTLE_S)
        self._end_programs(supply)
        for note in self.notes:
            self.net.end_capture(note.program)
            note.end = time.time()
        if self.faults:
            raise LabError("; ".join(self.faults))
        for note in self.notes:
            note.suffix = ".zst" if self.pack else ""
            self._gather_keys(note)
        self.book.write(self.out, second_0=self.second_0, notes=self.notes, feeds=supply.feeds, viewings=self.viewings,
                        services=services)  # fmt: skip
        for note in self.notes:
            if note.suffix:
                subprocess.run(["zstd", "-q", "-19", "--rm", "-f", str(note.file)], check=True, timeout=300)
        self._say("done")

    def _join(self, box: Box) -> None:
        """Give a box its addresses and a name server."""
        home = self.scenario.one("home", box.home)
        if box.ipv4:
            self.net.lease(box.id, box.hostname, box.vendor_class)
        if home.lan6 and box.ipv6:
            self.net.join_6(box.id)
            if box.resolver == "ipv6" or not box.ipv4:
                self.net.ask_names_at(box.id, self.net.nodes[box.id].router_ip6)

    def _gather_keys(self, note: CaptureNote) -> None:
        """Write the TLS keys of the boxes that a recording shows beside it."""
        logs = [self._key_log(b.id) for b in self.scenario.box if note.record.at in (b.id, b.home)]
        keys = "".join(log.read_text() for log in logs if log and log.exists())
        if keys:
            note.key_log = note.file.with_suffix(".keys").name
            (self.out / note.key_log).write_text(keys)

    def _end_programs(self, supply: Supply) -> None:
        """End what does not record: viewers of a stream before its source, so that what began also ends."""
        kept = {id(note.program) for note in self.notes}
        kept |= {id(program) for feed in supply.feeds for program in feed.programs}
        ending = [
            p for p in self.net.programs if id(p) not in kept and p.what.split("/")[1] not in ("dnsmasq", "conntrack")
        ]
        first = [p for p in ending if p.what.split("/")[1] != "nginx"]
        for program in reversed(first):
            program.stop(wait=2.0)
        for account in self.scenario.account:
            supply.end_feeds(account.id)
        for program in reversed(ending):
            program.stop(wait=2.0)

    def _say(self, what: str) -> None:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {self.scenario.name}: {what}\n")

    def _key_log(self, box: str) -> Path | None:
        if not self.scenario.secure:
            return None
        return self.net.folder / box / "keys.log"

    def _record(self) -> None:
        for record in self.scenario.record:
            interface = "lan" if record.side == "home" else "eth0"
            file = self.out / record.file
            program = self.net.capture(record.at, file, interface, record.expression)
            self.notes.append(CaptureNote(record, interface, file, program, time.time()))

    # ---- what happens --------------------------------------------------------------------------

    def _watch_and_fail(self, supply: Supply, services: Services) -> None:
        s = self.scenario
        events = [
            Event(change.at, lambda c=change: self._rename(c.name, c.to), f"name {change.name}") for change in s.rename
        ]
        for outage in s.outage:
            events += self._outage(outage, supply, services)
        events += [
            Event(p.until, lambda p=p: services.stop(p.id), f"{p.id} goes off") for p in s.panel if p.until is not None
        ]
        events += [Event(act.at, lambda act=act: self._do(act), f"{act.box}: {act.what}") for act in s.act]
        threads = [threading.Thread(target=self._sit, args=(box,), daemon=True) for box in self.viewers]
        threads += [threading.Thread(target=self._strangers, args=(bot,), daemon=True) for bot in self.bots]
        for thread in threads:
            thread.start()
        for event in sorted(events, key=lambda e: e.at):
            self._until(event.at)
            self._say(event.what)
            event.do()
        for thread in (*threads, *self.busy):
            thread.join(max(1.0, self.second_0 + s.seconds + 30 - time.time()))
        if any(thread.is_alive() for thread in threads):
            raise LabError("a viewer did not come to an end")

    def _until(self, second: float) -> None:
        time.sleep(max(0.0, self.second_0 + second - time.time()))

    def _sit(self, box: str) -> None:
        """Sit before a box: open the app, watch one thing after another."""
        watches = sorted((w for w in self.scenario.watch if w.box == box and w.by == "user"), key=lambda w: w.start)
        viewer = self.viewers[box]
        try:
            if watches:
                self._until(watches[0].start)
                self._open(viewer)
            for watch in watches:
                self._until(watch.start)
                if watch.panel_name:
                    viewer.move(watch.panel_name)
                    self._open(viewer)
                self._view(viewer, watch)
        except Exception as error:  # a thread's fault must reach the run
            self.faults.append(f"{box}: {type(error).__name__}: {error}")

    def _open(self, viewer: Viewer) -> None:
        begun = time.time()
        viewer.log_in()
        self.book.opened(viewer.box.id, viewer.panel.id, begun, time.time())

    def _view(self, viewer: Viewer, watch: Watch) -> None:
        viewing = viewer.play(watch)
        self.viewings.append(viewing)
        end = viewing.start + watch.end - watch.start  # whoever had to wait for the app watches as long all the same
        while time.time() < end and viewing.program and viewing.program.process.poll() is None:
            time.sleep(0.1)
        viewer.stop(viewing)

    def _do(self, act: Act) -> None:
        """Do something on a device while others go on."""
        thread = threading.Thread(target=acts.do, args=(self.net, self.scenario, act), daemon=True)
        self.busy.append(thread)
        thread.start()

    def _strangers(self, bot: Bot) -> None:
        try:
            bot.run(self._until)
            self.viewings += bot.viewings
        except Exception as error:  # a thread's fault must reach the run
            self.faults.append(f"{bot.hub.id}: {type(error).__name__}: {error}")

    def _rename(self, name: str, to: str) -> None:
        self.names.pop(name, None)
        if to:
            row = next(row for table in ("cdn", "panel", "edge") for row in self.scenario.rows(table) if row.id == to)
            self.names[name] = addresses(row)
        self.net.set_names(self.names)
        self.book.renamed(name, to, time.time())

    def _outage(self, outage: Outage, supply: Supply, services: Services) -> list[Event]:
        s = self.scenario

        def begin() -> None:
            since = time.time()
            if not s.has("account", outage.node):
                services.stop(outage.node)
                self.book.failed(outage, since, [c.id for c in s.channel if outage.node in c.edges])
                return
            ended = supply.end_feeds(outage.node)
            self.book.failed(outage, since, [feed.channel for feed in ended])
            if outage.kind == "fail-over":
                for feed in ended:
                    channel = s.one("channel", feed.channel)
                    after = channel.accounts[(channel.accounts.index(outage.node) + 1) % len(channel.accounts)]
                    supply.feed(channel, after)
                    self.book.moved(outage, after)

        def end() -> None:
            self.book.mended(outage, time.time())
            if not s.has("account", outage.node):
                services.start_again(outage.node)
            elif outage.kind == "stop":
                for channel in s.channel:
                    if channel.accounts[0] == outage.node:
                        supply.feed(channel, outage.node)

        return [
            Event(outage.start, begin, f"{outage.kind} of {outage.node}"),
            Event(outage.end, end, f"{outage.node} is back"),
        ]


def run(scenario_file: Path, out: Path, logs: Path | None = None, *, pack: bool = False) -> int:
    """Return the exit code of a run; `logs`: where the logs of all programs are kept; `pack`: recordings as zstd."""
    try:
        scenario = read(scenario_file)
        if scenario.site:
            webplayer.parts()
    except LabError as error:
        sys.stderr.write(f"lab: {error}\n")
        return 1
    wanted = {*NEEDED, *programs(scenario), *neighbours.programs(scenario), *acts.programs(scenario)}
    why = unable({*wanted, *(("ssh", "/usr/sbin/sshd") if scenario.hub else ())})
    if why:
        sys.stderr.write(f"lab: {why}\n")
        return 1
    out.mkdir(parents=True, exist_ok=True)

    def work() -> int:
        with tempfile.TemporaryDirectory(prefix="lab-", dir=scratch) as folder:
            try:
                Run(scenario, Path(folder), out.resolve(), pack=pack).play()
            finally:
                if logs:
                    shutil.copytree(folder, logs, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.ts", "*.key"))
        return 0

    with tempfile.TemporaryDirectory(prefix="lab-run-") as scratch:  # removed here also if the run is killed
        return isolated(work, round(scenario.seconds) + SPARE_S)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Play and record a scenario of the lab.")
    parser.add_argument("scenario", nargs="?", help="file, or name of a scenario in tests/lab/scenarios")
    parser.add_argument("-o", "--output", type=Path, default=Path(), help="folder for recordings and truth")
    parser.add_argument("--pack", action="store_true", help="compress the recordings (zstd)")
    parser.add_argument("--logs", type=Path, help="folder in which to keep the logs of all programs")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    options = parser.parse_args()
    if options.list or not options.scenario:
        for file in sorted(SCENARIOS.glob("*.toml")):
            sys.stdout.write(f"{file.stem}: {read(file).about}\n")
        return
    file = Path(options.scenario)
    if not file.suffix:
        file = SCENARIOS / f"{options.scenario}.toml"
    if not file.exists():
        parser.error(f"there is no {file}")
    sys.exit(run(file, options.output, options.logs, pack=options.pack))


if __name__ == "__main__":
    main()
