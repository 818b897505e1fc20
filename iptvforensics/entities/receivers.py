"""What the web interfaces of receivers say of themselves, to devices: they need not ask anybody for anything.

The reply describes the host that answers, never the one that asked. Rules:

- `device-link-address` (strong): the answers come with a link-layer address that sends for this address only.
- `device-answers` (supporting): a receiver's web interface answers at the address.
- `claimed-...` (lead): address of the interface, model, serial number and firmware, as the receiver says.

**Known limitations**: of several receivers behind one public address, each known by a port, one device is made.
"""

from __future__ import annotations

from .devices import Address, Devices, claim
from .heard import heard
from .model import Atom, Key
from .replies import Replies, Reply
from .sites import plain


def receiver_addresses(replies: Replies) -> set[Address]:
    """Return where receivers answered: what they serve of their tuners makes no server of them that watches nothing."""
    return {(r.capture_id, r.server_ip) for r in replies.accounts if r.is_receiver and r.server_ip}


def add_receivers(replies: Replies, devices: Devices) -> None:
    """Add the receivers whose web interface described them."""
    for reply in replies.accounts:
        if not (reply.is_receiver and reply.server_ip):
            continue
        atom = _device(devices, (reply.capture_id, plain(reply.server_ip)), reply)
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


def _device(devices: Devices, address: Address, reply: Reply) -> Atom:
    """Return the device that answered, also at the address of a server."""
    shows = f"the web interface of a receiver answers at {address[1]}"
    atom = heard(devices, address, reply.place, shows, "device-answers")
    if atom is not None:
        return atom
    key: Key = (address[0], "ip", address[1], "receiver")
    if not devices.at[address]:
        devices.at[address].append(key)
    atom = devices.atoms[key]
    atom.seen("device-answers", "supporting", reply.place, shows)
    atom.fact("told_apart", shows)
    atom.fact("ips", address[1])
    return atom
