"""OpenWebif: the web interface of an Enigma2 receiver, which says what it is, has and receives."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from .config import Channel
from .guide import programmes
from .service import Panel, reply_json
from .web import Reply, Request, not_found

BOUQUET = '1:7:1:0:0:0:0:0:0:0:FROM BOUQUET "userbouquet.favourites.tv" ORDER BY bouquet'


def reference(channel: Channel) -> str:
    """Return the service reference of a channel: its DVB triplet, or an address in the manner of a player service."""
    if channel.custom_sid:
        return channel.custom_sid.rstrip(":") + ":"
    return f"4097:0:1:{channel.id:X}:0:0:0:0:0:0:{channel.upstream.replace(':', '%3a')}:{channel.name}"


def _about(panel: Panel) -> dict[str, Any]:
    told = panel.config.receiver
    face = {"name": "eth0", "friendlynic": "Gigabit Ethernet", "linkspeed": "1 GBit/s", "mac": told.get("mac", ""),
            "dhcp": True, "ipv4method": "DHCP", "ip": told.get("ip", ""), "mask": "255.255.255.0", "v4prefix": 24,
            "gw": told.get("gateway", ""), "ipv6": "none", "firstpublic": None}  # fmt: skip
    tuners = [{"name": name, "type": kind, "live": "", "rec": ""} for name, kind in told.get("tuners", {}).items()]
    return {
        "brand": told.get("brand", "Merlin"), "model": told.get("model", "M7 Duo"),
        "boxtype": told.get("boxtype", "m7duo"),
        "machinebuild": told.get("boxtype", "m7duo"), "lcd": 1, "chipset": "7362", "mem1": "512484 kB",
        "mem2": "311220 kB", "mem3": "311220 kB free / 512484 kB total", "imagever": told.get("image", "7.3"),
        "imagedistro": told.get("distro", "openlab"), "friendlyimagedistro": "OpenLab", "oever": "OE-Lab 5.3",
        "enigmaver": "2023-11-02", "kernelver": "4.10.12", "driverdate": "20191120", "webifver": "OWIF 1.5.1",
        "uptime": "6d 04:11", "ifaces": [face], "tuners": tuners, "hdd": [], "transcoding": False, "EX": "",
        "fp_version": None, "grabpip": 0, "streams": [],
    }  # fmt: skip


def _services(panel: Panel) -> list[dict[str, Any]]:
    return [{"servicereference": reference(c), "servicename": c.name, "program": _program(c), "pos": c.number}
            for c in panel.config.channels]  # fmt: skip


def _program(channel: Channel) -> int:
    parts = reference(channel).split(":")
    return int(parts[3], 16) if len(parts) > 3 and parts[3] else 0


def _found(panel: Panel, asked: str) -> Channel | None:
    return next((c for c in panel.config.channels if reference(c) == asked or reference(c).rstrip(":") == asked), None)


def _events(panel: Panel, channel: Channel) -> list[dict[str, Any]]:
    now = panel.clock()
    return [{"id": p.id, "begin_timestamp": p.start, "duration_sec": p.stop - p.start, "title": p.title,
             "shortdesc": "", "longdesc": p.text, "sref": reference(channel), "sname": channel.name,
             "now_timestamp": int(now), "date": panel.local(p.start, "%a %d.%m.%Y"),
             "begin": panel.local(p.start, "%H:%M"), "end": panel.local(p.stop, "%H:%M")}
            for p in programmes(channel, now, now + 86_400)]  # fmt: skip


def answer(panel: Panel, request: Request) -> Reply:
    """Return the reply to a call of the web interface."""
    kind, _, name = request.path.strip("/").partition("/")
    request.said["did"] = f"openwebif:{kind}/{name}"
    asked = unquote(request.query.get("sRef", "") or request.query.get("ref", ""))
    channel = _found(panel, asked)
    if kind == "web":
        return _web(panel, request, name, channel)
    first = next(iter(panel.config.channels), None)
    playing = {"inStandby": "false", "currservice_name": first.name if first else "",
               "currservice_serviceref": reference(first) if first else "", "isRecording": "false", "volume": 90,
               "muted": False, "transcoding": False}  # fmt: skip
    tables: dict[str, Any] = {
        "about": lambda: {"info": _about(panel), "service": []}, "deviceinfo": lambda: _about(panel),
        "statusinfo": lambda: playing, "getservices": lambda: {"result": True, "processingtime": 1,
                                                               "services": _services(panel)},
        "getallservices": lambda: {"result": True, "services": [
            {"servicereference": BOUQUET, "servicename": "Favourites", "subservices": _services(panel)}]},
        "bouquets": lambda: {"bouquets": [[BOUQUET, "Favourites (TV)"]]},
        "epgservice": lambda: {"result": channel is not None, "events": _events(panel, channel) if channel else []},
        "timerlist": lambda: {"result": True, "locations": ["/media/hdd/movie/"], "timers": []},
        "signal": lambda: {"snr": 87, "snr_db": 13.4, "agc": 92, "ber": 0, "tunertype": "DVB-C", "tunernumber": 0},
        "tunersignal": lambda: {"snr": 87, "snr_db": 13.4, "agc": 92, "ber": 0, "tunertype": "DVB-C", "tunernumber": 0},
    }  # fmt: skip
    return reply_json(tables[name](), content_type="application/json; charset=utf-8") if name in tables else not_found()


def _web(panel: Panel, request: Request, name: str, channel: Channel | None) -> Reply:
    host = request.host.split(":")[0]
    if name == "stream.m3u" and channel is not None:
        url = f"http://{host}:8001/{quote(reference(channel), safe=':')}"
        text = (f"#EXTM3U \n#EXTVLCOPT:http-reconnect=true \n#EXTINF:-1,{channel.name}\n"
                f"#EXTVLCOPT:program={_program(channel)}\n{url}\n")  # fmt: skip
        request.said |= panel.catalogue.said(channel.id)
        return Reply(text.encode(), "application/x-mpegurl")
    if name == "about":
        info = _about(panel)
        body = "".join(
            f"<e2{key}>{escape(str(info[key]))}</e2{key}>" for key in ("enigmaver", "imagever", "webifver", "model")
        )
        body += f"<e2lanmac>{escape(info['ifaces'][0]['mac'])}</e2lanmac>"
        return _xml(f"<e2abouts><e2about>{body}</e2about></e2abouts>")
    if name == "getservices":
        rows = "".join(
            f"<e2service><e2servicereference>{escape(reference(c))}</e2servicereference>"
            f"<e2servicename>{escape(c.name)}</e2servicename></e2service>"
            for c in panel.config.channels
        )
        return _xml(f"<e2servicelist>{rows}</e2servicelist>")
    return not_found()


def _xml(body: str) -> Reply:
    return Reply(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode(), "text/xml; charset=utf-8")
