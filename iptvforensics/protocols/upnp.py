"""UPnP device descriptions: from XML bodies to one row per device, with its names, model and serial number.

UPnP Device Architecture 2.0 section 2.3 (device description). What a description says is what the device claims.
The document is read as it comes, by expat; document type declarations are refused, so that no entity unfolds.

**Known limitations**: descriptions of services and events (SCPD, GENA, SOAP) are not read. Elements of other
namespaces stand in `other_elements` by their local names. A text is kept up to 4,096 characters, a document read up
to 1 MiB, 64 devices and a depth of 32.
"""

from __future__ import annotations

import re
from typing import Any
from xml.parsers import expat

from ..protocol import BLANK_BYTES, Anomaly, Event, Opening, Protocol, Row
from ..schema import OBJECT_OFFSET, Column, message_table

MAX_DOCUMENT_BYTES = 1 << 20
MAX_TEXT_CHARS = 4096
MAX_DEVICES, MAX_DEPTH, MAX_OTHER, MAX_SERVICES = 64, 32, 64, 64
_FIELDS = {
    "deviceType": "device_type", "friendlyName": "friendly_name", "manufacturer": "manufacturer",
    "manufacturerURL": "manufacturer_url", "modelDescription": "model_description", "modelName": "model_name",
    "modelNumber": "model_number", "modelURL": "model_url", "serialNumber": "serial_number", "UDN": "udn",
    "UPC": "upc", "presentationURL": "presentation_url",
}  # fmt: skip
_CONTAINERS = frozenset(("iconList", "serviceList", "deviceList"))
_ROOT = re.compile(rb"<(?:[\w.-]+:)?root[\s>]")
BOM = b"\xef\xbb\xbf"
_CUT_ROOT = re.compile(rb"<(?:[\w.-]*\Z|(?:[\w.-]+:)?(?:root|r?o?o?t?\Z))")
_DEVICE_SPACE = b"urn:schemas-upnp-org:device-1-0"

TABLE = message_table(
    "upnp_devices",
    "device in a UPnP description",
    (
        OBJECT_OFFSET,
        Column("url", "text", "URL under which the description was asked for."),
        Column("device_type", "text", "Kind of device, as a URN."),
        Column("friendly_name", "text", "Name that the sender gives itself (friendlyName)."),
        Column("manufacturer", "text", "Manufacturer, as the device claims."),
        Column("manufacturer_url", "text", "Address of the manufacturer, as the device claims."),
        Column("model_name", "text", "Model, as the device claims."),
        Column("model_number", "text", "Number of the model, as the device claims."),
        Column("model_description", "text", "Description of the model, as the device claims."),
        Column("model_url", "text", "Address of the model's page, as the device claims."),
        Column("serial_number", "text", "Serial number, as the device claims; cheap devices share one."),
        Column("udn", "text", "Unique device name, mostly uuid:..., as in SSDP."),
        Column("upc", "text", "Product code (UPC)."),
        Column("presentation_url", "text", "Page of the device for its user."),
        Column("services", "text[]", "Types of the services that the device offers."),
        Column("parent_udn", "text", "Unique device name of the device that holds this one; null for the root device."),
        Column("other_elements", "text[]", "Further elements of the device as `name=value`."),
    ),
    endpoints=True,
)


class _Device:
    def __init__(self, offset: int, depth: int, parent: _Device | None) -> None:
        self.offset = offset
        self.depth = depth
        self.parent = parent
        self.values: dict[str, str] = {}
        self.services: list[str] = []
        self.other: list[str] = []


class _Refused(Exception):
    """Reading stops here, for a reason that is no fault of the syntax."""


