"""Tables that belong to a whole case: who is who. Declared here, filled by `entities`, kept by `derived`.

Columns whose sentence begins with "Claimed" hold what a client or server says of itself.
"""

from __future__ import annotations

from .schema import (
    CAPTURE_ID,
    CHANNEL,
    CLIENT_IP,
    DEVICE_ID,
    EVIDENCE,
    FIRST_FRAME,
    FIRST_NS,
    KIND,
    KIND_BASIS,
    LAST_NS,
    LINE_ID,
    NAME_SOURCE,
    PROGRAMMES,
    SESSION_ID,
    SESSIONS,
    TITLE,
    Column,
    Table,
)

_CAPTURE_IDS = Column("capture_ids", "text[]", "Captures in which it was seen.")
_HOSTS = Column("hosts", "text[]", "Host names under which it was asked, all of them.")
_IPS = Column("ips", "text[]", "Addresses at which it was seen.")
_PORTS = Column("ports", "int[]", "Ports at which it was seen; of what nobody asked, those that were named.")
_STRENGTH = Column("strength", "text", "How well it is founded: conclusive, strong, supporting, lead.")
_RULE = Column("rule", "text", "Rules by which it was found, joined by semicolons.")
_WHY = Column("why", "text", "Reason in words.")
_PANEL_ID = Column("panel_id", "text", "Panel concerned.")
_PANEL_HOST = Column("panel_host", "text", "Host name of the panel concerned.")
_STREAM_ID = Column(
    "stream_id", "text", "Number or name of the channel or title at its panel, or of the stream on the wire."
)
_SESSIONS = Column("sessions", "int", "Number of viewing sessions.")
_CATEGORY = Column("category", "text", "Category in the panel's list.")
_WATCHED = Column("watched", "bool", "True if a session was captured in which somebody other than a server got it.")

DEVICES = Table(
    "devices",
    "device that watched or spoke to servers, as far as devices can be told apart",
    (
        Column("device_id", "text", "Name of the device, derived from what it was recognised by."),
        Column(
            "kind",
            "text",
            "What it seems to be: tv-box (or television), app (also one acting as a box), browser, player, server, "
            "router, printer; null if nothing says so.",
        ),
        _IPS,
        Column("macs", "text[]", "Link-layer addresses seen in frames that this device sent."),
        Column("claimed_macs", "text[]", "Claimed: link-layer addresses that it gave to portals or in messages."),
        Column(
            "maker",
            "text",
            "Holder of the address block of a link-layer address in `macs`: by a file of the examiner, which is named "
            "(`enrich --oui`), or else by a short list.",
        ),
        Column("model", "text", "Claimed: model names."),
        Column("serial", "text", "Claimed: serial numbers."),
        Column("firmware", "text", "Claimed: versions of the firmware."),
        Column("host_names", "text[]", "Claimed: names that the device gave in its own network."),
        Column(
            "local_claims",
            "text[]",
            "Claimed: what else it said of itself in its own network: classes and options of DHCP, software (SSDP).",
        ),
        Column("user_agents", "text[]", "Claimed: user agents, the most frequent first."),
        Column("os", "text", "Claimed: operating systems that the user agents name."),
        Column("apps", "text[]", "Claimed: applications that the user agents name."),
        Column("told_apart", "text", "Why this is one device and no other."),
        _STRENGTH,
        _RULE,
        _SESSIONS,
        Column(
            "third_party", "text", "Why part of its traffic may not be acts of its user; null if nothing hints at it."
        ),
        Column("clock_offset_s", "float", "Its clock minus the capture's clock, as its requests for the time say."),
        Column(
            "clock_skew_ppm",
            "float",
            "Millionths by which its clock gains on the capture's, as its requests for the time say (a lead); near 0 "
            "where it follows another clock.",
        ),
        Column("clock_skew_error_ppm", "float", "How much more or less `clock_skew_ppm` may be, in 99 of 100 cases."),
        _CAPTURE_IDS,
        FIRST_NS,
        LAST_NS,
    ),
)

