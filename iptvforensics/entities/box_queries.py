"""What boxes put into queries about themselves (updates, weather, advertising) to claims of devices.

`?model=...&fwver=...&sn=...&mac=...`: a query counts that holds a link-layer address, or a model with a serial number
or firmware. Rules `claimed-address`, `claimed-serial`, `claimed-model`, `claimed-firmware`, all leads: a web page may
ask about another device in the same way.

**Known limitations**: bodies of posts (JSON) are not read; names of parameters are those in common use.
"""

from __future__ import annotations

from urllib.parse import unquote_plus

from ..sessions.addresses import host_of
from .devices import Devices, claim
from .model import FIRST_PLACE, Place, TableReader
from .urls import mac_address

_NAMES = {
    "mac": "(?:eth_?|wifi_?|wlan_?|lan_?|stb_?)?mac(?:_?addr(?:ess)?)?",
    "serial": "sn|(?:device_?)?serial(?:_?no|_?num|_?number)?",
    "model": "(?:device_?|stb_?|product_?|box_?)?model",
    "firmware": "fw|fw_?ver(?:sion)?|firmware(?:_?ver(?:sion)?)?|rom_?ver(?:sion)?|sw_?ver(?:sion)?",
}
_VALUES = ", ".join(
    f"regexp_extract(target, '(?i)[?&](?:{names})=([^&#]+)', 1) AS {what}" for what, names in _NAMES.items()
)
_SOME = f"'(?i)[?&](?:{_NAMES['mac']}|{_NAMES['model']})=[^&]'"
_NOTHING = frozenset({"", "0", "null", "none", "unknown", "undefined", "n/a"})
_MOST_READ, _MAX_CHARS = 10_000, 100


def add_box_queries(reader: TableReader, devices: Devices) -> None:
    """Add what clients said of themselves in queries, once per client, host and values."""
    if not reader.has("http"):
        return
    rows = reader.select(
        f"SELECT capture_id, client_ip, host, {_VALUES}, {FIRST_PLACE} FROM http "  # noqa: S608
        f"WHERE method IS NOT NULL AND regexp_matches(target, {_SOME}) "
        f"GROUP BY ALL ORDER BY ALL NULLS FIRST LIMIT {_MOST_READ}"
    )
    for capture, client, host, mac, serial, model, firmware, *seen in rows:
        address = mac_address(mac)
        serial, model, firmware = map(_plain, (serial, model, firmware))
        place = Place(capture, *seen)
        if not (address or (model and (serial or firmware))):
            continue
        key = devices.pick(capture, client, [f"mac {address}"] if address else [], [place.flow_id])
        if key is not None:
            said = {"mac": address, "serial": serial, "model": model, "firmware": firmware}
            claim(devices.atoms[key], place, host=host_of(host) or "", **said)


def _plain(value: str) -> str | None:
    """Return a value as it was meant; None if it says nothing."""
    plain = unquote_plus(value).strip()
    return plain[:_MAX_CHARS] if plain.lower() not in _NOTHING else None
