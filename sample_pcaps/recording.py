"""A small Internet of network namespaces in which real players and servers talk and are recorded.

    home side 192.168.1.0/24                     server side
    box  ── bridge "home" ── router ── bridge "wan" ── 192.0.2.x, 198.51.100.x, 203.0.113.x
                              └─ dnsmasq on 192.168.1.1 answers the `.example` names

Nothing leaves the namespaces: none of them has an interface of the machine. Every program has a
time limit; whatever happens, `Lab` ends the programs it started and removes the namespaces.

What is true in a recording (`<scenario>.truth.json`) is taken from the servers' logs and files and
from what the clients wrote, never from the recorded frames.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

HERE = Path(__file__).parent
ROUTER_HOME = "192.168.1.1"
WAN_ROUTERS = ("192.0.2.1", "198.51.100.1", "203.0.113.1")
VERSION_COMMANDS = {
    "ffmpeg": ["ffmpeg", "-version"],
    "nginx": ["nginx", "-v"],
    "nginx-rtmp": ["dpkg-query", "-W", "-f", "libnginx-mod-rtmp ${Version}", "libnginx-mod-rtmp"],
    "mpv": ["mpv", "--version"],
    "streamlink": ["streamlink", "--version"],
    "gstreamer": ["gst-launch-1.0", "--version"],
    "dnsmasq": ["dnsmasq", "-v"],
    "curl": ["curl", "--version"],
    "dig": ["dig", "-v"],
    "unbound": ["unbound", "-V"],
    "avahi-daemon": ["avahi-daemon", "--version"],
    "udhcpc": ["busybox", "--help"],
    "dhclient": ["dhclient", "--version"],
    "dhcpcd": ["dhcpcd", "--version"],
    "chronyd": ["chronyd", "-v"],
    "ntpdate": ["dpkg-query", "-W", "-f", "ntpsec-ntpdate ${Version}", "ntpsec-ntpdate"],
    "faketime": ["dpkg-query", "-W", "-f", "faketime ${Version}", "faketime"],
    "minidlnad": ["minidlnad", "-V"],
    "gssdp-discover": ["dpkg-query", "-W", "-f", "gupnp-tools ${Version}", "gupnp-tools"],
    "tcpdump": ["tcpdump", "--version"],
    "editcap": ["editcap", "--version"],
    "srt-live-transmit": ["dpkg-query", "-W", "-f", "srt-tools ${Version}", "srt-tools"],
    "zstd": ["zstd", "--version"],
}
HTTP_LOG = (
    'log_format truth escape=json \'{"done":$msec,"took":$request_time,"server_ip":"$server_addr",'
    '"server_port":$server_port,"client_ip":"$remote_addr","client_port":$remote_port,"method":"$request_method",'
    '"host":"$http_host","target":"$request_uri","status":$status,"body_bytes":$body_bytes_sent,'
    '"range":"$http_range","location":"$sent_http_location","content_type":"$sent_http_content_type",'
    '"content_encoding":"$sent_http_content_encoding","user_agent":"$http_user_agent","completed":"$request_completion"}\';'
)
RTMP_LOG = (
    'log_format truth \'{"done":$msec,"took":"$session_time","client_ip":"$remote_addr","command":"$command",'
    '"app":"$app","name":"$name","args":"$args","flash_version":"$flashver","tc_url":"$tcurl",'
    '"bytes_sent":$bytes_sent,"bytes_received":$bytes_received}\';'
)


class LabError(Exception):
    """A recording could not be made."""


@dataclass
class Host:
    """One machine of the lab."""

    name: str
    ip: str
    namespace: str
    names: tuple[str, ...]
    root: Path
    logs: list[Path] = field(default_factory=list)
    rtmp_logs: list[Path] = field(default_factory=list)
    ipv6: str = ""


@dataclass
class Running:
    """A program that the lab started."""

    what: str
    process: subprocess.Popen[bytes]
    output: Path

    def stop(self, sig: int = signal.SIGINT, wait: float = 5.0) -> None:
        """End the program: politely, then at once."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(wait)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)  # with what it started: it leads its own session
                self.process.wait(5)


