"""A service's web player: a page with hls.js and mpegts.js on a web server of its own, shown by Chromium on a box.

The page takes from its address what to play: `/?how=hls&url=...` or `how=mpegts`. The two libraries come from npm, are
kept in the folder for temporary files, and are fetched before the run is shut off.

Known limitations: nobody looks at the page; Chromium runs without screen, and looks up `.example` names only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from .isolation import LabError
from .network import Network
from .scenario import Site
from .servers import start_nginx

PARTS = {"hls.js": "hls.js/dist/hls.min.js", "mpegts.js": "mpegts.js/dist/mpegts.js"}
PAGE = """<!doctype html><meta charset="utf-8"><title>Web TV</title>
<video id="v" muted autoplay playsinline></video>
<script src="/hls.js"></script><script src="/mpegts.js"></script>
<script>
const asked = new URLSearchParams(location.search), url = asked.get("url"), video = document.getElementById("v");
if (asked.get("how") === "hls") {
  const player = new Hls(); player.loadSource(url); player.attachMedia(video);
} else {
  const player = mpegts.createPlayer({type: asked.get("how"), isLive: true, url: url});
  player.attachMediaElement(video); player.load(); player.play();
}
</script>
"""


def parts() -> Path:
    """Return the folder of the libraries, fetched if they are not there."""
    folder = Path(tempfile.gettempdir()) / f"lab-web-{os.geteuid()}"
    if all((folder / name).exists() for name in PARTS):
        return folder
    folder.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lab-npm-") as work:
        command = [
            "npm",
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
            work,
            *PARTS,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        for name, place in PARTS.items():
            source = Path(work) / "node_modules" / place
            if done.returncode or not source.exists():
                raise LabError(f"npm gave no {name}: {done.stderr[-300:]}")
            shutil.copy(source, folder / name)
    return folder


def start(net: Network, site: Site) -> None:
    """Start the web server of a page."""
    root = net.folder / site.id / "www"
    root.mkdir()
    (root / "index.html").write_text(PAGE)
    for name in PARTS:
        shutil.copy(parts() / name, root / name)
    start_nginx(net, site.id, "site", http=f"server {{ listen 80; root {root}; gzip on; gzip_types text/javascript; }}")


def address(site: Site, delivery: str, url: str) -> str:
    """Return the address of the page that plays an address."""
    how = {"hls": "hls", "http-flv": "flv"}.get(delivery, "mpegts")
    return f"http://{site.names[0]}/?how={how}&url={quote(url, safe='')}"


def chromium(page: str, root: Path) -> list[str]:
    """Return the command of a browser without screen that looks up no names but the lab's."""
    off = ("gpu", "sync", "background-networking", "component-update", "domain-reliability", "default-apps",
           "extensions", "breakpad", "dev-shm-usage")  # fmt: skip
    return ["chromium", "--headless=new", "--no-sandbox", "--mute-audio", "--no-first-run",
            *(f"--disable-{part}" for part in off), "--autoplay-policy=no-user-gesture-required",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE *.example", f"--user-data-dir={root / 'browser'}",
            "--enable-logging=stderr", page]  # fmt: skip
