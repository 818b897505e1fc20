r"""Texts -> the URLs in them that name an account, a portal or a list, and what boxes report.

Pages, scripts, settings, messages, posted forms and reports: whatever a player, a panel's page or a messenger sends as
text may hold a link with the credentials of a line. URLs are found by their scheme, also in JSON (`http:\/\/`), in
HTML (`&amp;`) and percent-encoded as the value of a form or of another URL. A row is written for those whose form is
that of a panel: which form is read later, from the URL. Replies of portals, lists and guides are searched beside
their own protocol, for what stands where no row looks: messages, pictures, fields of one maker.

What a client posts as JSON or as a form (updates, statistics) may describe its device: link-layer addresses, serial
number, model, firmware. Names differ from maker to maker; those in common use are known. All of it is claimed.

RFC 3986 (URLs), RFC 8259 section 7 (escapes of JSON), WHATWG HTML section 13.5 (`&amp;`, `&#38;`).

**Known limitations**: a URL that is put together by a script is not found, nor one in binary data, in a header of HTTP
other than `Location` and `Referer`, or in a text of two bytes per character. What a gap cuts is not read. Reports above
256 KiB or of more than 20,000 values, in other forms (XML, protocol buffers, one JSON text behind another), or of
several devices at once give no row.
"""

from __future__ import annotations

from ..protocol import Opening, Parser, Protocol
from ..schema import OBJECT_OFFSET, Column, message_table

SAMPLE_BYTES = 512
_TEXT = bytes(code for code in range(256) if code >= 0x20 or code in b"\t\n\v\f\r\x1b")
"""What texts in UTF-8 and the encodings of one byte, or of two in East Asia, consist of."""
ENOUGH = 0.5

TABLE = message_table(
    "named_urls",
    "URL of a panel's form in a text: a page, a setting, a message, or a reply beside the rows of its protocol",
    (
        Column("url", "text", "The URL, unescaped."),
        Column("body_url", "text", "URL under which the text was asked for or sent."),
        Column("media_type", "text", "Claimed: media type of the text."),
        Column("escaped", "text", "How the URL was written: json, html, percent; null if as it is."),
        OBJECT_OFFSET,
    ),
    endpoints=True,
)

REPORTS = message_table(
    "device_reports",
    "body in which a client describes a device, as a rule its own",
    (
        Column("body_url", "text", "URL to which the body was posted."),
        Column("media_type", "text", "Claimed: media type of the body."),
        Column("claimed_macs", "text[]", "Claimed: link-layer addresses of the device, as aa:bb:cc:dd:ee:ff."),
        Column("serial", "text", "Claimed: serial number of the device."),
        Column("model", "text", "Claimed: model of the device."),
        Column("firmware", "text", "Claimed: version of the device's firmware or system."),
        Column("device_id_sent", "text", "Claimed: identifier of the device."),
        Column("manufacturer", "text", "Claimed: maker or brand of the device."),
        OBJECT_OFFSET,
    ),
    endpoints=True,
)


def detect(opening: Opening) -> float | None:
    """Return whether a body is text; None before its first byte."""
    sample = opening.orig[:SAMPLE_BYTES]
    if not sample:
        return None
    return 0.0 if sample.translate(None, _TEXT) else ENOUGH


def make_parser(opening: Opening) -> Parser:
    """Return the parser of one text; its code is loaded when the first one is made."""
    if opening.info.role == "request":
        from ._urls_reports import ReportsParser

        return ReportsParser(opening)
    from ._urls_parser import UrlsParser

    return UrlsParser(opening)


PROTOCOL = Protocol(
    name="urls",
    title="URLs of panels in pages, scripts, settings and messages, and what devices post about themselves",
    specification="RFC 3986; RFC 8259 section 7; WHATWG HTML section 13.5",
    carriers=("rest", "beside"),
    tables=(TABLE, REPORTS),
    detect=detect,
    parser=make_parser,
    limits="Bodies are searched up to 8 MiB (1 MiB of what another protocol reads, too) and 1,000 different URLs. URLs "
    "that scripts put together are not found. Reports of devices are read up to 256 KiB and 20,000 values.",
)
