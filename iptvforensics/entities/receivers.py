"""What the web interfaces of receivers say of themselves, to devices: they need not ask anybody for anything.

The reply describes the host that answers, never the one that asked. Rules:

- `device-link-address` (strong): the answers come with a link-layer address that sends for this address only.
- `device-answers` (supporting): a receiver's web interface answers at the address.
- `claimed-...` (lead): address of the interface, model, serial number and firmware, as the receiver says.

**Known limitations**: of several receivers behind one public address, each known by a port, one device is made.
"""

from __future__ import annotations

from .clients import is_private
from .devices import Address, Devices, claim
from .model import Key, TableReader
from .replies import Replies, Reply


def add_receivers(reader: TableReader, replies: Replies, devices: Devices) -> None:
    """Add the receivers whose web interface described them."""
    described = [reply for reply in replies.accounts if reply.is_receiver and reply.server_ip]
    own = _link_addresses(reader) if described else {}
    for reply in described:
        atom = devices.atoms[_device(devices, reply, own)]
        claim(
            atom,
            reply.place,
            mac=reply.mac,
            serial=reply.serial,
            model=reply.model,
            firmware=reply.firmware,
            host=reply.client_ip or "",
        )
        atom.fact("kinds", "tv-box")


def _device(devices: Devices, reply: Reply, own: dict[Address, str]) -> Key:
    """Return the device that answered; it is made if nothing else showed it."""
    address = reply.capture_id, reply.server_ip or ""
    known = devices.pick(*address)
    if known is not None:
        return known
    mac = own.get(address)
    key: Key = (reply.capture_id, "mac", mac) if mac else (address[0], "ip", address[1], "receiver")
    atom = devices.atoms[key]
    if not devices.at[address]:
        devices.at[address].append(key)
    if mac:
        atom.seen("device-link-address", "strong", reply.place, f"{address[1]} sends with link-layer address {mac}")
        atom.fact("macs", mac)
        atom.fact("told_apart", f"own link-layer address {mac}")
    else:
        shows = f"the web interface of a receiver answers at {address[1]}"
        atom.seen("device-answers", "supporting", reply.place, shows)
        atom.fact("told_apart", shows)
    atom.fact("ips", address[1])
    return key


def _link_addresses(reader: TableReader) -> dict[Address, str]:
    """Return the link-layer address of each private address, where it sends for no other one."""
    if not reader.has("flows"):
        return {}
    rows = reader.select(
        "WITH ends AS (SELECT capture_id, orig_ip AS ip, orig_mac AS mac FROM flows UNION "
        "SELECT capture_id, resp_ip, resp_mac FROM flows) "
        "SELECT capture_id, mac, min(ip) FROM ends WHERE ip IS NOT NULL AND mac IS NOT NULL "
        "AND NOT contains(ip, ':') AND ip <> '0.0.0.0' GROUP BY ALL HAVING count(*) = 1 ORDER BY ALL"
    )
    return {(capture, ip): mac for capture, mac, ip in rows if is_private(ip)}
