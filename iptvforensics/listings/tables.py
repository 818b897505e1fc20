"""Tables that several formats fill: accounts, catalogue entries, programmes, links to media.

All values are what a body said. Identifiers that a client names (MAC, serial, device) are claims of the client.
"""

from __future__ import annotations

from ..schema import OBJECT_OFFSET, ROLE, Column, message_table

MAX_RAW_CHARS = 4096
"""Characters of an item that column `raw` keeps; the whole stands at its offset in the evidence."""

MAX_ACCOUNT_CHARS = 16_384
"""The same of a statement about an account: a profile has some kilobytes."""

_FAMILY = Column("family", "text", "Format of the body: xtream, stalker, enigma2, m3u, txtlist or xmltv.")
_URL = Column("url", "text", "Absolute URL that was asked for; null if the host is unknown.")
_HOST = Column("host", "text", "Host, and port if one was named, that the client asked for, as sent.")
_ACTION = Column("action", "text", "What was asked of the service, in its own word; login if it has none.")
_USERNAME = Column("username", "text", "Account name, from the body, else from what was asked for.")
_MAC = Column("mac", "text", "MAC address that the account is bound to or the client claims, as aa:bb:cc:dd:ee:ff.")
_MESSAGE = Column("message", "text", "Text of the server for the subscriber or about the account.")
_ENTRY_ID = Column("entry_id", "text", "Identifier of the thing at its service, digits as text.")
_BODY_OFFSET = Column("body_offset", "int", "Position of the item in its decoded body, in bytes, first is 0.")
_ITEM_NO = Column("item_no", "int", "Place of the item in its body, first is 1; after a gap counted on.")

ACCOUNT_REPLIES = message_table(
    "account_replies",
    "statement about a subscriber account or its service: what a server said, or what a client's form said of itself",
    (
        OBJECT_OFFSET,
        _FAMILY,
        ROLE,
        _ACTION,
        _URL,
        _HOST,
        _USERNAME,
        Column("password", "text", "Password of the account, from the body, else from what was asked for."),
        _MAC,
        Column("mac_raw", "text", "The same MAC address as it was written."),
        Column("token", "text", "Token that the server gave, else the one that the client sent."),
        Column("auth", "bool", "True if the server accepted the account, false if it refused it, null if unsaid."),
        Column("account_status", "text", "Status of the account in the server's words, such as Active or Banned."),
        _MESSAGE,
        Column("created_ns", "time_ns", "When the account was made, as the server says; text as in expires_ns."),
        Column(
            "expires_ns",
            "time_ns",
            "When the account ends, as the server says; null if never. Date and clock as text count in the zone "
            "that the reply names for its server, in UTC if it names none.",
        ),
        Column("expires_text", "text", "End of the account as written, if it is no number."),
        Column("is_trial", "bool", "True if the server calls the account a trial."),
        Column("active_connections", "int", "Connections of the account that the server counts as open."),
        Column("max_connections", "int", "Connections that the account may have at a time."),
        Column("stated_host", "text", "Host name or address that the server gives as its own."),
        Column("stated_port", "int", "Port for HTTP that the server gives as its own."),
        Column("stated_https_port", "int", "Port for HTTPS that the server gives as its own."),
        Column("stated_rtmp_port", "int", "Port for RTMP that the server gives as its own."),
        Column("stated_protocol", "text", "Protocol that the server wants to be asked with: http or https."),
        Column("timezone", "text", "Time zone of the server (or, in a form, of the client), as written."),
        Column("server_time", "text", "Clock of the server as written, without zone."),
        Column("server_time_ns", "time_ns", "Clock of the server where it gives seconds since 1970."),
        Column("software", "text", "Software of the service, as it shows in the body."),
        Column("software_version", "text", "Version of that software, as written."),
        Column("serial", "text", "Serial number of the device, as the client or the server's record claims."),
        Column("device_id_sent", "text", "Device identifier that the client or the server's record claims."),
        Column("device_id2_sent", "text", "Second device identifier that the client or the server's record claims."),
        Column("signature", "text", "Signature of the device that the client or the server's record claims."),
        Column("model", "text", "Device model that the client or the server's record claims."),
        Column("firmware", "text", "Firmware or image version that the client or the server's record claims."),
        Column("account_ref", "text", "Number under which the service keeps the account (Stalker: ls, else id)."),
        Column("person", "text", "Name that the service keeps with the account."),
        Column("phone", "text", "Telephone number that the service keeps with the account."),
        Column("tariff", "text", "Tariff or package of the account, as written."),
        Column("reseller", "text", "Reseller of the account, as written."),
        Column("marks", "text[]", "Marks of the software that made the body: see the page on panels."),
        Column("raw", "text", "The statement as sent, at most 16,384 characters."),
    ),
    endpoints=True,
)

