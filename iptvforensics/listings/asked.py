"""What was asked for, as the carrier of a body says."""

from __future__ import annotations

from ..protocol import ContentInfo


def host_of(info: ContentInfo) -> str | None:
    """Return the host that was asked, as the carrier says."""
    host = info.extra.get("host")
    return host if isinstance(host, str) else None
