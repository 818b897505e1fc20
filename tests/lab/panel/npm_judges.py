"""Clients of others from npm read the running panel; what they made of it is compared with the panel's document.

    python -m tests.lab.panel.npm_judges            needs node, npm and access to a registry of npm packages

The rarer forms of values are left out (`traps` false): the client stops at a series without pictures.
Not part of `make test`, which needs no registry but Python's. Packages and versions: npm/package.json.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .conftest import EXAMPLE, LOGIN, running

HERE = Path(__file__).parent / "npm"


def read(folder: Path, base: str, software: str) -> dict[str, Any]:
    """Return what the clients parsed."""
    # The client's second form of results wants `category_ids`, which Xtream Codes did not send.
    kinds = ["raw"] if software == "xc" else ["raw", "standardized"]
    argv = ["node", "read.mjs", base, LOGIN["username"], LOGIN["password"], *kinds]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise SystemExit(f"a client failed:\n{done.stderr}")
    return json.loads(done.stdout)


def differences(told: dict[str, Any], base: str) -> list[str]:
    """Return what the clients read otherwise than the document says."""
    bare = "standardized" not in told  # lists of Xtream Codes: without live/ and extension
    names = [c["name"] for c in EXAMPLE["channels"] for _ in c.get("categories", [0])]
    live = [c for c in EXAMPLE["channels"] if c.get("kind", "live") == "live"]
    urls = [f"{base}/live/viewer1/pw1word/{c['id']}.ts" for c in live]
    listed = [f"{base}/viewer1/pw1word/{c['id']}" for c in live] if bare else urls
    raw = told["raw"]
    pairs: dict[str, tuple[Any, Any]] = {
        "user name": (raw["profile"]["username"], "viewer1"),
        "time zone": (raw["server"]["timezone"], "Asia/Seoul"),
        "categories": ([c["category_name"] for c in raw["channelCategories"]], ["Korea", "News", "Radio"]),
        "channels": ([c["name"] for c in raw["channels"]], names),
        "address of a channel": (raw["channels"][0]["url"], urls[0]),
        "films": (raw["movies"], EXAMPLE["vod"]["titles"]),
        "a film": (raw["movie"]["info"]["o_name"], "Lantern Road"),
        "series": (raw["shows"], EXAMPLE["vod"]["series"]),
        "playlist: addresses": ([c["url"] for c in told["playlist"]], listed),
        "playlist: guide ids": ([c.get("tvgId", "") for c in told["playlist"]], [c.get("epg_id", "") for c in live]),
        "other parser: addresses": ([c["url"] for c in told["otherPlaylist"]], listed),
        "guide: channels": (told["guide"]["channels"], ["heron1.example", "news.example"]),
        "guide: programmes": (told["guide"]["programmes"] > 90, True),
    }
    if standard := told.get("standardized"):
        pairs |= {
            "standardized: channels": ([c["name"] for c in standard["channels"]], names),
            "standardized: user": (standard["profile"]["username"], "viewer1"),
            "standardized: connections": (standard["profile"]["maxConnections"], 2),
            "standardized: film": (standard["movie"]["name"].startswith("Lantern Road"), True),
            "standardized: guide": (len(standard["shortEpg"]), 2),
        }
    return [f"{what}: {read!r} instead of {wanted!r}" for what, (read, wanted) in pairs.items() if read != wanted]


def main() -> None:
    """Install the clients in a folder of their own, let them read, say what they read otherwise."""
    with tempfile.TemporaryDirectory(prefix="npm-judges-") as temporary:
        folder = Path(temporary) / "npm"
        shutil.copytree(HERE, folder)
        subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                       timeout=300, check=True)  # fmt: skip
        wrong = 0
        for software in ("xc", "xui", "xc_vm"):
            with running(temporary, {**EXAMPLE, "software": software, "traps": False}) as started:
                base = started["panel"].base
                found = differences(read(folder, base, software), base)
            print(software, *(found or ["as the document says"]), sep="\n  ")
            wrong += len(found)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
