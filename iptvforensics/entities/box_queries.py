"""What boxes tell servers about themselves (updates, weather, advertising) to claims of devices.

`?model=...&fwver=...&sn=...&mac=...`: a query counts that holds a link-layer address, or a model with a serial number
or firmware; of what is posted as JSON or form, the rows of `device_reports`. Rules `claimed-address`, `claimed-serial`,
`claimed-model`, `claimed-firmware`, all leads: a web page may ask about another device in the same way. Where a browser
asked or posted, nothing follows for the kind of the device, and its serial number joins nothing.

**Known limitations**: names of parameters are those in common use.
"""

from __future__ import annotations

from urllib.parse import unquote_plus

from ..sessions.addresses import host_of
from .agents import BROWSER, read_agent
from .devices import Devices, claim
from .model import FIRST_PLACE, Kind, Place, TableReader, most_per_capture
from .neighbours import is_station
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
BOX_QUERIES = Kind(
    "http",
    f"method IS NOT NULL AND regexp_matches(target, '(?i)[?&](?:{_NAMES['mac']}|{_NAMES['model']})=[^&]')",
)
"""Rows that `add_box_queries` reads."""
_NOTHING = frozenset({"", "0", "null", "none", "unknown", "undefined", "n/a"})
_AGENTS = (
    "SELECT capture_id, flow_id, url AS body_url, min(user_agent) AS agent FROM http "
    "WHERE url IN (SELECT body_url FROM device_reports) GROUP BY ALL"
)
_MOST_READ, _MAX_CHARS = 10_000, 100
_NOBODYS = frozenset({"02:00:00:00:00:00"})
"""What Android gives to programs that may not know the address."""


def add_box_queries(reader: TableReader, devices: Devices) -> None:
    """Add what clients said of themselves in queries, of which the case has some, once per client, host and values."""
    rows = reader.select(
        most_per_capture(
            f"SELECT capture_id, client_ip, host, user_agent, {_VALUES}, {FIRST_PLACE} FROM http "  # noqa: S608
            f"WHERE {BOX_QUERIES.condition} GROUP BY ALL",
            _MOST_READ,
        )
    )
    for capture, client, host, agent, mac, serial, model, firmware, *seen in rows:
        address = _address(mac)
        serial, model, firmware = map(_plain, (serial, model, firmware))
        place = Place(capture, *seen)
        if not (address or (model and (serial or firmware))):
            continue
        key = devices.pick(capture, client, [f"mac {address}"] if address else [], [place.flow_id])
        if key is not None:
            said = {"mac": address, "serial": serial, "model": model, "firmware": firmware}
            is_own = read_agent(agent).kind != BROWSER
            claim(devices.atoms[key], place, host=host_of(host) or "", is_own=is_own, **said)


def add_box_reports(reader: TableReader, devices: Devices) -> None:
    """Add what clients said of themselves in what they posted, once per client, URL and values."""
    if not reader.has("device_reports"):
        return
    posted = f"device_reports LEFT JOIN ({_AGENTS}) USING (capture_id, flow_id, body_url)"
    rows = reader.select(
        most_per_capture(
            "SELECT capture_id, client_ip, body_url, agent, claimed_macs, serial, model, firmware, "  # noqa: S608
            f"{FIRST_PLACE} FROM {posted if reader.has('http') else '(SELECT *, NULL AS agent FROM device_reports)'} "
            "GROUP BY ALL",
            _MOST_READ,
        )
    )
    for capture, client, url, agent, macs, serial, model, firmware, *seen in rows:
        addresses = [address for mac in macs or () if (address := _address(mac))]
        place = Place(capture, *seen)
        key = devices.pick(capture, client, [f"mac {address}" for address in addresses], [place.flow_id])
        if key is None:
            continue
        host = host_of(url) or ""
        is_own = read_agent(agent).kind != BROWSER
        claim(devices.atoms[key], place, host=host, is_own=is_own, serial=serial, model=model, firmware=firmware)
        for address in addresses:
            claim(devices.atoms[key], place, host=host, mac=address)


def _address(value: str | None) -> str | None:
    """Return an address as claimed; None for none, for what stands for none, and for groups."""
    address = mac_address(value)
    return address if is_station(address) and address not in _NOBODYS else None


def _plain(value: str) -> str | None:
    """Return a value as it was meant; None if it says nothing."""
    plain = unquote_plus(value).strip()
    return plain[:_MAX_CHARS] if plain.lower() not in _NOTHING else None