def _sh(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: {done.stderr.strip()}")


class Lab:
    """The namespaces, programs and logs of one recording."""

    def __init__(self, rate: str = "40mbit", *, ipv6: bool = False) -> None:
        if os.geteuid() != 0:
            raise LabError("recording needs root: it makes network namespaces")
        self.id = f"lab{os.getpid()}"
        self.rate = rate
        self.ipv6 = ipv6
        self.dir = Path(tempfile.mkdtemp(prefix="recording-"))
        self.hosts: dict[str, Host] = {}
        self.programs: list[Running] = []
        self.namespaces: list[str] = []
        self.tools: set[str] = {"tcpdump", "dnsmasq"}
        self.dns_records: list[str] = []

    def __enter__(self) -> Lab:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that an ended run cleans up, too
        try:
            self._router()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if value is not None:
            for program in self.programs:
                text = program.output.read_text(errors="replace")[-1500:] if program.output.exists() else ""
                sys.stderr.write(f"--- {program.what}: {program.process.poll()}\n{text}\n")
        self._close()

    def _close(self) -> None:
        for program in reversed(self.programs):
            program.stop(signal.SIGTERM, 2.0)
        for namespace in self.namespaces:
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, timeout=20, check=False)
            shutil.rmtree(Path("/etc/netns") / namespace, ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- network -----------------------------------------------------------------------------

    def _namespace(self, name: str) -> str:
        namespace = f"{self.id}-{name}"
        _sh("ip", "netns", "add", namespace)
        self.namespaces.append(namespace)
        resolver = Path("/etc/netns") / namespace
        resolver.mkdir(parents=True, exist_ok=True)
        (resolver / "resolv.conf").write_text(f"nameserver {ROUTER_HOME}\n")
        off = 0 if self.ipv6 else 1
        for scope in ("all", "default"):
            for setting in (f"disable_ipv6={off}", "accept_dad=0", "accept_ra=0"):
                _sh("ip", "netns", "exec", namespace, "sysctl", "-qw", f"net.ipv6.conf.{scope}.{setting}")
        _sh("ip", "-n", namespace, "link", "set", "lo", "up")
        return namespace

    def _router(self) -> None:
        self.router = self._namespace("router")
        inside = ["ip", "-n", self.router]
        for number, (bridge, addresses) in enumerate((("home", (ROUTER_HOME,)), ("wan", WAN_ROUTERS))):
            _sh(*inside, "link", "add", bridge, "address", f"02:00:5e:00:00:{number + 1:02x}", "type", "bridge")
            for address in addresses:
                _sh(*inside, "addr", "add", f"{address}/24", "dev", bridge)
            _sh(*inside, "link", "set", bridge, "up")
            if self.ipv6:
                _sh(*inside, "addr", "add", f"2001:db8:{number + 1}::1/64", "dev", bridge, "nodad")
            _sh("ip", "netns", "exec", self.router, "ethtool", "-K", bridge, "tx", "off")
        _sh("ip", "netns", "exec", self.router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        _sh("ip", "netns", "exec", self.router, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        _sh("ip", "netns", "exec", self.router, "sysctl", "-qw", "net.ipv4.conf.all.send_redirects=0")

    def host(self, name: str, ip: str, *names: str) -> Host:
        """Return a new machine with this address; `names` are its DNS names."""
        namespace = self._namespace(name)
        number = len(self.hosts) + 1
        bridge = "home" if ip.startswith("192.168.1.") else "wan"
        mac = f"02:00:5e:{10 if bridge == 'home' else 20:02x}:{int(ip.split('.')[2]):02x}:{int(ip.split('.')[3]):02x}"
        _sh("ip", "-n", self.router, "link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0",
            "netns", namespace)  # fmt: skip
        _sh("ip", "-n", self.router, "link", "set", f"v{number}", "master", bridge)
        _sh("ip", "-n", namespace, "link", "set", "eth0", "address", mac)
        # Frames of the size that a wire carries, with checksums filled in.
        for where, device in ((self.router, f"v{number}"), (namespace, "eth0")):
            _sh("ip", "netns", "exec", where, "ethtool", "-K", device,
                "tso", "off", "gso", "off", "gro", "off", "tx", "off", "rx", "off")  # fmt: skip
            _sh("ip", "-n", where, "link", "set", device, "up")
        # The line to the home is slower than a data centre: bursts become trains of frames.
        _sh("tc", "-n", self.router, "qdisc", "add", "dev", f"v{number}", "root", "tbf", "rate", self.rate,
            "burst", "16k", "latency", "200ms")  # fmt: skip
        gateway = ip.rsplit(".", 1)[0] + ".1"
        _sh("ip", "-n", namespace, "addr", "add", f"{ip}/24", "dev", "eth0")
        _sh("ip", "-n", namespace, "route", "add", "default", "via", gateway)
        root = self.dir / name
        root.mkdir()
        host = Host(name, ip, namespace, names, root)
        self.hosts[name] = host
        addresses = ip
        if self.ipv6:
            net = f"2001:db8:{1 if bridge == 'home' else 2}::"
            host.ipv6 = net + ip.rsplit(".", 1)[1]
            addresses += f",{host.ipv6}"
            _sh("ip", "-n", namespace, "addr", "add", f"{host.ipv6}/64", "dev", "eth0", "nodad")
            _sh("ip", "-n", namespace, "route", "add", "default", "via", net + "1")
        self.dns_records += [f"host-record={dns_name},{addresses}" for dns_name in names]
        return host

    # ---- programs ----------------------------------------------------------------------------

    def start(self, host: Host | str, *argv: str, seconds: float = 60) -> Running:
        """Return a program started on a host; it is ended after `seconds` at the latest."""
        namespace = host.namespace if isinstance(host, Host) else host
        program = "gstreamer" if argv[0].startswith("gst-") else argv[0]
        self.tools |= {program} & VERSION_COMMANDS.keys()
        output = self.dir / f"program-{len(self.programs)}.log"
        with output.open("wb") as out:
            process = subprocess.Popen(
                ["ip", "netns", "exec", namespace, "timeout", "--foreground", "-k", "3", str(seconds), *argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.dir,
                start_new_session=True,
            )
        running = Running(argv[0], process, output)
        self.programs.append(running)
        return running

    def run(self, host: Host | str, *argv: str, seconds: float = 60, fine: Sequence[int] = (0,)) -> str:
        """Return the output of a program that ran to its end on a host."""
        running = self.start(host, *argv, seconds=seconds)
        code = running.process.wait(seconds + 10)
        text = running.output.read_text(errors="replace")
        if code not in fine:
            raise LabError(f"{' '.join(argv)} ended with {code}: {text[-800:]}")
        return text

    def start_dns(self, *extra: str) -> None:
        """Start the resolver in the router."""
        conf = self.dir / "dnsmasq.conf"
        lines = ["no-resolv", "no-hosts", "keep-in-foreground", "bind-interfaces", f"listen-address={ROUTER_HOME}",
                 "user=root", "local=/example/", "pid-file", "local-ttl=300", "log-queries=extra",
                 f"log-facility={self.dir / 'dns.log'}"]  # fmt: skip
        conf.write_text("\n".join([*lines, *self.dns_records, *extra]) + "\n")
        self.start(self.router, "dnsmasq", "-C", str(conf), seconds=240)
        time.sleep(0.3)

    def start_nginx(self, host: Host, *, http: str = "", rtmp: str = "") -> None:
        """Start nginx on a host; `http` stands within http { }, `rtmp` within rtmp { }."""
        number = len(host.logs)
        log, rtmp_log = host.root / f"access-{number}.jsonl", host.root / f"rtmp-{number}.jsonl"
        host.logs.append(log)
        temp = " ".join(f"{kind}_temp_path {host.root}/tmp-{kind};"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
        text = f"""user root; worker_processes 1; daemon off; pid {host.root}/nginx-{number}.pid;
error_log {host.root}/error-{number}.log info;
events {{ worker_connections 256; }}
"""
        if http:
            text += f"""http {{ {HTTP_LOG} access_log {log} truth; {temp} sendfile off; server_tokens on;
types {{ video/mp2t ts; application/vnd.apple.mpegurl m3u8; video/mp4 mp4 m4s; video/x-matroska mkv; }}
default_type application/octet-stream;
{http} }}
"""
        if rtmp:
            host.rtmp_logs.append(rtmp_log)
            self.tools.add("nginx-rtmp")
            text = "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\n" + text
            text += f"rtmp {{ {RTMP_LOG} access_log {rtmp_log} truth; {rtmp} }}\n"
        conf = host.root / f"nginx-{number}.conf"
        conf.write_text(text)
        self.start(host, "nginx", "-c", str(conf), "-e", str(host.root / f"error-{number}.log"), seconds=240)
        time.sleep(0.4)

    def start_panel(self, host: Host, document: dict[str, object]) -> None:
        """Start the lab's panel (`tests/lab/panel`) on a host; `document` is its configuration."""
        log, config = host.root / "panel.jsonl", host.root / "panel.json"
        config.write_text(
            json.dumps({"name": host.name, "host": host.names[0], "port": 80, "log": str(log), **document})
        )
        host.logs.append(log)
        root = Path(__file__).resolve().parents[1]
        running = self.start(host, "env", f"PYTHONPATH={root}", sys.executable, "-m", "tests.lab.panel",
                             "--config", str(config), seconds=240)  # fmt: skip
        self.wait_for(lambda: "listening on" in running.output.read_text(), 15, "the panel")

    def capture(self, host: Host | str, file: Path, *options: str, interface: str = "eth0") -> Running:
        """Return tcpdump on a host, recording from now on."""
        running = self.start(
            host, "tcpdump", "-i", interface, "-U", "--immediate-mode", "-n", "-Z", "root", "-B", "32768",
            "-w", str(file), *options, seconds=240,
        )  # fmt: skip
        self.wait_for(lambda: "listening on" in running.output.read_text(), 5, "tcpdump")
        return running

    def end_capture(self, running: Running) -> None:
        """Stop a recording; a recording that lost frames is refused."""
        time.sleep(0.7)
        running.stop(signal.SIGINT)
        text = running.output.read_text()
        if "0 packets dropped by kernel" not in text or "\n0 packets captured" in text:
            raise LabError(f"tcpdump lost frames: {text}")

    @staticmethod
    def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until the condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise LabError(f"waited {seconds} s in vain for {what}")
            time.sleep(0.05)

    # ---- what is true --------------------------------------------------------------------------

    def http_log(self) -> list[dict[str, object]]:
        """Return what the web servers logged, in the order in which the answers ended."""
        rows = []
        for host in self.hosts.values():
            for log in host.logs:
                if log.exists():
                    told = map(json.loads, log.read_text().splitlines())
                    rows += [row for row in told if row.pop("event", "http") == "http"]
        rows.sort(key=lambda row: row["done"])
        return [
            {key: value for key, value in row.items() if value != ""}
            for row in rows
            if not str(row["client_ip"]).startswith("127.")
        ]

    def rtmp_log(self) -> list[dict[str, object]]:
        """Return what the RTMP servers logged when each connection ended."""
        rows = []
        for host in self.hosts.values():
            for log in host.rtmp_logs:
                if log.exists():
                    for line in log.read_text().splitlines():
                        row = json.loads(line)
                        rows.append({"server_ip": host.ip, **row, "took": float(row["took"])})
        return sorted(rows, key=lambda row: row["done"])

    def dns_names(self) -> dict[str, list[str]]:
        """Return the addresses that the resolver gave for each name asked for."""
        answers: dict[str, list[str]] = {}
        log = self.dir / "dns.log"
        for line in log.read_text().splitlines() if log.exists() else ():
            words = line.split()
            if " is " in line and words[-2] == "is":
                known = answers.setdefault(words[-3], [])
                if words[-1] not in known:
                    known.append(words[-1])
        return answers

    def media(self, root: Path, client_ip: str, *suffixes: str, host: str = "") -> list[dict[str, object]]:
        """Return what a client fetched of the files under a root, with their size and digest."""
        rows: list[dict[str, object]] = []
        for row in self.http_log():
            path = urlsplit(str(row["target"])).path
            if row["client_ip"] != client_ip or not path.endswith(suffixes) or (host and row.get("host") != host):
                continue
            if int(str(row["status"])) not in (200, 206):
                continue
            entry = {"url": f"http://{row['host']}{row['target']}", "status": row["status"], "done": row["done"],
                     "body_bytes": row["body_bytes"], "completed": row.get("completed") == "OK"}  # fmt: skip
            if "range" in row:
                entry["range"] = row["range"]
            file = root / path.lstrip("/")
            if file.is_file():
                entry |= digest(file)
            rows.append(entry)
        return rows

    def truth(self, file: Path, capture: Path, **parts: object) -> None:
        """Write the truth of a recording."""
        rtmp = self.rtmp_log()
        body = {
            "capture": {"file": capture.name, **digest(capture)},
            **parts,
            "http": self.http_log(),
            **({"rtmp": rtmp} if rtmp else {}),
            "dns": self.dns_names(),
            "tools": versions(self.tools),
        }
        write_truth(file, body)


def write_truth(file: Path, body: dict[str, object]) -> None:
    """Write a truth file: one line per element of a list, so that a change is seen in a diff."""
    parts = []
    for key, value in body.items():
        if isinstance(value, list) and value:
            lines = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in value)
            text = f"[\n  {lines}\n ]"
        else:
            text = json.dumps(value, ensure_ascii=False)
        parts.append(f" {json.dumps(key)}: {text}")
    file.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def digest(file: Path) -> dict[str, object]:
    """Return size and SHA-256 of a file."""
    with file.open("rb") as stream:
        return {"bytes": file.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def versions(tools: set[str]) -> dict[str, str]:
    """Return the first line that each tool says about its version."""
    found = {}
    for tool in sorted(tools):
        done = subprocess.run(VERSION_COMMANDS[tool], capture_output=True, text=True, timeout=20, check=False)
        found[tool] = (done.stdout + done.stderr).strip().splitlines()[0]
    return found


def services(file: Path) -> list[dict[str, object]]:
    """Return the services that ffprobe finds in a media file."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-show_programs", "-of", "json", str(file)],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    found = []
    for program in json.loads(done.stdout)["programs"]:
        tags = program.get("tags", {})
        found.append({
            "program_number": program["program_num"], "pmt_pid": program["pmt_pid"], "pcr_pid": program["pcr_pid"],
            "service_name": tags.get("service_name"), "provider_name": tags.get("service_provider"),
            "streams": [{"pid": int(s["id"], 16), "codec": s["codec_name"]} for s in program["streams"]],
        })  # fmt: skip
    return found


def packets(file: Path) -> dict[str, int]:
    """Return how many packets ffprobe counts in each kind of stream of a media file."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=codec_type,nb_read_packets",
         "-of", "json", str(file)],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    return {s["codec_type"]: int(s["nb_read_packets"]) for s in json.loads(done.stdout)["streams"]}


def source(kilobits: int, seconds: int = 40, picture: str = "testsrc2", gop: int = 50) -> Path:
    """Return a film of constant rate, made once per machine; live encoders play it in a loop."""
    cache = Path(tempfile.gettempdir()) / f"recording-sources-{os.geteuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    file = cache / f"{picture}-{kilobits}k-{seconds}s-gop{gop}.mp4"
    if not file.exists():
        size = "640x360" if kilobits > 800 else "320x180"
        video = max(kilobits - 64, 64)
        part = file.with_suffix(f".part-{os.getpid()}.mp4")
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"{picture}=size={size}:rate=25",
             "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", str(seconds),
             "-vf", "noise=alls=24:allf=t:all_seed=7", "-pix_fmt", "yuv420p", "-c:v", "libx264",
             "-preset", "veryfast", "-threads", "1", "-b:v", f"{video}k", "-minrate", f"{video}k",
             "-maxrate", f"{video}k", "-bufsize", f"{video}k", "-g", str(gop), "-keyint_min", str(gop),
             "-sc_threshold", "0", "-bf", "2", "-c:a", "aac", "-b:a", "64k", "-ac", "2",
             "-bitexact", str(part)],
            check=True, timeout=240,
        )  # fmt: skip
        part.rename(file)
    return file


def endless(film: Path) -> list[str]:
    """Return the ffmpeg options that play a film as if it were live."""
    return ["ffmpeg", "-nostdin", "-v", "warning", "-re", "-stream_loop", "-1", "-i", str(film), "-c", "copy"]


def cut_hls(film: Path, folder: Path, *options: str, seconds: int = 16) -> Path:
    """Return the playlist of a film cut into media segments of 4 s in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    playlist = folder / "index.m3u8"
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-i", str(film), "-t", str(seconds), "-c", "copy", "-f", "hls",
         "-hls_time", "4", "-hls_playlist_type", "vod", *options, str(playlist)],
        check=True, timeout=60, cwd=folder,
    )  # fmt: skip
    return playlist


def hop(host: Host, port: int, *roles: str, name: str = "") -> dict[str, object]:
    """Return one server of the chain that led to the media."""
    return {"host": name or host.names[0], "ip": host.ip, "port": port, "roles": list(roles)}


def mpv(*arguments: str) -> list[str]:
    """Return a player without screen and loudspeaker."""
    return ["mpv", "--no-config", "--vo=null", "--ao=null", "--no-terminal", "--ytdl=no", *arguments]


def carry(source: socket.socket, target: socket.socket) -> None:
    """Pass on what one connection sends to another one, until it ends."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def now() -> float:
    """Return the time as seconds since 1970, to milliseconds."""
    return round(time.time(), 3)
