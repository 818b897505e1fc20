r"""Records of a multicast DNS answer to what its sender says of itself: names, models, serial numbers.

RFC 6762 (answers come from port 5353), RFC 6763 (services and their TXT records). A name with the sender's own address
is its host name. TXT records and names of services are taken for the sender's unless the answer gives the addresses
of other hosts only, as those that answer for sleeping hosts do. Values are claims.

**Known limitations**: of TXT records only keys of well-known services of players and televisions are read; what a
bridge says of devices behind it is told of the bridge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_RECORD = re.compile(r"(\S+) (A|AAAA|TXT|SRV|PTR) (\d+) (.*)\Z", re.DOTALL)
_SERVICE = re.compile(r"(?:(.*)\.)?_([A-Za-z0-9-]{1,30})\._(?:tcp|udp)\.local\.?\Z", re.DOTALL)
_STRING = re.compile(r'"((?:[^"\\]|\\.?)*)(?:"|\Z)', re.DOTALL)
"""A last one without an end counts: a search that fails there would begin anew at each quotation mark."""
_ESCAPE = re.compile(r"\\(\d{3}|.)", re.DOTALL)
_ADB = re.compile(r"adb-([A-Za-z0-9]{4,40})(?:-\w{1,10})?\Z")

_KEYS = {"md": "models", "model": "models", "am": "models", "fn": "host_names", "n": "host_names",
         "serialnumber": "serials", "deviceid": "claimed_macs"}  # fmt: skip
_SERVICES = frozenset({"googlecast", "androidtvremote", "androidtvremote2", "airplay", "raop", "device-info",
                       "amzn-wplay"})  # fmt: skip
"""Services whose TXT records describe the device."""
_NAMED = frozenset({"androidtvremote", "androidtvremote2", "airplay", "device-info"})
"""Services that are called as the device's owner called the device."""
_MAX_RECORDS, _MAX_CHARS = 200, 200


def read_answer(sender: str, records: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return what the sender of an answer says of itself: properties of a device, and their values.

    Args:
        sender: address that sent the answer.
        records: `name type ttl value`, as in table `dns`.

    Example:
        >>> read_answer("192.168.1.30", ["box.local A 120 192.168.1.30"])
        (('host_names', 'box'),)
    """
    found = [
        m.groups() for _, record in zip(range(_MAX_RECORDS), records, strict=False) if (m := _RECORD.match(record))
    ]
    kind = "AAAA" if ":" in sender else "A"
    addresses = {value for _, name, _, value in found if name == kind}
    said: dict[tuple[str, str], None] = {}
    for name, record, ttl, value in found:
        if int(ttl) == 0 or (addresses and sender not in addresses):  # a goodbye, or of another host
            continue
        if record == kind and value == sender:
            said["host_names", _plain(re.sub(r"\.local\.?\Z", "", name))] = None
        elif record in ("TXT", "SRV", "PTR"):
            _add_service(said, value if record == "PTR" else name, value if record == "TXT" else "")
    return tuple((what, value[:_MAX_CHARS]) for what, value in said if value)


def _add_service(said: dict[tuple[str, str], None], name: str, strings: str) -> None:
    service = _SERVICE.match(name)
    if service is None:
        return
    instance, kind = _plain(service[1] or ""), service[2].lower()
    if kind in _NAMED and instance:
        said["host_names", instance] = None
    serial = _ADB.match(instance) if kind.startswith("adb") else None
    if serial is not None:
        said["serials", serial[1]] = None
    for string in _STRING.findall(strings) if kind in _SERVICES else ():
        key, _, value = _plain(string).partition("=")
        what = _KEYS.get(key.lower())
        if what is not None:
            said[what, value.strip()] = None


def _plain(text: str) -> str:
    """Return a text without the escapes of a master file; bytes that are no UTF-8 stay escaped."""
    plain = _ESCAPE.sub(lambda m: chr(int(m[1]) & 0xFF) if m[1].isdigit() and len(m[1]) == 3 else m[1], text)
    return plain.encode("latin-1", "replace").decode("utf-8", "backslashreplace")
