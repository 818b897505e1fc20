"""Queries of URLs to whether they ask for different things, or only carry another token, time or counter.

RFC 3986 section 3.4. Scripts name a channel in the query (`get.php?channel=1`), servers put tokens there that they
change from request to request. Which parameter does what no standard says: those whose names say channel, stream or
file tell things apart; those that are named like tokens, signatures, times or counters, or have long values or those of
clocks, do not; any other does unless its value was new in each of several requests.

**Known limitations**: a token under a short unknown name that is kept for several requests looks like a channel, a
channel under the name of a token looks like one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

_REMEMBERED = 1 << 14
_NAMES_THING = re.compile(
    r"(?:c|ch|chid|cid|chan|channel|channelid|id|stream|streamid|streamname|program|programme|movie|file|filename|f|v"
    r"|video|vid|play|src|path|name|url)\Z"
)
_PASSES = re.compile(
    r"(?:.*(?:token|sign|signature|hash|auth|session|expires?|nonce|nimble|policy|secret).*"
    r"|tok|tk|tkn|sig|md5|hmac|key|k|pass|sid|ssid|hdnts|hdnea|exp|e|st|et|t|ts|time|timestamp|start|end|_|r|rnd|rand|random"
    r"|cb|cachebuster|counter|count|seq|msn)\Z"
)
_TOKEN = re.compile(r"(?=.*[0-9])[A-Za-z0-9_=+/.%~-]{16,}\Z")
_CLOCK = re.compile(r"1[0-9]{9}(?:[0-9]{3})?\Z")
"""Seconds or milliseconds of the years 2001 to 2033."""


@lru_cache(_REMEMBERED)
def parameters(query: str) -> frozenset[tuple[str, str]]:
    """Return the parameters of a query as pairs of name and value; text without a name has the name ""."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return frozenset((name, value) if sign else ("", name) for name, sign, value in pairs)


@lru_cache(_REMEMBERED)
def passes(name: str, value: str) -> bool:
    """Return True if a parameter is a token, a time or a counter by its name or value."""
    return not names_thing(name) and bool(_PASSES.match(_plain(name)) or is_token(value) or _CLOCK.match(value))


def names_thing(name: str) -> bool:
    """Return True if a parameter is named like one that tells channels, streams or files apart."""
    return bool(_NAMES_THING.match(_plain(name)))


def _plain(name: str) -> str:
    """Return a name of a parameter without what writers vary: case and word breaks."""
    return re.sub(r"[_-](?=.)", "", name.lower())


def lasting(query: str, fresh: Collection[str] = ()) -> frozenset[tuple[str, str]]:
    """Return the parameters by which a query asks for a thing; those named in `fresh` are left out, too."""
    return frozenset(pair for pair in parameters(query) if pair[0] not in fresh and not passes(*pair))


def is_token(value: str) -> bool:
    """Return True if a value is as long as a token."""
    return bool(_TOKEN.match(value))


@lru_cache(_REMEMBERED)
def things(query: str) -> frozenset[tuple[str, str]]:
    """Return the parameters that are named like those which tell channels, streams or files apart."""
    return frozenset(pair for pair in parameters(query) if names_thing(pair[0])) if query else frozenset()


def always_new(queries: Iterable[str], least: int) -> frozenset[str]:
    """Return the names of parameters that had another value in each of the queries, if there are so many."""
    asked = list(queries)
    if len(asked) < least:
        return frozenset()
    found = values_of(asked)
    return frozenset(name for name, values in found.items() if len(values) == len(asked) and not names_thing(name))


def values_of(queries: Iterable[str]) -> dict[str, set[str]]:
    """Return the different values of each parameter."""
    found: dict[str, set[str]] = {}
    for query in queries:
        for name, value in parameters(query):
            found.setdefault(name, set()).add(value)
    return found
