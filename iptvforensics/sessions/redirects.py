"""Redirects to the requests that followed them.

RFC 9110 section 15.4 (redirection).

**Known limitations**: a redirect and the request that follows it are tied by client address and URL within
`REDIRECT_WAIT_NS`; clients behind one address that ask for the same URL at once share their redirects. A client that
was redirected over IPv4 and goes on over IPv6, or the other way, is known by the link-layer address of both flows:
behind one router clients may share that, too, and without link layer they stay apart.
Redirects by HTML or script are not followed.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .addresses import Address, absolute, address_of_header
from .model import SECOND_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .fetches import Fetch
    from .records import Flow

REDIRECT_STATUS = frozenset((301, 302, 303, 307, 308))
REDIRECT_WAIT_NS = 60 * SECOND_NS
"""Longest time from a redirect to the request that follows it; players follow within a second."""
MAX_HOPS = 20
"""Players give up after 5 to 20 redirects; a client that goes on asks anew."""


def tie_redirects(fetches: Iterable[Fetch], flows: Mapping[int, Flow]) -> None:
    """Set `via`: each redirect is followed by the next request of its client for the URL that it names."""
    open_redirects: dict[tuple[str, Address], deque[Fetch]] = {}
    for fetch in fetches:
        own, other = _client_names(fetch, flows)
        if fetch.key is not None:
            for name in (fetch.client_ip, other):
                redirect = _next_open(open_redirects.get((name, fetch.key)), fetch)
                if redirect is not None:
                    fetch.via = redirect
                    fetch.hops = redirect.hops + 1
                    redirect.followed = True
                    break
        exchange = fetch.exchange
        if exchange is None or exchange.status not in REDIRECT_STATUS:
            continue
        fetch.leads_to = absolute(fetch.url, exchange.location)
        for target in address_of_header(fetch.leads_to) if fetch.hops < MAX_HOPS else ():
            for name in filter(None, (fetch.client_ip, own)):
                open_redirects.setdefault((name, target), deque()).append(fetch)


def _client_names(fetch: Fetch, flows: Mapping[int, Flow]) -> tuple[str, str]:
    """Return the link-layer address of a client with its IP version, and with the other one; "" if it was not seen."""
    flow = flows.get(fetch.flow_id)
    mac = None
    if flow is not None and fetch.client_ip in (flow.orig_ip, flow.resp_ip):
        mac = flow.orig_mac if fetch.client_ip == flow.orig_ip else flow.resp_mac
    if not mac:
        return "", ""
    return (f"{mac} 6", f"{mac} 4") if ":" in fetch.client_ip else (f"{mac} 4", f"{mac} 6")


def _next_open(queue: deque[Fetch] | None, fetch: Fetch) -> Fetch | None:
    """Return the first redirect of a queue that nobody followed yet and that is not too old."""
    while queue:
        redirect = queue.popleft()
        if not redirect.followed and fetch.ts_ns - redirect.end_ns <= REDIRECT_WAIT_NS:
            return redirect
    return None
