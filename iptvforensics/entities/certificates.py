"""Certificates that a panel's installer brings along, to panels.

Rule `panel-default-certificate` (supporting): the server showed a certificate that is the same in every installation
of that software, private key included, so it names the software and nobody's server.

**Known limitations**: up to TLS 1.2 only, since later versions encrypt certificates; a certificate of the operator's
own says nothing of the software.
"""

from __future__ import annotations

from .model import Atoms, Place, TableReader
from .sites import Sites

_DEFAULTS = {
    "d21ce91a1b81ec094d23bbcf1696dd47eeeb42cae5f9741dc3c57b2e1e9e8e66": "XUI.one or a fork (installer's certificate)",
    "03f53b8c8a9a173b9aaefd1d6d40e2767204823b5f44c9147f5a420a1179b725": "Xtream fork (installer's certificate)",
}
"""SHA-256 of the certificate (DER), and the software that brings it."""


def add_default_certificates(reader: TableReader, panels: Atoms, sites: Sites) -> None:
    """Add panels that showed an installer's certificate."""
    if not reader.has("tls"):
        return
    known = ", ".join(f"'{digest}'" for digest in sorted(_DEFAULTS))
    rows = reader.select(
        "SELECT capture_id, lower(coalesce(server_name, server_ip)) AS name, server_ip, server_port, "  # noqa: S608
        "lower(cert_sha256), min(ts_ns), max(ts_ns), count(*), min(server_hello_frame), arg_min(flow_id, ts_ns) "
        f"FROM tls WHERE lower(cert_sha256) IN ({known}) GROUP BY ALL ORDER BY ALL"
    )
    for capture, host, ip, port, digest, first, last, count, frame, flow in rows:
        host, ip = sites.name(capture, host), sites.name(capture, ip)
        if host is None:
            continue
        atom, software = panels[host,], _DEFAULTS[digest]
        place = Place(capture, first, frame, flow, False)
        shows = f"{host} shows certificate {digest[:16]}: {software}"
        atom.seen("panel-default-certificate", "supporting", place, shows, last_ns=last, count=count)
        for name, value in (("hosts", host), ("ips", ip), ("ports", port), ("software", software)):
            atom.fact(name, value)
        atom.fact("contacted", True)
