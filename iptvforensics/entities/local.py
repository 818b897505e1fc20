"""What devices say of themselves in their own network, to claims of devices: DHCP.

Rules: `claimed-host-name`, `claimed-vendor-class` (lead): the device's DHCP messages. The link-layer address inside
the message tells whose they are; it is the frame's sender, as the server needs it to answer.

**Known limitations**: host names and classes are set by whoever made the firmware, and can be changed.
"""

from __future__ import annotations

from .devices import Devices
from .model import Key, Place, TableReader
from .urls import mac_address


def add_dhcp(reader: TableReader, devices: Devices) -> None:
    """Add names and classes that devices gave in DHCP."""
    if not reader.has("dhcp"):
        return
    rows = reader.select(
        "SELECT capture_id, client_mac, coalesce(host_name, fqdn), vendor_class, min(ts_ns), min(frame_no), "
        "arg_min(flow_id, frame_no), max(offered_ip) FROM dhcp WHERE client_mac IS NOT NULL AND NOT is_response "
        "GROUP BY ALL ORDER BY ALL"
    )
    for capture, mac, name, vendor, ts, frame, flow, offered in rows:
        key = _device(devices, capture, mac, offered)
        if key is None:
            continue
        atom, place = devices.atoms[key], Place(capture, ts, frame, flow, True)
        if name:
            atom.fact("host_names", name)
            atom.seen("claimed-host-name", "lead", place, f"DHCP: host name {name}", count=0)
        if vendor:
            atom.fact("vendor_classes", vendor)
            atom.fact("os", _system(vendor))
            atom.seen("claimed-vendor-class", "lead", place, f"DHCP: vendor class {vendor}", count=0)


def _device(devices: Devices, capture_id: str, mac: str, ip: str | None) -> Key | None:
    key = (capture_id, "mac", mac_address(mac) or mac)
    return key if key in devices.atoms else devices.pick(capture_id, ip)


def _system(vendor_class: str) -> str | None:
    """Return the system that a vendor class names."""
    name, _, version = vendor_class.partition("-dhcp-")
    return f"Android {version}".strip() if name == "android" else None