CATALOGUE_ENTRIES = message_table(
    "catalogue_entries",
    "thing that a body offers: channel, film, series, season, episode, category; or the head of such a list",
    (
        OBJECT_OFFSET,
        _FAMILY,
        Column(
            "kind",
            "text",
            "live, vod, series, season, episode, radio, karaoke, recording (of a subscriber, kept by the service), "
            "download, category, list; null if nothing says it.",
        ),
        _URL,
        _HOST,
        _USERNAME,
        _ITEM_NO,
        _BODY_OFFSET,
        _ENTRY_ID,
        Column("name", "text", "Name of the thing, as the service writes it."),
        Column("number", "int", "Channel number, or number of the season or episode."),
        Column("category_id", "text", "Identifier of the category, digits as text."),
        Column("category_name", "text", "Name of the category or group, as the body says."),
        Column(
            "section", "text", "Part of the catalogue that a category belongs to: live, vod, series, radio, karaoke."
        ),
        Column("season", "int", "Number of the season that an episode belongs to."),
        Column("parent_id", "text", "Identifier of the thing that this belongs to: series, category."),
        Column("epg_id", "text", "Identifier under which programme guides name the channel."),
        Column("container", "text", "File type under which the media are offered, such as mp4."),
        Column("entry_url", "text", "URL of the media as the body gives it; of a list the URL of its guide."),
        Column("entry_raw", "text", "The text that holds entry_url, where it is more than the URL."),
        Column("logo_url", "text", "URL of the picture."),
        Column("service_ref", "text", "Broadcast service that the entry names: Enigma2 reference, service number."),
        Column("is_archive", "bool", "True if the past of the channel can be watched."),
        Column("archive_days", "float", "Days that can be watched back."),
        Column("added_ns", "time_ns", "When the entry was added or last changed, as the service says."),
        Column("raw", "text", "The item as sent, at most 4,096 characters."),
    ),
    endpoints=True,
)

PROGRAMMES = message_table(
    "programmes",
    "programme of a guide: what is on a channel from when to when",
    (
        OBJECT_OFFSET,
        _FAMILY,
        _URL,
        _HOST,
        _ITEM_NO,
        _BODY_OFFSET,
        Column("channel_ref", "text", "Channel as the guide names it: XMLTV identifier or number at the service."),
        Column("start_ns", "time_ns", "Beginning of the programme; null if its zone is not known."),
        Column("end_ns", "time_ns", "End of the programme; null if its zone is not known."),
        Column("start_text", "text", "Beginning of the programme, as written."),
        Column("end_text", "text", "End of the programme, as written."),
        Column("title", "text", "Title of the programme, decoded if it was in base64."),
        Column("description", "text", "Description of the programme, decoded if it was in base64."),
        Column("language", "text", "Language of the title, as written."),
        Column("category", "text", "Genre of the programme, as written."),
        Column("raw", "text", "The item as sent, at most 4,096 characters; of XMLTV what no column holds, as JSON."),
    ),
    endpoints=True,
)

STREAM_LINKS = message_table(
    "stream_links",
    "link to media that a server gave in answer to a request for one",
    (
        OBJECT_OFFSET,
        _FAMILY,
        _ACTION,
        _URL,
        _HOST,
        _MAC,
        Column("kind", "text", "What was asked for: live, vod, radio, archive, ... in the service's own word."),
        Column("requested", "text", "What the client named: command or identifier, as sent."),
        _ENTRY_ID,
        Column("link_url", "text", "URL of the media that the server gave."),
        Column("link_raw", "text", "The link as sent, with what stands before the URL."),
        _MESSAGE,
        Column("raw", "text", "The reply as sent, at most 4,096 characters."),
    ),
    endpoints=True,
)
