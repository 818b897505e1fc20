"""A Stalker/Ministra portal: the calls of set-top boxes and of programs that act as such.

`portal.genuine` true: as the middleware itself answers (application/json, a `text` trailer beside `js`, short tokens,
session cookie). False: as an Xtream-family panel emulates it (text/javascript, `js` only, long tokens, `/play/` links).

Known limitations: no karaoke, records or downloads on offer (their lists are empty), no REST or OAuth interface.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

from .config import Line
from .service import Panel, php_json
from .stalker_lists import LISTS
from .web import Reply, Request, not_found, redirect

PATHS = ("/portal.php", "/server/load.php", "/stalker_portal/server/load.php", "/c/portal.php")
EVENT_DEFAULTS = {"need_confirm": 0, "msg": "", "reboot_after_ok": 0, "auto_hide_timeout": 0}
OPEN = {("stb", "handshake")}


class Portal:
    """The portal of a panel."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.told = panel.config.portal
        self.genuine = bool(self.told.get("genuine", True))
        self.version = str(self.told.get("version", "5.1.1"))
        self.watchdog_s = int(self.told.get("watchdog_s", 120))
        self.tokens: dict[str, str] = {}  # token -> MAC
        self.logged_in: set[str] = set()
        self.last_seen: dict[str, float] = {}
        self._events = {line.mac: [dict(e) for e in line.events] for line in panel.config.lines if line.mac}
        self._shown: dict[str, dict[str, Any]] = {}

    # ---- the calls ------------------------------------------------------------------------------

    def answer(self, request: Request) -> Reply:
        """Return the reply to a call of the portal's program."""
        begin, query = time.perf_counter(), request.query
        if not self.genuine and request.path == "/server/load.php":
            request.said["did"] = "stalker:moved"
            return redirect("/c/portal.php?" + request.target.partition("?")[2])
        kind, action = query.get("type", ""), query.get("action", "")
        request.said["did"] = f"stalker:{kind}.{action}"
        mac = request.headers.cookies.get("mac", query.get("mac", "")).upper()
        if not mac:
            return self._text("Identification failed")
        line = self.panel.line_of_mac(request, mac)
        request.said["mac"] = mac
        if request.method == "POST":
            request.said["form"] = request.body.decode(errors="replace")
        if (kind, action) not in OPEN:
            if self.tokens.get(self._bearer(request)) != mac:
                request.said["auth"] = False
                return self._text("Authorization failed.")
            if line is None and action != "get_profile":
                return self._text("Access denied.")
        self.last_seen[mac] = self.panel.clock()
        js = self._call(request, kind, action, mac, line)
        return self._json(js, begin, request)

    def _call(self, request: Request, kind: str, action: str, mac: str, line: Line | None) -> Any:
        own = getattr(self, f"_{kind}_{action}", None) if kind in ("stb", "watchdog", "account_info") else None
        if own:
            return own(request, mac, line)
        if (kind, action) in LISTS and line is not None:
            return LISTS[kind, action](self.panel, request, line)
        return [] if action.startswith("get_") else True

    @staticmethod
    def _bearer(request: Request) -> str:
        return request.headers.get("authorization", "").removeprefix("Bearer ").strip()

    def _text(self, text: str) -> Reply:
        return Reply(text.encode(), "text/html; charset=UTF-8", program=True)

    def _json(self, js: Any, begin: float, request: Request) -> Reply:
        if not self.genuine:
            if isinstance(js, dict) and "cmd" in js and "link_id" in js:  # create_link has more beside `js`
                more = {key: js.pop(key) for key in ("streamer_id", "link_id", "load", "error")}
                return Reply(
                    php_json({"js": js, **more}), "text/javascript; charset=utf-8", compress=True, program=True
                )
            return Reply(php_json({"js": js}), "text/javascript; charset=utf-8", compress=True, program=True)
        trailer = (f"generated in: {time.perf_counter() - begin:.2f}s; query counter: 7; cache hits: 0; cache miss: 0; "
                   "php errors: 0; sql errors: 0;")  # fmt: skip
        headers: tuple[tuple[str, str], ...] = ()
        if "PHPSESSID" not in request.headers.cookies:
            name = hashlib.md5(f"{request.said.get('mac')}{begin}".encode(), usedforsecurity=False).hexdigest()[:26]
            headers = (("Set-Cookie", f"PHPSESSID={name}; path=/"),)
        return Reply(php_json({"js": js, "text": trailer}), "application/json;charset=UTF-8", headers=headers,
                     compress=True, program=True)  # fmt: skip

    def static(self, request: Request) -> Reply:
        """Return a file of the portal's pages."""
        name = request.path.rsplit("/", 1)[-1]
        request.said["did"] = "stalker:page"
        pages = {
            "": ("text/html", f"<!DOCTYPE html><html><head><title>{self.panel.config.brand}</title>"
                 '<script src="version.js"></script><script src="xpcom.common.js"></script></head></html>'),
            "version.js": ("application/javascript", f"var ver = '{self.version}';\n"),
            "xpcom.common.js": ("application/javascript", "var stb = {mac: '', ajax_loader: 'server/load.php'};\n"),
        }  # fmt: skip
        kind, text = pages.get("" if name == "index.html" else name, ("", ""))
        return Reply(text.encode(), kind) if kind else not_found()

    # ---- the box ----------------------------------------------------------------------------------

    def _stb_handshake(self, request: Request, mac: str, line: Line | None) -> dict[str, Any]:
        old = request.query.get("token", "")
        known = self.tokens.get(old) == mac
        random = hashlib.sha1(f"{mac}{self.panel.clock()}".encode(), usedforsecurity=False).hexdigest()
        if known:
            token = old
        elif self.genuine:
            token = hashlib.md5(f"{mac}{len(self.tokens)}{self.panel.clock()}".encode(),
                                usedforsecurity=False).hexdigest().upper()  # fmt: skip
        else:
            name = line.username if line else ""
            token = self.panel.vault.seal_json({"mac": mac, "user": name, "time": int(self.panel.clock()), "ua": "",
                                                "n": len(self.tokens)})  # fmt: skip
        self.tokens[token] = mac
        request.said["portal_token"] = token
        return {"token": token, "random": random} | ({"not_valid": 1} if old and not known else {})

    def _stb_get_profile(self, request: Request, mac: str, line: Line | None) -> dict[str, Any]:
        query = request.query
        if line is None or self.panel.status(line) != "Active":
            request.said["auth"] = False
            return {"status": 1, "msg": "device is not known here", "block_msg": "Please contact your seller."}
        if self.told.get("login") and mac not in self.logged_in:
            return {"status": 2}
        request.said["auth"] = True
        return self._profile(line, query, request.client[0])

    def _profile(self, line: Line, query: dict[str, str], client: str) -> dict[str, Any]:
        box, now = line.box, self.panel.clock()
        expires = self.panel.local(line.expires) if line.expires else "0000-00-00 00:00:00"
        storages = {
            edge.name: {"id": str(n), "storage_name": edge.name, "storage_ip": edge.host,
                        "nfs_home_path": "/media/raid0/", "archive_stream_server": edge.host, "max_online": "100",
                        "status": "1"}
            for n, edge in enumerate(self.panel.config.edges, 1)
        }  # fmt: skip
        profile: dict[str, Any] = {
            "id": str(line.id), "name": box.get("name", line.username), "sname": "", "pass": "",
            "parent_password": "0000", "bright": "200", "contrast": "127", "saturation": "127", "aspect": "",
            "video_out": "rca", "volume": "70",
            "playback_buffer_bytes": "0", "playback_buffer_size": "0", "audio_out": "1", "mac": line.mac, "ip": client,
            "ls": box.get("ls", str(100000 + line.id)), "version": query.get("ver", ""), "lang": "",
            "locale": "en_GB.utf8", "city_id": "0", "hd": query.get("hd", "1"), "main_notify": "1", "fav_itv_on": "0",
            "now_playing_start": None, "now_playing_type": "0", "now_playing_content": "",
            "additional_services_on": "1", "time_last_play_tv": None, "operator_id": "0",
            "storage_name": next(iter(storages), ""), "hd_content": "0",
            "image_version": query.get("image_version", ""), "last_change_status": None, "last_start": None,
            "last_active": self.panel.local(now), "keep_alive": self.panel.local(now),
            "screensaver_delay": "10", "phone": box.get("phone", ""), "fname": box.get("fname", ""),
            "login": line.username, "password": line.password, "stb_type": query.get("stb_type", ""),
            "serial_number": query.get("sn", ""), "sn": query.get("sn", ""), "num_banks": query.get("num_banks", "0"),
            "tariff_plan_id": "0", "comment": "", "created": self.panel.local(line.created), "country": "",
            "plasma_saving": "0", "ts_enabled": "0", "tariff_expired_date": None, "expire_billing_date": expires,
            "reseller_id": box.get("reseller_id"), "account_balance": "",
            "client_type": query.get("client_type", "STB"), "hw_version": query.get("hw_version", ""),
            "blocked": "0", "status": 0, "play_token": None,
            "last_watchdog": self.panel.local(now), "storages": storages, "watchdog_timeout": self.watchdog_s,
            "timeslot": round(line.id * 7.3 % self.watchdog_s, 3), "timeslot_ratio": round(line.id * 0.37 % 1, 4),
            "timezone": self.panel.config.timezone, "default_timezone": self.panel.config.timezone, "update_url": "",
            "allowed_stb_types": ["mag250", "mag254", "mag322"], "cas_type": 0, "cas_params": None, "cas_ini_file": "",
            "test_download_url": "", "playback_limit": 3, "is_moderator": False, "strict_stb_type_check": False,
            "blocked_modules": [], "default_locale": "en_GB.utf8",
        }  # fmt: skip
        return profile

    def _stb_do_auth(self, request: Request, mac: str, line: Line | None) -> bool:
        query = request.query
        good = line is not None and (query.get("login"), query.get("password")) == (line.username, line.password)
        request.said["auth"] = good
        if good:
            self.logged_in.add(mac)
        return good

    def _stb_get_localization(self, request: Request, mac: str, line: Line | None) -> dict[str, str]:
        return {"ru": "Русский", "en": "English", "ko": "한국어", "id": "Bahasa Indonesia"}

    def _stb_get_modules(self, request: Request, mac: str, line: Line | None) -> dict[str, Any]:
        modules = ["media_browser", "tv", "vclub", "radio", "settings.parent", "settings.sub"]
        return {"all_modules": modules, "switchable_modules": ["vclub", "radio"], "disabled_modules": [],
                "restricted_modules": [], "template": "default", "launcher_url": ""}  # fmt: skip

    def _stb_get_settings(self, request: Request, mac: str, line: Line | None) -> dict[str, Any]:
        return {"parent_password": "0000", "update_url": "", "test_download_url": "", "playback_buffer_size": 0}

    def _stb_log(self, request: Request, mac: str, line: Line | None) -> int:
        query = request.query
        request.said["told"] = {
            key: query[key] for key in ("real_action", "param", "content_id", "tmp_type") if key in query
        }
        return 1

    def _account_info_get_main_info(self, request: Request, mac: str, line: Line | None) -> dict[str, Any]:
        if line is None:
            return {}
        expires = self.panel.local(line.expires, "%B %d, %Y, %I:%M %p") if line.expires else "Unlimited"
        if not self.genuine:
            return {"mac": mac, "phone": expires, "message": line.message}
        return {"mac": mac, "phone": line.box.get("phone", ""), "fio": line.box.get("fname", ""),
                "ls": line.box.get("ls", str(100000 + line.id)), "tariff_plan": line.box.get("tariff", "Full"),
                "end_date": expires, "account_balance": ""}  # fmt: skip

    # ---- events ----------------------------------------------------------------------------------

    def _watchdog_get_events(self, request: Request, mac: str, line: Line | None) -> dict[str, Any]:
        query, waiting = request.query, self._events.get(mac, [])
        request.said["told"] = {key: query[key] for key in ("init", "cur_play_type", "event_active_id") if key in query}
        due = next((e for e in waiting if e.get("after", 0) <= self.panel.clock()), None)
        if due is None:
            return {"data": {"msgs": 0, "additional_services_on": "1"}}
        waiting.remove(due)
        self._shown[mac] = due
        request.said["sent_event"] = due["event"]
        number = str(1 + sum(map(ord, mac + due["event"] + str(due.get("msg", "")))))
        told = {key: value for key, value in due.items() if key != "after"}
        return {"data": {"msgs": 1, "id": number, "send_time": self.panel.local(self.panel.clock()),
                         "additional_services_on": "1", **EVENT_DEFAULTS, **told}}  # fmt: skip

    def _watchdog_confirm_event(self, request: Request, mac: str, line: Line | None) -> dict[str, Any]:
        shown = self._shown.pop(mac, None)
        request.said["confirmed"] = shown["event"] if shown else None
        return {"data": "ok" if shown else ""}
