"""Frame number -> the frame as evidence: its bytes, its place, and what other programs make of it.

The number is the one that Wireshark shows for the same file. scapy, dpkt, tshark and pyshark are second opinions:
they are loaded or started when they are asked for, never by showing a frame.

**Known limitations**: tshark reads the file from its beginning up to the frame, and cannot read what was
compressed with xz or bzip2.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from ..capture import find_frame
from ..errors import CaptureError, CaseError, DecodeError, MissingProgramError, UnsupportedError
from ..store import Store
from ..times import iso_time
from .files import frame_index, locate, manifest_of

if TYPE_CHECKING:
    import pandas as pd

TSHARK_TIMEOUT_S = 600
_INSTALL_TSHARK = (
    "install it (Debian, Ubuntu: apt install tshark; Windows, macOS: Wireshark) or set IPTVFORENSICS_TSHARK"
)
_DPKT = {
    0: ("loopback", "Loopback"),
    1: ("ethernet", "Ethernet"),
    9: ("ppp", "PPP"),
    105: ("ieee80211", "IEEE80211"),
    108: ("loopback", "Loopback"),
    113: ("sll", "SLL"),
    127: ("radiotap", "Radiotap"),
    276: ("sll2", "SLL2"),
}
_RAW_IP = {12, 14, 101, 228, 229}


@dataclass(frozen=True, slots=True)
class Frame:
    """One captured record of an evidence file."""

    path: str
    """The evidence file."""
    capture_id: str | None
    """Capture of the case; null if the frame was asked for by file name."""
    frame_no: int
    ts_ns: int
    """Capture time in nanoseconds since 1970-01-01 UTC."""
    link_type: int
    captured_bytes: bytes = field(repr=False)
    wire_bytes: int
    """Length on the wire, which may be more than was captured."""
    file_offset: int
    """Position of the frame's first byte in the (decompressed) capture file."""
    interface: int
    is_unpacked: bool = False
    """True if `file_offset` is a place in what a compressed file unpacks to."""

    @property
    def time(self) -> pd.Timestamp:
        """Capture time as a timezone-aware datetime."""
        import pandas as pd

        return pd.Timestamp(self.ts_ns, unit="ns", tz="UTC")

    def __bytes__(self) -> bytes:
        return self.captured_bytes

    def hex(self) -> str:
        """Return the bytes as a dump: position, hexadecimal digits, printable characters."""
        lines = []
        for at in range(0, len(self.captured_bytes), 16):
            part = self.captured_bytes[at : at + 16]
            text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
            lines.append(f"{at:04x}  {part[:8].hex(' '):<23}  {part[8:].hex(' '):<23}  {text}")
        return "\n".join(lines)

    def scapy(self) -> Any:
        """Return the frame as a scapy packet."""
        try:
            import scapy.all
            from scapy.config import conf
        except ImportError:
            raise MissingProgramError('decoding with scapy needs it: pip install "scapy>=2.5"') from None
        kind = conf.l2types.num2layer.get(self.link_type, scapy.all.Raw)
        packet = kind(self.captured_bytes)
        packet.time = self.ts_ns / 1e9
        packet.wirelen = self.wire_bytes
        return packet

    def dpkt(self) -> Any:
        """Return the frame as a dpkt object.

        Raises:
            UnsupportedError: dpkt does not know the link type.
            DecodeError: dpkt cannot read the frame.
        """
        try:
            import dpkt
        except ImportError:
            raise MissingProgramError('decoding with dpkt needs it: pip install "dpkt>=1.9.8"') from None
        if self.link_type in _RAW_IP:
            kind = dpkt.ip6.IP6 if self.captured_bytes[:1] >= b"\x60" else dpkt.ip.IP
        elif self.link_type in _DPKT:
            module, name = _DPKT[self.link_type]
            kind = getattr(getattr(dpkt, module), name)
        else:
            raise UnsupportedError(f"dpkt does not know link type {self.link_type}; try scapy or tshark")
        try:
            return kind(self.captured_bytes)
        except dpkt.UnpackError as error:
            raise DecodeError(f"dpkt cannot read frame {self.frame_no}: {error}") from error

    def wireshark(self) -> str:
        """Return what tshark says of the frame in the evidence file itself, so under the same number.

        Raises:
            MissingProgramError: tshark is not installed.
            CaptureError: tshark cannot read the file.
        """
        program = _tshark()
        arguments = [program, "-n", "-r", os.path.abspath(self.path), "-c", str(self.frame_no)]
        arguments += ["-Y", f"frame.number=={self.frame_no}", "-V"]
        with tempfile.TemporaryDirectory(prefix="iptvforensics-") as empty:  # nobody's preferences, no scripts
            environment = {**os.environ, "WIRESHARK_CONFIG_DIR": empty, "HOME": empty, "LC_ALL": "C.UTF-8"}
            done = subprocess.run(  # noqa: S603
                arguments,
                capture_output=True,
                check=False,
                timeout=TSHARK_TIMEOUT_S,
                env=environment,
                stdin=subprocess.DEVNULL,
            )
        text = done.stdout.decode("utf-8", "backslashreplace")
        if not text:
            why = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
            raise CaptureError(f"tshark shows no frame {self.frame_no}: {why[-1] if why else ''}", path=self.path)
        return text

    def pyshark(self) -> Any:
        """Return the frame as a pyshark packet; works inside a running event loop (Jupyter), too.

        Raises:
            MissingProgramError: pyshark or tshark is not installed, or pyshark does not run on this Python.
        """
        if sys.version_info >= (3, 14):
            raise MissingProgramError("pyshark 0.6 does not run on Python 3.14; use Frame.wireshark()")
        from ._pyshark import read_packet

        return read_packet(self.path, self.frame_no, _tshark())

    def facts(self) -> list[tuple[str, str]]:
        """Return where the frame lies and when it was captured, as names and texts."""
        return [
            ("file", self.path),
            *([("capture", self.capture_id)] if self.capture_id else []),
            ("frame", str(self.frame_no)),
            ("time", iso_time(self.ts_ns)),
            ("link type", str(self.link_type)),
            ("captured, on the wire", f"{len(self.captured_bytes)}, {self.wire_bytes} bytes"),
            (f"position in the {'unpacked ' if self.is_unpacked else ''}file", str(self.file_offset)),
        ]

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{escape(n)}</th><td>{escape(v)}</td></tr>" for n, v in self.facts())
        return f"<table>{rows}</table><pre>{escape(self.hex())}</pre>"


