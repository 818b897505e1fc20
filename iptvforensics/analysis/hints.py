"""What an analysis gave -> lines for who asked for it: keys that opened nothing, libraries that are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..libraries import present
from .secrets import secrets_from

if TYPE_CHECKING:
    from ..store import Store
    from .options import Options, Summary

_NEEDS = {
    "HTTP_h2_needs_hpack": ("HTTP/2", "hpack", "http2"),
    "HTTP_h3_needs_qpack": ("HTTP/3", "pylsqpack", "http3"),
}
"""Anomalies that a library would have avoided: what was not read, the library, the extra that has it."""


def hints(summaries: Sequence[Summary], store: Store, options: Options) -> Iterator[str]:
    """Yield what the tables say as well, but should not be overlooked."""
    read = [summary for summary in summaries if summary.error is None]
    if options.keylogs and read and not any(summary.rows.get("decrypted") for summary in read):
        count = len(secrets_from(options.keylogs))
        yield f"nothing was opened: none of the {count} secrets given fits a connection of these captures"
    yield from _missing(read, store)


def _missing(read: Sequence[Summary], store: Store) -> Iterator[str]:
    """Yield which library would have read what keys have opened."""
    here = present()
    names = [name for name, (_, library, _) in _NEEDS.items() if library not in here]
    captures = {summary.capture_id for summary in read if summary.rows.get("anomalies")}
    if not names or not captures:
        return
    connection = store.connection(only=["anomalies"], threads=1)
    try:
        rows = connection.execute(
            "SELECT name, count(DISTINCT (capture_id, flow_id)) FROM anomalies "
            "WHERE list_contains(?, name) AND list_contains(?, capture_id) GROUP BY name ORDER BY name",
            [names, sorted(filter(None, captures))],
        ).fetchall()
    finally:
        connection.close()
    for name, flows in rows:
        what, library, extra = _NEEDS[name]
        yield (
            f"{what} in {flows} flows was not read, for {library} is missing: "
            f'install "iptvforensics[{extra}]" and analyse again'
        )
