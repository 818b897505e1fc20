r"""The lab's edge: gives the media to which a panel of the lab redirects.

    python -m tests.lab.edge --config panel.json --edge lb1 [--work FOLDER] [--seconds N]

reads the panel's document (`python -m tests.lab.panel --help`). An edge there:

    {"name": "lb1", "host": "lb1.heron.example", "port": 8080, "listen": "0.0.0.0", "protocol": "http",
     "tls": {"certificate": "x.pem", "key": "x.key", "key_log": "lb1.keys"},      then the port speaks TLS only
     "rtmp_port": 8880,                addresses of RTMP lists (an nginx-rtmp of the scenario answers them)
     "cdn": false, "proxy": false,     addresses as behind a CDN; 32 hex digits before the path
     "server_header": "nginx", "cookie": {"name": "hx", "domain": ".heron.example"}, "alt_svc": false,
     "chunked": true,                  endless bodies in chunks; false: until the connection ends
     "prebuffer": false,               true: TS begins with the newest whole media segment, at once, as panels do it
     "address": "token",               plain: /s/ID.EXT for everybody; path: /live|movie|series/USER/PASSWORD/ID.EXT
     "live_bytes": 0,                  > 0: live TS with that Content-Length, and no more
     "encrypt": false, "hls_time": 4, "hls_list": 6,
     "idle_s": 20,                     a pull ends so long after its last viewer
     "user_agent": "Mozilla/5.0",      what pulls call themselves
     "files": ["a.mp4", "b.mkv"],      films: item n gets file n modulo their count, of its container if there is one
     "archive": "old.ts",              what archive addresses give
     "log": "lb1.jsonl"}

and a channel's part of it:

    "upstream": "http://...|rtmp://...|srt://...|udp://...|file", "edges": ["lb1"],
    "pull": {"how": "ffmpeg",          or direct (TS over HTTP as it is)
             "always": false, "user_agent": "", "headers": {}, "input": [], "options": ["-c", "copy"],
             "backups": [], "stall_s": 0,      other upstreams, taken in turn when one breaks or is silent so long
             "parents": {"lb2": "lb1"}}     lb2 takes it from lb1: /admin/live with the panel's secret

An upstream that is itself the media address of a panel is asked with `X-XUI-Detect: 1` (xc_vm: `X-XC_VM-Detect:1`).

Log: as the panel's, and `pull-start`, `pull` (start, end, upstream, how, ts_bytes, ended). `start` names files with
size and SHA-256. Needs ffmpeg.

Known limitations: viewers of TS begin at a packet, not at a picture,
without `prebuffer`; no RTMP of its own; films are files, never made;
the archive is the same file for every time asked for; recent ffmpeg plays `/hls/TOKEN` only with `-extension_picky 0`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import signal
import sys
import tempfile
from pathlib import Path

from ..panel.config import Config, ConfigError, read
from ..panel.journal import Journal, now
from ..panel.web import Server, tls_context
from .site import Site


def digest(file: Path) -> dict[str, object]:
    """Return name, size and SHA-256 of a file."""
    with file.open("rb") as stream:
        return {"file": file.name, "bytes": file.stat().st_size,
                "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}  # fmt: skip


async def serve(config: Config, name: str, folder: Path, seconds: float = 0) -> None:
    """Answer until a signal comes, or for some seconds."""
    edge = config.edge(name)
    journal = Journal(edge.name, edge.log)
    site = Site(config, edge, folder, journal)
    server = Server(site, journal, server_header=edge.server_header)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    told = edge.tls
    tls = tls_context(told["certificate"], told["key"], told.get("key_log")) if told else None
    port = await server.listen(edge.listen, edge.port, tls)
    journal.write("start", at=now(), port=port, host=edge.host, panel=config.name,
                  files=[digest(file) for file in site.files])  # fmt: skip
    print(f"listening on {edge.listen}:{port}", file=sys.stderr, flush=True)
    site.begin()
    try:
        await asyncio.wait_for(ended.wait(), seconds or None)
    except TimeoutError:
        pass
    finally:
        server.close()
        await site.end()
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()  # viewers: what they were sent is logged as they end
        await asyncio.sleep(0.1)
        journal.write("stop", at=now())
        journal.close()


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.edge", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--config", required=True, help="the panel's JSON document")
    parser.add_argument("--edge", required=True, help="name of this edge in it")
    parser.add_argument("--work", help="folder for media segments; a temporary one if none is given")
    parser.add_argument("--seconds", type=float, default=0, help="end after so many seconds")
    options = parser.parse_args()
    try:
        config = read(options.config)
        config.edge(options.edge)
    except (ConfigError, OSError) as error:
        sys.exit(f"edge: {error}")
    with tempfile.TemporaryDirectory(prefix="lab-edge-") as temporary:
        folder = Path(options.work or temporary).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(serve(config, options.edge, folder, options.seconds))


if __name__ == "__main__":
    main()
