"""UPnP device descriptions: whole, nested, cut, hostile."""

from __future__ import annotations

import pytest

from iptvforensics.protocol import Anomaly, ContentInfo, Event, Opening, Row
from iptvforensics.protocols.upnp import MAX_DEVICES, MAX_DOCUMENT_BYTES, MAX_TEXT_CHARS, PROTOCOL, UpnpParser

SPACE = b'xmlns="urn:schemas-upnp-org:device-1-0"'
DOCUMENT = (
    b'<?xml version="1.0"?>\r\n<root ' + SPACE + b' xmlns:dlna="urn:schemas-dlna-org:device-1-0">'
    b"<specVersion><major>1</major><minor>0</minor></specVersion><device>"
    b"<deviceType>urn:schemas-upnp-org:device:MediaRenderer:1</deviceType><friendlyName> A &amp; B </friendlyName>"
    b"<manufacturer>Osprey</manufacturer><modelName>S3</modelName><modelNumber>S3-EU</modelNumber>"
    b"<serialNumber>OS3-000417</serialNumber><UDN>uuid:4d696e69</UDN><dlna:X_DLNADOC>DMR-1.50</dlna:X_DLNADOC>"
    b"<iconList><icon><url>/i.png</url></icon></iconList>"
    b"<serviceList><service><serviceType>urn:x:service:AVTransport:1</serviceType><controlURL>/c</controlURL></service>"
    b"<service><serviceType>urn:x:service:RenderingControl:1</serviceType></service></serviceList>"
    b"<deviceList><device><friendlyName>Inner</friendlyName><UDN>uuid:inner</UDN></device></deviceList>"
    b"<presentationURL>/</presentationURL></device></root>"
)
PREFIXED = (
    b'\xef\xbb\xbf<!-- x --><u:root xmlns:u="urn:schemas-upnp-org:device-1-0"><u:device><u:UDN>uuid:7</u:UDN>'
    b"</u:device></u:root>"
)
INFO = ContentInfo(name="http://192.168.1.51:8200/rootDesc.xml", media_type="text/xml")
EXAMPLES = [("renderer", DOCUMENT, b"", INFO), ("prefixed", PREFIXED, b"")]


def read(*pieces: bytes | int, end: bool = True) -> list[Event]:
    parser = UpnpParser(Opening("content", b"", b"", info=INFO))
    events: list[Event] = []
    for piece in pieces:
        events += parser.gap(piece, False) if isinstance(piece, int) else parser.feed(memoryview(piece), False)
    return events + (parser.end(False) if end else [])


def rows(events: list[Event]) -> list[dict]:
    return [event.values for event in events if isinstance(event, Row)]


def problems(events: list[Event]) -> list[tuple[str, int]]:
    return [(event.name, event.offset) for event in events if isinstance(event, Anomaly)]


def test_devices_of_a_description() -> None:
    events = read(DOCUMENT)
    inner, outer = rows(events)
    expected = {
        "url": INFO.name, "device_type": "urn:schemas-upnp-org:device:MediaRenderer:1",
        "friendly_name": "A & B", "manufacturer": "Osprey", "model_name": "S3", "model_number": "S3-EU",
        "serial_number": "OS3-000417", "udn": "uuid:4d696e69", "presentation_url": "/",
        "services": ["urn:x:service:AVTransport:1", "urn:x:service:RenderingControl:1"], "parent_udn": None,
        "other_elements": ["X_DLNADOC=DMR-1.50"],
    }  # fmt: skip
    assert outer == expected
    assert (inner["friendly_name"], inner["udn"], inner["parent_udn"]) == ("Inner", "uuid:inner", "uuid:4d696e69")
    assert [event.offset for event in events] == [DOCUMENT.rindex(b"<device>"), DOCUMENT.index(b"<device>")]


def test_cut_document_gives_what_was_read() -> None:
    cut = DOCUMENT[: DOCUMENT.index(b"<UDN>")]
    events = read(cut)
    assert rows(events)[0]["serial_number"] == "OS3-000417"
    assert problems(events) == [("UPNP_document_incomplete", len(cut))]


def test_nothing_behind_a_gap_is_read() -> None:
    at = DOCUMENT.index(b"<UDN>")
    events = read(DOCUMENT[:at], 5, DOCUMENT[at + 5 :])
    assert [row.get("udn") for row in rows(events)] == [None]
    assert problems(events) == [("UPNP_document_incomplete", at)]


def test_malformed_document() -> None:
    events = read(b"<root " + SPACE + b"><device><modelName>S3</modelName><a></b>")
    assert rows(events)[0]["model_name"] == "S3"
    assert [name for name, _ in problems(events)] == ["UPNP_document_malformed"]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><root>&b;</root>', id="entities"),
        pytest.param(b"<root " + SPACE + b">" + b"<a>" * 1000, id="depth"),
        pytest.param(b"<root " + SPACE + b">" + b"<device></device>" * (MAX_DEVICES + 5), id="devices"),
    ],
)
def test_hostile_documents_are_refused(document: bytes) -> None:
    events = read(document)
    assert [name for name, _ in problems(events)] == ["UPNP_document_refused"]
    assert len(rows(events)) <= MAX_DEVICES


def test_long_documents_and_texts_are_cut() -> None:
    long = b"<root " + SPACE + b"><device><modelName>" + b"m" * 100_000 + b"</modelName></device>"
    events = read(long, b"<!--" + b"x" * MAX_DOCUMENT_BYTES)
    assert len(rows(events)[0]["model_name"]) == MAX_TEXT_CHARS
    assert problems(events) == [("UPNP_document_over_limit", MAX_DOCUMENT_BYTES)]


@pytest.mark.parametrize(
    ("data", "score"),
    [
        (b"", None), (b"<?xml version='1.0'?>", None), (b"<!-- c --> <roo", None), (b"<a:root ", None),
        (b"<tv generator-info-name='x'>", 0.0), (b"<root>" + b" " * 3000, 0.0), (b"{}", 0.0),
        (b"<?xml?><!DOCTYPE tv SYSTEM 'xmltv.dtd'>", 0.0),
    ],
)  # fmt: skip
def test_others_are_not_claimed(data: bytes, score: float | None) -> None:
    assert PROTOCOL.detect(Opening("content", data, b"")) == score


def test_bodies_whose_beginning_is_missing_are_not_claimed() -> None:
    assert PROTOCOL.detect(Opening("content", DOCUMENT, b"", midstream=True)) == 0.0
