"""A user agent to what it claims: application, operating system, model, kind of client.

Everything here is claimed: a user agent is a text that any program may send. The list names what boxes, players,
servers and browsers send by themselves.

**Known limitations**: white-label applications send the name of their brand, which no list can know; the first
product name is taken for the application then.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

BOX, APP, BROWSER, PLAYER, SERVER = "tv-box", "app", "browser", "player", "server"


class Agent(NamedTuple):
    """What a user agent claims."""

    app: str | None = None
    os: str | None = None
    model: str | None = None
    kind: str | None = None
    is_server: bool = False
    """True for software that servers use to fetch streams, too."""


_MAX_CHARS = 2048
"""Characters of a user agent that are read. No part of an expression here can be matched by its neighbour, too: the
time for a text grows with its length only."""
_STBAPP = re.compile(r"\b(?:(MAG\d{3}\w*) )?stbapp\b")
_STBAPP_VERSION = re.compile(r"ver: ?(\d+) rev: ?(\d+)")
_ANDROID = re.compile(r"Android ?([\d.]*)(?:;([^;)]*)[;)](?:([^;)]*)[;)])?|\s*[;)])")
_LOCALE = re.compile(
    r"[a-z]{2}|[a-z]{2,3}(?:[-_][A-Za-z]{4})?(?:[-_](?:[A-Za-z]{2}|\d{3}))|[a-z]{2,3}[-_][A-Z][a-z]{3}"
)
"""Language alone, or with script, region or both (RFC 5646); three letters alone are models of boxes, too."""
_OS = (
    (re.compile(r"Windows NT ([\d.]+)"), "Windows NT {}"),
    (re.compile(r"(?:iPhone OS|CPU OS|iOS)[ /]([\d_.]+)"), "iOS {}"),
    (re.compile(r"tvOS[ /]?([\d.]*)"), "tvOS {}"),
    (re.compile(r"Mac OS X ([\d_.]+)"), "macOS {}"),
    (re.compile(r"Tizen[ /]?([\d.]*)"), "Tizen {}"),
    (re.compile(r"Web0S|webOS[ /]?([\d.]*)"), "webOS {}"),
    (re.compile(r"Roku/DVP-([\d.]+)"), "Roku {}"),
    (re.compile(r"\bLinux\b"), "Linux"),
)
_PRODUCT = re.compile(r"^(\d{0,3}[A-Za-z][\w+-]*(?: [A-Za-z][\w+-]*){0,3})(?:[/ ]v?(\d[\w.+-]*))?")
_OLD_LAVF = re.compile(r"^(Lavf)(\d[\d.]*)")
_HBBTV = re.compile(r"HbbTV/([\d.]+)(?: *\([^;)]*;([^;)]*);([^;)]*)[;)])?")
"""Version, vendor and model (ETSI TS 102 796 section 7.3.2.4)."""
_TELEVISION = re.compile(r"(?i:smart-?tv)|\bWeb0S\b|\bwebOS\.TV\b|\bNetCast\b|\bTizen\b(?!.*\bMobile\b)")
_BROWSER = re.compile(r"\b(Firefox|Edg|OPR|SamsungBrowser|Chrome|CriOS|FxiOS|Version)/([\d.]+)")
_BROWSER_NAMES = {"Edg": "Edge", "OPR": "Opera", "CriOS": "Chrome", "FxiOS": "Firefox", "Version": "Safari"}
_PLAYERS = frozenset(
    {
        "libmpv",
        "mpv",
        "vlc",
        "libvlc",
        "lavf",
        "gstreamer",
        "kodi",
        "exoplayer",
        "applecoremedia",
        "stagefright",
        "wget",
        "curl",
        "okhttp",
        "dalvik",
        "androidxmedia3",
    }
)
_SERVERS = frozenset(
    {"lavf", "ffmpeg", "wget", "curl", "flussonic", "wowza", "nimble", "xtream-codes", "xtream codes", "gstreamer"}
)
"""First word, or first two words, of what servers fetch streams with."""
RELAYS = frozenset({"LNX.11,1,102,55"})
"""What servers that fetch or publish RTMP call themselves: nginx-rtmp's relay."""

_ANDROID_NO_MODEL = frozenset({"wv", "mobile", "tablet", "u", "k"})


def read_agent(text: str | None) -> Agent:
    """Return what a user agent claims; nothing for none."""
    return _read(text[:_MAX_CHARS]) if text else Agent()


@lru_cache(4096)
def _read(text: str) -> Agent:
    box = _STBAPP.search(text)
    if box:
        version = _STBAPP_VERSION.search(text, box.end()) if box[1] else None
        return Agent("stbapp" + (f" ver {version[1]} rev {version[2]}" if version else ""), "Linux", box[1], BOX)
    os, model = _system(text)
    if "HbbTV" in text:
        return _hbbtv(text, os, model)
    if text.startswith(("TVIP/", "DuneHD", "Roku/")):
        found = _PRODUCT.match(text)
        return Agent(found[1] if found else None, os, model, BOX)
    if text.startswith("Mozilla/"):
        browser, is_television = _BROWSER.search(text), _TELEVISION.search(text)
        if browser:
            name = _BROWSER_NAMES.get(browser[1], browser[1])
            return Agent(f"{name} {browser[2]}", os, model, BOX if is_television else BROWSER)
        return Agent(None, os, model, BOX if is_television else None)
    return _program(text, os, model)


def _hbbtv(text: str, os: str | None, model: str | None) -> Agent:
    """Return what a receiver or television claims by the form that HbbTV prescribes."""
    found = _HBBTV.search(text)
    if found is None:
        return Agent("HbbTV", os, model, BOX)
    vendor, named = (found[2] or "").strip(), (found[3] or "").strip()
    return Agent(f"HbbTV {found[1]}", os, f"{vendor} {named}".strip() if named else model, BOX)


def _program(text: str, os: str | None, model: str | None) -> Agent:
    """Return what a program claims by its first product."""
    found = _OLD_LAVF.match(text) or _PRODUCT.match(text)
    if not found:
        return Agent(None, os, model, None)
    name = found[1]
    words = name.lower().split(" ")
    app = f"{name} {found[2]}" if found[2] else name
    if words[0] == "dalvik":
        return Agent(None, os, model, APP)
    is_server = words[0] in _SERVERS or " ".join(words[:2]) in _SERVERS
    kind = PLAYER if words[0] in _PLAYERS else SERVER if is_server else APP
    return Agent(app, os, model, kind, is_server)


def _system(text: str) -> tuple[str | None, str | None]:
    """Return operating system and model, as far as they are named."""
    found = _ANDROID.search(text)
    if found:
        named = (found[2] or "").strip()
        if _LOCALE.fullmatch(named):  # before the model, or instead of it
            named = found[3].strip() if "Build/" in (found[3] or "") else ""
        model = _before_build(named)
        known = model and model.lower() not in _ANDROID_NO_MODEL and not model.startswith("Build/")
        return f"Android {found[1]}" if found[1] else "Android", model if known else None
    for pattern, name in _OS:
        system = pattern.search(text)
        if system:
            version = (system[1] or "").replace("_", ".") if system.re.groups else ""
            return name.format(version).strip(), None
    return None, None


def _before_build(text: str) -> str:
    """Return the model of `MODEL Build/...`."""
    at = text.find("Build/")
    return text[:at].rstrip() if at > 0 and text[at - 1].isspace() else text