def frame_of_file(path: str | os.PathLike[str], frame_no: int) -> Frame:
    """Return one frame of a capture file.

    Raises:
        CaptureError: the file cannot be read, or holds no frame of this number.
    """
    return _frame(os.fspath(path), None, find_frame(path, frame_no))


def frame_of_case(
    store: Store, capture_id: str, frame_no: int, *, evidence: str | os.PathLike[str] | None = None
) -> Frame:
    """Return one frame of a capture of a case, read again from the evidence file.

    Raises:
        CaseError: the case has no such capture, or its file is not where it was.
        CaptureError: the capture has no such frame.
    """
    manifest = manifest_of(store, capture_id)
    path = locate(manifest, evidence)
    found = find_frame(path, frame_no, index=frame_index(store, manifest["capture_id"]))
    return _frame(path, manifest["capture_id"], found)


def frame_named(
    place: str, frame_no: int, *, capture: str = "", evidence: str | os.PathLike[str] | None = None
) -> Frame:
    """Return a frame of a case folder or of a capture file, whichever lies at this place.

    Raises:
        CaseError: the case has several captures and none was chosen, or its file is not where it was.
        CaptureError: there is no such frame.
    """
    if not os.path.isdir(place):
        return frame_of_file(place, frame_no)
    store = Store.open(place)
    manifests = store.manifests()
    if not capture and len(manifests) != 1:
        known = ", ".join(m["capture_id"] for m in manifests[:5]) + (", ..." if len(manifests) > 5 else "")
        raise CaseError(
            f"{place}: choose one of its {len(manifests)} captures with --capture: {known or 'it has none'}"
        )
    return frame_of_case(store, capture or manifests[0]["capture_id"], frame_no, evidence=evidence)


def described(frame: Frame, tool: str | None = None) -> str:
    """Return a frame as text: its place, what a program (scapy, dpkt, tshark) makes of it, and its bytes."""
    if tool == "tshark":
        decoded = frame.wireshark()
    elif tool == "dpkt":
        decoded = repr(frame.dpkt())
    else:
        decoded = str(frame.scapy().show(dump=True))
    facts = "".join(f"{name}: {value}\n" for name, value in frame.facts())
    return f"{facts}\n{decoded.rstrip()}\n\n{frame.hex()}\n"


def _frame(path: str, capture_id: str | None, found: Any) -> Frame:
    return Frame(
        path,
        capture_id,
        found.frame_no,
        found.ts_ns,
        found.link_type,
        found.captured_bytes,
        found.wire_bytes,
        found.stream_offset,
        found.interface,
        found.is_unpacked,
    )


def _tshark() -> str:
    program = shutil.which(os.environ.get("IPTVFORENSICS_TSHARK", "tshark"))
    if program is None:
        raise MissingProgramError(f"tshark was not found: {_INSTALL_TSHARK}")
    return program
