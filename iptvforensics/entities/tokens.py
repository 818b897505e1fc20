"""Tokens in URLs to hosts that share a secret: panels that are one or copies, and edges whose panel was not seen.

Panels of the Xtream family encrypt tokens by AES in CBC mode under a key and an initial vector that stay the same for
an installation (XC_VM, src/includes/streaming.php). So equal beginnings of the text give equal first blocks, without
any key: 16 bytes that the tokens of two hosts have in common show one secret. Formats of other software begin with
bytes that never change. So a block that all of several tokens in a folder of a host begin with does not count, unless
at another one of the hosts others begin otherwise; nor does one where tokens differ first within a block, if each host
shows one token only.

Rule `token-block` (strong): the hosts belong to one installation, to a copy that kept its settings, or they pass on
what one host gave. Panels are linked by it (`same-tokens`), never joined. A host of which only paths of edges were
asked, or to which clients were sent with tokens, is an edge of the panel that shares a block with it, if that is one.
Each of the hosts must have a token of its own that begins so: one token at several hosts was handed on, or is the name
of something, and shows no secret. What a host only sent clients to elsewhere makes it no edge.

**Known limitations**: where the hosts gave tokens for one thing only, a secret is not told from a format, and does not
count. Software that takes another vector for each token shares nothing; tokens of one host whose text begins
differently (with another user, another number) are not recognised as one secret's; a host that shares blocks with
several panels is told to be an edge of none.
"""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Set
from typing import NamedTuple

from .model import FIRST_PLACE, Place, TableReader
from .requests import Requests
from .sites import Sites
from .urls import EDGE_KINDS, SQL_HOST, is_block_token, sql_is_block_token

_SEALED = rf"/(?:{EDGE_KINDS}|play)/(?:\d+\.\w+\?token=)?([A-Za-z0-9_-]{{22,}})(?:[?#/]|$)"
_TOKEN = re.compile(_SEALED)
_FOLDER = rf"/({EDGE_KINDS}|play)/"
_URL_HOST = r"(?i)^[a-z]+://(?:[^/@]*@)?(\[[^\]]*\]|[^/:?#]+)"
_BLOCK_CHARS = 21
"""Characters of base64 that a block of 16 bytes fills."""
_BLOCK_BYTES, _BY_CHANCE = 16, 1
"""Bytes of a block, and how many of the next one may be equal by chance."""
_DIFFERENT = 10
"""Different bytes that 16 random ones have at least, but for one block in a million."""
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_PLACE = ", ".join(Place._fields[1:])
_HTTP = (
    "SELECT capture_id, unnest([asked, asked, sent_to]) AS host, unnest([target, sent, sent]) AS url, "  # noqa: S608
    "unnest([false, true, false]) AS is_sent, "
    f"{_PLACE} FROM (SELECT *, lower(regexp_extract(coalesce(host, server_ip), '{SQL_HOST}', 1)) AS asked, "
    f"CASE WHEN status BETWEEN 300 AND 399 THEN location END AS sent, "
    f"lower(regexp_extract(location, '{_URL_HOST}', 1)) AS sent_to FROM http "
    f"WHERE regexp_matches(target, '{_SEALED}') OR regexp_matches(location, '{_SEALED}'))"
)
"""URLs that were asked for, those that answers sent clients to, and the hosts of both."""


class Shared(NamedTuple):
    """Two hosts whose tokens begin with one block, and where each was first seen with it."""

    one: str
    other: str
    place: Place
    other_place: Place

    @property
    def why(self) -> str:
        """What it shows."""
        return (
            f"tokens at {self.one} and {self.other} begin with the same block of 16 bytes, and nothing shows that "
            "a format begins so: one secret, so one installation, a copy with its settings, or answers passed on"
        )


