"""A link-layer address to the holder of its block, for blocks that are common in television boxes and head-ends.

IEEE registry (MA-L). A block names who made the network chip or the device, not what the device is.

**Known limitations**: a short list; cheap boxes use blocks of the makers of their radio chips, or addresses of nobody.
"""

from __future__ import annotations

_BLOCKS = {
    "00:1a:79": "Telecommunication Technologies (MAG)",
    "00:09:34": "Dream Multimedia",
    "10:27:be": "TVIP",
    "14:c0:89": "Dune HD",
    "00:18:dd": "Silicondust",
    "00:02:02": "Amino",
    "5c:0f:fb": "Amino",
    "00:03:78": "Humax",
    "10:c4:ca": "Humax",
    "00:08:b9": "Kaon",
    "94:3b:b1": "Kaon",
    "44:f0:34": "Kaon",
    "80:8c:97": "Kaon",
    "74:3a:ef": "Kaon",
    "00:14:e5": "Alticast",
    "00:d0:cb": "Dasan",
    "18:d0:71": "Dasan",
    "9c:80:7d": "Syscable Korea",
    "b4:9d:fd": "SDMC",
    "b0:b3:69": "SDMC",
    "ac:db:da": "Geniatech",
    "a0:1e:0b": "MINIX",
    "90:0e:b3": "Amediatech",
    "00:07:67": "Yuxing",
    "54:84:7b": "Digital Devices",
    "8c:cb:14": "TBS",
    "9c:62:ab": "Sumavision",
    "fc:9b:c6": "Sumavision",
    "00:24:68": "Sumavision",
    "00:90:50": "Teleste",
    "48:d7:ff": "Blankom",
}
_LOCAL = "set locally, no maker"


def maker_of(mac: str) -> str | None:
    """Return the holder of the block of an address; None if it is not in the list."""
    try:
        if int(mac[:2], 16) & 2:
            return _LOCAL
    except ValueError:
        return None
    return _BLOCKS.get(mac[:8])
