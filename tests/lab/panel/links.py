"""Addresses that expire, as media servers other than the panel's make them: written by the portal, checked by an edge.

    ch            /ch/<32 hex>                                     portal's own streamer, good for some seconds
    secure_link   /ch/<id>/<file>?st=<base64url MD5>&e=<time>       nginx secure_link
    flussonic     /ch/<id>/<file>?token=<40 hex>-<salt>-<end>-<start>
    nimble        /ch/<id>/<file>?wmsAuthSign=<base64 of server_time=...&hash_value=...&validminutes=...>
    wowza         /ch/<id>/<file>?<32 hex>

The client's address is part of what is hashed; the hashes are of the lab's own making.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

SECONDS = 14_400
SHORT_S = 30
KINDS = ("ch", "secure_link", "flussonic", "nimble", "wowza")
CLOCK = "%m/%d/%Y %I:%M:%S %p"


def _hash(secret: str, *parts: object) -> str:
    return hmac.new(secret.encode(), "|".join(map(str, parts)).encode(), hashlib.sha1).hexdigest()


def make(kind: str, secret: str, item: int, file: str, client: str, now: float) -> str:
    """Return path and query under which an edge gives an item for some time."""
    end, path = int(now) + SECONDS, f"/ch/{item}/{file}"
    if kind == "ch":
        slot = int(now) // SHORT_S
        return f"/ch/{_hash(secret, 'ch', item, file, client, slot)[:32]}?id={item}&f={file}"
    if kind == "secure_link":
        raw = bytes.fromhex(_hash(secret, path, client, end)[:32])
        return f"{path}?st={base64.urlsafe_b64encode(raw).decode().rstrip('=')}&e={end}"
    if kind == "flussonic":
        salt = _hash(secret, "salt", end)[:8]
        return f"{path}?token={_hash(secret, path, client, salt, end)}-{salt}-{end}-{int(now)}"
    if kind == "nimble":
        clock = datetime.fromtimestamp(now, UTC).strftime(CLOCK)
        value = base64.b64encode(bytes.fromhex(_hash(secret, path, client, clock)[:32])).decode()
        text = f"server_time={clock}&hash_value={value}&validminutes={SECONDS // 60}"
        return f"{path}?wmsAuthSign={quote(base64.b64encode(text.encode()).decode())}"
    return f"{path}?{_hash(secret, path, client)[:32]}"


def check(secret: str, path: str, query: str, client: str, now: float) -> tuple[int, str] | None:
    """Return item and file of an address that is good now for this client; None of any other."""
    parts = path.strip("/").split("/")
    values = dict(parse_qsl(query, keep_blank_values=True))
    if len(parts) == 2 and values.get("id", "").isdigit():
        item, file = int(values["id"]), values.get("f", "")
        slots = (int(now) // SHORT_S, int(now) // SHORT_S - 1)
        good = any(_hash(secret, "ch", item, file, client, slot)[:32] == parts[1] for slot in slots)
        return (item, file) if good else None
    if len(parts) != 3 or not parts[1].isdigit():
        return None
    return (int(parts[1]), parts[2]) if _good(secret, path, query, values, client, now) else None


def _good(secret: str, path: str, query: str, values: dict[str, str], client: str, now: float) -> bool:
    if "st" in values:
        end = values.get("e", "")
        raw = bytes.fromhex(_hash(secret, path, client, end)[:32])
        return end.isdigit() and int(end) > now and values["st"] == base64.urlsafe_b64encode(raw).decode().rstrip("=")
    if "token" in values:
        hashed, _, rest = values["token"].partition("-")
        salt, _, times = rest.partition("-")
        end = times.partition("-")[0]
        return end.isdigit() and int(end) > now and hashed == _hash(secret, path, client, salt, end)
    if "wmsAuthSign" in values:
        try:
            inside = dict(parse_qsl(base64.b64decode(values["wmsAuthSign"]).decode().replace("+", "%2B")))
            made = datetime.strptime(inside["server_time"], CLOCK).replace(tzinfo=UTC).timestamp()
            value = base64.b64encode(bytes.fromhex(_hash(secret, path, client, inside["server_time"])[:32])).decode()
            return inside["hash_value"] == value and now < made + 60 * int(inside["validminutes"])
        except (ValueError, KeyError):
            return False
    return query == _hash(secret, path, client)[:32]
