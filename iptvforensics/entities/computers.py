"""Claims to be a set-top box beside the system of a computer, to programs that act as one.

Rule `computer-acts-as-box` (supporting), on a device with a link-layer address of its own that claims to be a box and
whose DHCP messages or user agents name Windows or macOS, which no box runs. Its kind is then that of a program.

**Known limitations**: both are claims. A computer that lends its connection to a box behind it looks the same. Linux
says nothing, since boxes run it, too.
"""

from __future__ import annotations

from .devices import Devices
from .model import Atom, Place

ACTS_AS_BOX = "acts_as_box"
"""The fact that `devices.kind` is decided by."""
_COMPUTERS = ("Windows", "macOS")
_SAID_BY = ("claimed-vendor-class", "claimed-user-agent")


def note_computers(devices: Devices) -> None:
    """Note which devices are computers that act as boxes, by all that is known of their claims."""
    for atom in devices.atoms:
        systems = sorted(name for name in atom.facts.get("os", ()) if name.startswith(_COMPUTERS))
        if atom.key[1] != "mac" or not systems or "tv-box" not in atom.facts.get("kinds", ()):
            continue
        shows = f"says that it runs {' and '.join(systems)}, and that it is a set-top box: a program acts as one"
        for place in _places(atom):
            atom.seen("computer-acts-as-box", "supporting", place, shows, count=0)
        atom.fact(ACTS_AS_BOX, True)


def _places(atom: Atom) -> list[Place]:
    """Return where the device said what it is, once per capture and kind of claim."""
    return [cited[0][0] for (_, rule), cited in sorted(atom.cited.items()) if rule in _SAID_BY]
