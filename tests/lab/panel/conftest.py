"""A panel to ask: as an object for the shape of its answers, as a program for clients."""

import contextlib
import copy
import json
import selectors
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from . import config as configuration
from .service import Panel
from .site import Site
from .web import Headers, Request

ROOT = Path(__file__).parents[3]
EXAMPLE = json.loads((Path(__file__).parent / "example.json").read_text())
NOW = 1_700_000_000.0
LOGIN = {"username": "viewer1", "password": "pw1word"}
MEDIA_LOGIN = "viewer1/pw1word"


class Client:
    """Asks a panel without a network."""

    def __init__(self, **changes):
        told = copy.deepcopy(EXAMPLE) | changes
        self.now = NOW
        self.panel = Panel(configuration.from_dict(told), lambda: self.now)
        self.site = Site(self.panel)
        self.request = None

    def ask(self, path, query=None, *, form=None, headers=None, client="192.0.2.9"):
        target = path + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        told = Headers({"host": "tv.heron.example:8080", **(headers or {})})
        if form is not None:
            told["content-type"] = "application/x-www-form-urlencoded"
        body = urlencode(form or {}).encode()
        self.request = Request("POST" if form is not None else "GET", target, "HTTP/1.1", told, body, (client, 5000),
                               ("198.51.100.7", 8080))  # fmt: skip
        return self.site(self.request)

    def json(self, path, query=None, **more):
        return json.loads(self.ask(path, query, **more).body)

    def action(self, action="", **query):
        return self.json("/player_api.php", {**LOGIN, **({"action": action} if action else {}), **query})


@pytest.fixture
def client():
    return Client()


@pytest.fixture(params=["xc", "xui", "xc_vm"])
def each_software(request):
    return Client(software=request.param)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Program:
    """A panel or an edge that runs as a program until the test is over."""

    def __init__(self, module, config, log, *arguments):
        self.log = Path(log)
        # At the latest after a minute it ends by itself.
        argv = [sys.executable, "-m", module, "--config", str(config), "--seconds", "60", *arguments]
        self.process = subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.process.stderr, selectors.EVENT_READ)
            assert waiting.select(20), "the program does not say that it listens"
        line = self.process.stderr.readline()
        assert line.startswith("listening on"), line
        self.rest = threading.Thread(target=self.process.stderr.read)
        self.rest.start()

    def rows(self, event="http"):
        return [row for row in map(json.loads, self.log.read_text().splitlines()) if row["event"] == event]

    def row_of(self, event):
        return self.rows(event)[0]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(10) == 0
        self.rest.join(5)
        self.process.stderr.close()

    def row(self, **wanted):
        """Return the newest row of an exchange with these values: a row is written after the answer."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            found = [row for row in self.rows() if wanted.items() <= row.items()]
            if found:
                return found[-1]
            time.sleep(0.02)
        raise AssertionError(f"no row with {wanted}")


@contextlib.contextmanager
def running(folder, told, *edges):
    """Start a panel and edges of a document; yields them by name."""
    own = {"listen": "127.0.0.1", "host": "127.0.0.1"}
    told = copy.deepcopy(told) | own | {"port": free_port(), "log": f"{folder}/panel.jsonl"}
    for edge in told["edges"]:
        edge |= own | {"port": free_port(), "log": f"{folder}/{edge['name']}.jsonl"}
    base = f"http://127.0.0.1:{told['port']}"
    for channel in told["channels"]:  # a channel that this panel takes from itself
        channel["upstream"] = channel.get("upstream", "").replace("PANEL", base)
    file = Path(folder) / "panel.json"
    file.write_text(json.dumps(told))
    started = {}
    try:
        started["panel"] = Program("tests.lab.panel", file, told["log"])
        for name in edges:
            log = next(edge["log"] for edge in told["edges"] if edge["name"] == name)
            started[name] = Program("tests.lab.edge", file, log, "--edge", name, "--work", f"{folder}/{name}")
        started["panel"].base = base
        yield started
    finally:
        for program in reversed(started.values()):
            program.stop()


@pytest.fixture(scope="session")
def programs():
    return running


@pytest.fixture(scope="session")
def example():
    return copy.deepcopy(EXAMPLE)