LINES = Table(
    "lines",
    "subscriber account at a panel",
    (
        Column("line_id", "text", "Name of the line, derived from panel and credentials."),
        _PANEL_ID,
        _PANEL_HOST,
        Column(
            "username",
            "text",
            "User name of the line; for one known by its address, the log-in that the portal gave it.",
        ),
        Column("password", "text", "Password of the line."),
        Column("mac", "text", "Address by which the portal knows the line; claimed by the client."),
        Column("token", "text", "Token that stands for the line."),
        Column("status", "text", "State of the account as the panel says."),
        Column("max_connections", "int", "Viewings at a time that the panel says are allowed."),
        Column("active_connections", "int", "Most viewings at a time that the panel said were going on."),
        Column("is_trial", "bool", "True if the panel says that the account is a trial."),
        Column("created_ns", "time_ns", "When the account was made, as the panel says."),
        Column("expires_ns", "time_ns", "When the account ends, as the panel says; null if never or unknown."),
        Column("account", "text", "More of the account, as the panel says: number, tariff, reseller, end in words."),
        Column("message", "text", "What the panel said to the account, in its own words; many name a reseller."),
        Column(
            "used",
            "bool",
            "True if a client sent these credentials or a session used them; false if a server only named them.",
        ),
        Column(
            "places", "text[]", "Where the credentials stood: request, query, cookie, form, redirect, reply, list, ..."
        ),
        _HOSTS,
        Column("requests", "int", "Number of requests that carried the credentials."),
        _STRENGTH,
        _RULE,
        _CAPTURE_IDS,
        FIRST_NS,
        LAST_NS,
    ),
)

PANELS = Table(
    "panels",
    "panel: service that knows lines and sends them to media",
    (
        Column("panel_id", "text", "Name of the panel, derived from its first host name."),
        Column("host", "text", "Host name, or address, under which it was asked most."),
        _HOSTS,
        _IPS,
        _PORTS,
        Column("family", "text", "Kind of interface: xtream, stalker, enigma2, playlist."),
        Column("software", "text", "What it says it is: version in playlists or replies; a guide's generator is none."),
        Column("timezone", "text", "Time zone that it says it keeps."),
        Column("clock_offset_s", "float", "Its clock minus the capture's clock, as its replies say."),
        Column("contacted", "bool", "True if a client sent it a request; false if it was only named."),
        Column("channels", "int", "Channels in its catalogue, as far as captured."),
        Column("titles", "int", "Titles in its catalogue, as far as captured."),
        _STRENGTH,
        _RULE,
        _WHY,
        _CAPTURE_IDS,
        FIRST_NS,
        LAST_NS,
    ),
)

SERVERS = Table(
    "servers",
    "server with a part in the service, under one name",
    (
        Column("server_id", "text", "Name of the server, derived from its host name or address."),
        Column("host", "text", "Host name under which it was asked; null if it was reached by address."),
        Column("domain", "text", "Registrable domain of the host name, by the public suffix list."),
        _IPS,
        _PORTS,
        Column("role", "text", "Its part: panel, edge, head-end, origin, epg, redirector, ..."),
        _WHY,
        _STRENGTH,
        _RULE,
        _PANEL_ID,
        Column("software", "text", "What it says it is."),
        Column("bytes", "int", "Bytes of sessions that came from it."),
        _SESSIONS,
        _CAPTURE_IDS,
        FIRST_NS,
        LAST_NS,
    ),
)

CHANNELS = Table(
    "channels",
    "channel that a panel offers, or a session played or published",
    (
        Column("channel_id", "text", "Name of the channel, derived from panel and number, or from server and stream."),
        _PANEL_ID,
        _PANEL_HOST,
        _STREAM_ID,
        Column("name", "text", "Name of the channel; null if nothing names it."),
        NAME_SOURCE,
        Column("number", "int", "Place in the panel's list."),
        Column("epg_id", "text", "Identifier by which the programme guide knows the channel."),
        _CATEGORY,
        Column("archive_days", "float", "Days that can be watched back, as the panel says."),
        _WATCHED,
        _SESSIONS,
        _CAPTURE_IDS,
    ),
)

TITLES = Table(
    "titles",
    "film or episode that a panel offers or a session played",
    (
        Column("title_id", "text", "Name of the title, derived from panel, kind and number, or from server and URL."),
        _PANEL_ID,
        _PANEL_HOST,
        _STREAM_ID,
        Column("name", "text", "Name of the title; null if nothing names it."),
        NAME_SOURCE,
        Column("kind", "text", "movie, series or episode."),
        Column("container", "text", "Container in which the title is delivered, as file extension."),
        _CATEGORY,
        _WATCHED,
        _SESSIONS,
        _CAPTURE_IDS,
    ),
)

LINKS = Table(
    "links",
    "relation between two entities",
    (
        Column("link_id", "text", "Name of the link, derived from its ends and kind."),
        Column("source", "text", "Identifier of the entity at its beginning."),
        Column("target", "text", "Identifier of the entity at its end."),
        Column(
            "kind",
            "text",
            "Relation: uses-line, logs-in, redirects-to, names, streams-from, pulls-from, carries, same-as, ...",
        ),
        _STRENGTH,
        Column("count", "int", "How often it was seen."),
        FIRST_NS,
        LAST_NS,
        _RULE,
        _WHY,
        Column("contradicts", "text", "What speaks against it; null if nothing was found."),
        Column("likelihood_ratio", "float", "Likelihood ratio; null while none is validated for the rule."),
        _CAPTURE_IDS,
    ),
)