class Tokens:
    """The hosts that share blocks of tokens."""

    def __init__(self, seen: Mapping[str, Mapping[str, Place]], serving: Set[str]) -> None:
        """Take the hosts by block, and those hosts that were asked for tokens, or named as places for them."""
        self._by_text = {block: hosts for block, hosts in seen.items() if len(hosts) > 1}
        self._blocks = [hosts for _, hosts in sorted(self._by_text.items())]
        self._serving = serving
        self._of: dict[str, list[Mapping[str, Place]]] = defaultdict(list)
        for hosts in self._blocks:
            for host in hosts:
                self._of[host].append(hosts)

    def owners(self, panels: set[str]) -> dict[str, str]:
        """Return the panel of each other host, where blocks lead to one panel only, perhaps by way of further hosts."""
        found: dict[str, str] = {}
        done: set[str] = set()
        for start in sorted(self._of):
            if start in done:
                continue
            group = self._reached(start)
            done |= group
            owners = group & panels
            if len(owners) == 1:
                found |= dict.fromkeys((group - owners) & self._serving, min(owners))
        return found

    def owner(self, url: str, panels: set[str]) -> str | None:
        """Return the panel to which the block leads with which the URL's own token begins, if that is one."""
        token = _TOKEN.search(url)
        hosts = self._by_text.get(token[1][:_BLOCK_CHARS]) if token and is_block_token(token[1]) else None
        if not hosts:
            return None
        # An edge that several panels share leads to all of them, but this block is not all of theirs.
        owners = hosts.keys() & panels or self._reached(min(hosts)) & panels
        return owners.pop() if len(owners) == 1 else None

    def _reached(self, start: str) -> set[str]:
        seen, waiting, read = {start}, [start], set()
        while waiting:
            for hosts in self._of[waiting.pop()]:
                if id(hosts) not in read:
                    read.add(id(hosts))
                    waiting += hosts.keys() - seen
                    seen |= hosts.keys()
        return seen

    def of(self, host: str, other: str) -> Shared | None:
        """Return what a host shares with another one, else with any."""
        blocks = self._of.get(host, [])
        hosts = next((block for block in blocks if other in block), blocks[0] if blocks else None)
        if hosts is None:
            return None
        beside = other if other in hosts else min(hosts.keys() - {host})
        return Shared(host, beside, hosts[host], hosts[beside])

    def between(self, name: Callable[[str], str | None]) -> dict[tuple[str, str], Shared]:
        """Return what things share that `name` gives for their hosts: the first of a block with each other one."""
        found: dict[tuple[str, str], Shared] = {}
        for hosts in self._blocks:
            named: dict[str, str] = {}
            for host in sorted(hosts):
                if (thing := name(host)) is not None:
                    named.setdefault(thing, host)
            first, *others = sorted(named.items()) or [("", "")]
            for other, host in others:
                found.setdefault((first[0], other), Shared(first[1], host, hosts[first[1]], hosts[host]))
        return found


def read_tokens(reader: TableReader, requests: Requests, sites: Sites) -> Tokens:
    """Return which hosts were asked for, sent clients to, or named in lists, tokens with equal first blocks."""
    seen: dict[str, dict[str, Place]] = defaultdict(dict)
    serving: set[str] = set()
    if not any(s.says.token and s.says.form != "api" for s in requests.sightings):
        return Tokens({}, set())
    parts = [_HTTP] if reader.has("http") else []
    for table, column in (("playlist_entries", "url"), ("catalogue_entries", "entry_url")):
        if reader.has(table):
            parts.append(
                f"SELECT capture_id, lower(regexp_extract({column}, '{_URL_HOST}', 1)) AS host, {column} AS url, "  # noqa: S608
                f"false AS is_sent, {_PLACE} FROM {table} WHERE regexp_matches({column}, '{_SEALED}')"
            )
    rows = reader.select(
        f"WITH urls AS ({' UNION ALL '.join(parts)}), "  # noqa: S608
        f"tokens AS (SELECT *, regexp_extract(url, '{_SEALED}', 1) AS token, "
        f"regexp_extract(url, '{_FOLDER}', 1) AS kind FROM urls WHERE host <> ''), "
        f"blocks AS MATERIALIZED (SELECT *, left(token, {_BLOCK_CHARS:d}) AS block FROM tokens "
        f"WHERE {sql_is_block_token('token')}), "
        "sites AS (SELECT host, kind, count(DISTINCT block) > 1 AS varies, count(DISTINCT token) > 1 AS has_more "
        "FROM blocks GROUP BY ALL), "
        "told AS (SELECT block, bool_or(varies) AS varies FROM blocks JOIN sites USING (host, kind) GROUP BY block "
        "HAVING bool_or(varies) OR NOT bool_or(has_more)), "
        "own AS (SELECT token, is_sent FROM blocks GROUP BY ALL HAVING count(DISTINCT host) = 1), "
        "kept AS MATERIALIZED (SELECT * FROM blocks SEMI JOIN own USING (token, is_sent)) "
        f"SELECT block, host, capture_id, bool_and(is_sent), any_value(varies), min(token), {FIRST_PLACE} "
        "FROM kept JOIN told USING (block) WHERE block IN "
        "(SELECT block FROM kept GROUP BY block HAVING count(DISTINCT host) > 1 AND count(DISTINCT token) > 1) "
        "GROUP BY block, host, capture_id ORDER BY ALL"
    )
    first: dict[str, str] = {}
    formats: set[str] = set()
    for block, host, capture, only_sent, varies, token, *place in rows:
        host = sites.name(capture, host)
        if not varies and not _is_of_blocks(first.setdefault(block, token), token):
            formats.add(block)
        if _is_encrypted(block):
            seen[block].setdefault(host, Place(capture, *place))
            if not only_sent:
                serving.add(host)
    return Tokens({block: hosts for block, hosts in seen.items() if block not in formats}, serving)


def _is_of_blocks(one: str, other: str) -> bool:
    """Return False if two tokens differ first within a block: encrypted blocks differ from their first byte on."""
    data, beside = (base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)) for token in (one, other))
    equal = next((at for at, (a, b) in enumerate(zip(data, beside, strict=False)) if a != b), 0)
    return equal % _BLOCK_BYTES <= _BY_CHANCE


def _is_encrypted(block: str) -> bool:
    """Return False for what is no cipher text by its look: text in base64, hexadecimal digits, counters."""
    data = base64.urlsafe_b64decode(f"{block}A==")
    is_text = all(0x20 <= byte < 0x7F for byte in data[:15])
    return not is_text and len(set(data)) >= _DIFFERENT and _HEX.fullmatch(block) is None