class UpnpParser:
    """Reads one document as it comes."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._url = opening.info.name
        self._from_orig = False
        self._received = 0
        self._is_over = opening.midstream
        self._path: list[str] = []
        self._text: list[str] = []
        self._chars = 0
        self._open: list[_Device] = []
        self._devices = 0
        self._events: list[Event] = []
        self._reader = expat.ParserCreate()
        self._reader.buffer_text = True

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the rows of the devices that end within these bytes."""
        self._from_orig = from_orig
        room = MAX_DOCUMENT_BYTES - self._received
        self._received += len(data)
        if self._is_over:
            return []
        self._read(bytes(data[:room]), is_last=False)
        if len(data) > room and not self._is_over:
            self._stop("UPNP_document_over_limit", MAX_DOCUMENT_BYTES, f"{MAX_DOCUMENT_BYTES} bytes were read")
        return self._taken()

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what was read so far: behind missing bytes nothing of the document can be placed."""
        self._from_orig = from_orig
        if not self._is_over:
            self._stop("UPNP_document_incomplete", self._received, f"a gap of {length} bytes")
        self._received += max(length, 0)
        return self._taken()

    def end(self, from_orig: bool) -> list[Event]:
        """Return the rows of devices that were cut by the end."""
        self._from_orig = from_orig
        if not self._is_over:
            self._read(b"", is_last=True)
            self._is_over = True
        return self._taken()

    def _taken(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _listen(self, *, is_on: bool) -> None:
        """Let expat call this parser; outside of a call it must not, or the two would keep each other alive."""
        self._reader.StartElementHandler = self._start if is_on else None
        self._reader.EndElementHandler = self._end if is_on else None
        self._reader.CharacterDataHandler = self._characters if is_on else None
        self._reader.StartDoctypeDeclHandler = self._refuse_doctype if is_on else None

    def _read(self, data: bytes, *, is_last: bool) -> None:
        self._listen(is_on=True)
        try:
            self._reader.Parse(data, is_last)
        except expat.ExpatError as error:
            why = expat.ErrorString(error.code)
            name = "UPNP_document_incomplete" if is_last else "UPNP_document_malformed"
            self._stop(name, min(max(self._reader.ErrorByteIndex, 0), self._received), why)
        except _Refused as refused:
            self._stop("UPNP_document_refused", max(self._reader.CurrentByteIndex, 0), str(refused))
        finally:
            self._listen(is_on=False)

    def _stop(self, name: str, offset: int, why: str) -> None:
        """Say why reading ends here, and give what is known of the devices that are open."""
        self._is_over = True
        while self._open:
            self._finish(self._open.pop())
        self._events.append(Anomaly(name, self._from_orig, offset, why))

    # --- what expat calls ------------------------------------------------------------------------------

    def _refuse_doctype(self, *_: object) -> None:
        raise _Refused("a document type declaration")

    def _start(self, name: str, _attributes: object) -> None:
        local = name.rpartition(":")[2]
        if len(self._path) >= MAX_DEPTH:
            raise _Refused(f"elements more than {MAX_DEPTH} deep")
        self._path.append(local)
        self._text.clear()
        self._chars = 0
        if local == "device":
            if self._devices >= MAX_DEVICES:
                raise _Refused(f"more than {MAX_DEVICES} devices")
            self._devices += 1
            parent = self._open[-1] if self._open else None
            self._open.append(_Device(self._reader.CurrentByteIndex, len(self._path), parent))

    def _characters(self, text: str) -> None:
        if self._chars < MAX_TEXT_CHARS:
            self._text.append(text[: MAX_TEXT_CHARS - self._chars])
            self._chars += len(self._text[-1])

    def _end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        depth = len(self._path)
        self._path.pop()
        text = "".join(self._text).strip()
        self._text.clear()
        if not self._open:
            return
        device = self._open[-1]
        if depth == device.depth:
            self._finish(self._open.pop())
        elif depth == device.depth + 1 and local not in _CONTAINERS and text:
            if local in _FIELDS:
                device.values.setdefault(_FIELDS[local], text)
            elif len(device.other) < MAX_OTHER:
                device.other.append(f"{local}={text}")
        elif local == "serviceType" and text and len(device.services) < MAX_SERVICES:
            device.services.append(text)

    def _finish(self, device: _Device) -> None:
        values: dict[str, Any] = {
            **device.values,
            "url": self._url,
            "services": device.services or None,
            "parent_udn": device.parent.values.get("udn") if device.parent is not None else None,
            "other_elements": device.other or None,
        }
        self._events.append(Row("upnp_devices", self._from_orig, device.offset, values))


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a body is a device description."""
    head = opening.orig[:2048]
    text = b"" if BOM.startswith(head) else head.removeprefix(BOM).lstrip()
    if opening.midstream or (text and not text.startswith(b"<")):
        return 0.0
    if _DEVICE_SPACE in head and _ROOT.search(head):
        return 0.97
    return None if len(head) < 2048 and _may_become(text) else 0.0


def _may_become(text: bytes) -> bool:
    """Return True while nothing but declarations, comments and the root element has come."""
    rest = re.sub(rb"<\?.*?\?>|<!--.*?-->|\s+", b"", text, flags=re.DOTALL)
    return not rest or rest.startswith((b"<?", b"<!--")) or b"<?xml".startswith(rest) or _root_begins(rest)


def _root_begins(rest: bytes) -> bool:
    """Return True if the first element is the root of a description, or may become it."""
    return _CUT_ROOT.match(rest) is not None


PROTOCOL = Protocol(
    name="upnp",
    title="UPnP device descriptions: names, models and serial numbers that devices claim",
    specification="UPnP Device Architecture 2.0 section 2.3",
    carriers=("content",),
    read_beside=True,
    tables=(TABLE,),
    detect=detect,
    parser=UpnpParser,
    begins=BLANK_BYTES + b"<",
    limits="Descriptions of services, events and SOAP calls are not read.",
)