MERGES = Table(
    "merges",
    "decision that two observed things are one entity, whether it stands or was undone",
    (
        Column("merge_id", "text", "Name of the decision, derived from rule and members."),
        Column("kind", "text", "What was merged: device, line, panel, server."),
        Column("entity_id", "text", "Identifier of the entity that holds the first member now."),
        Column("one", "text", "First member, as it was observed."),
        Column("other", "text", "Second member, as it was observed."),
        _RULE,
        _STRENGTH,
        _WHY,
        Column("undone", "bool", "True if the examiner has undone it."),
        Column("reason", "text", "Why the examiner has undone it."),
        _CAPTURE_IDS,
    ),
)

CONTACTS = Table(
    "contacts",
    "address that a client contacted in a capture, with the names it went by at that time",
    (
        CAPTURE_ID,
        CLIENT_IP,
        Column("server_ip", "text", "Address of the server of the exchange."),
        _PORTS,
        Column(
            "names", "text[]", "Names under which it was asked for, or that DNS answers in force for its flows gave it."
        ),
        Column("domains", "text[]", "Registrable domains of the names."),
        Column("name_sources", "text[]", "Where each name comes from: dns, http, tls, quic, rtmp."),
        Column("cname_chain", "text[]", "Names that the query name leads to by aliases (CNAME), in order."),
        Column("dns_frame_no", "frame", "Frame of the first DNS answer that was in force; null if there was none."),
        Column("dns_age_s", "float", "Time from that answer to the first flow for which it was in force."),
        Column("dns_names", "text[]", "Names of the DNS answers in force for its flows, in the order of these."),
        Column("dns_frames", "int[]", "Frames of these answers, in the same order."),
        Column("dns_clients", "text[]", "Addresses that they were given to (a box may have several), same order."),
        Column("dns_flow_frames", "int[]", "Frames that opened the first flow for which each of them was in force."),
        Column("name_gap", "text", "Why no DNS answer names it, or its first flows; null if one names all of them."),
        Column("flows", "int", "Number of flows."),
        Column("bytes", "int", "Payload bytes captured in both directions."),
        FIRST_NS,
        LAST_NS,
        FIRST_FRAME,
    ),
)

SESSION_ENTITIES = Table(
    "session_entities",
    "session with the entities that took part in it",
    (
        CAPTURE_ID,
        SESSION_ID,
        DEVICE_ID,
        Column("device_why", "text", "How the device is known, or why not."),
        LINE_ID,
        Column("line_why", "text", "How the line is known, or why not."),
        _PANEL_ID,
        Column("panel_why", "text", "How the panel is known, or why not; null for what is encrypted."),
        Column("server_id", "text", "Server that sent the media."),
        Column("channel_id", "text", "Channel that was watched."),
        Column("title_id", "text", "Title that was watched."),
        CHANNEL,
        TITLE,
        NAME_SOURCE,
        PROGRAMMES,
        Column("programmes_why", "text", "For what time the guide was asked, or why not; null if there was no need."),
        KIND,
        KIND_BASIS,
        Column(
            "archive_ns",
            "time_ns",
            "Beginning of the past broadcast that was asked for (catch-up); null if none was, or it cannot be told.",
        ),
        Column(
            "substitute_why", "text", "What hints at a film of the panel in place of the channel; null if nothing does."
        ),
    ),
)

OVERLAID = ("device_id", "line_id", "channel", "title", "name_source", "programmes", "kind", "kind_basis")
"""Columns of `sessions` that come from `session_entities`."""

ENTITY_TABLES = (DEVICES, LINES, PANELS, SERVERS, CHANNELS, TITLES, LINKS, MERGES, CONTACTS, SESSION_ENTITIES)
"""The tables of the whole case."""

DERIVED = (*ENTITY_TABLES, EVIDENCE)
"""What is written for the whole case: its tables, and their evidence."""


def sessions_sql(sessions: str, entities: str) -> str:
    """Return the SELECT of the public table `sessions`: what a capture says, completed by what the case knows."""
    names = ", ".join(
        f'coalesce(e."{c.name}", s."{c.name}") AS "{c.name}"' if c.name in OVERLAID else f's."{c.name}"'
        for c in SESSIONS.columns
    )
    return f"SELECT {names} FROM ({sessions}) s LEFT JOIN ({entities}) e USING (capture_id, session_id)"  # noqa: S608
