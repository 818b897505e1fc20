"""Messages to viewing sessions: one client, one stream, one span of time, across connections, hosts and redirects.

`drafts_of` reads the tables of one capture; `tables_of` names what was found, and gives the rows of `sessions` and
`evidence`.

**Known limitations**: a playlist that was fetched without any media, and media that were asked for but never
came, are no viewing and make no session; they stay in the tables of their protocols. Clients are told apart
by address: behind address translation all devices of a home are one client. Addresses of both IP versions are
one client's only by a link-layer address (`both_versions`).
"""

from __future__ import annotations

from .build import drafts_of
from .model import Draft, SessionTables, tables_of
from .records import TABLES_READ, TableReader

__all__ = ["TABLES_READ", "Draft", "SessionTables", "TableReader", "drafts_of", "tables_of"]
