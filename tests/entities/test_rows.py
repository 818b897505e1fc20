"""Rows of entities: what columns show of what was found."""

from __future__ import annotations

from iptvforensics.entities.model import Atom, Entity
from iptvforensics.entities.rows import panel_row, server_row
from iptvforensics.entity_tables import PANELS, SERVERS

from .conftest import ONE


def entity(*key, **facts):
    atom = Atom(key)
    for name, values in facts.items():
        for value in values:
            atom.fact(name, value)
    return Entity("x-1", [atom])


def test_hosts_and_addresses_of_one_capture_are_shown_plain():
    found = entity(f"192.168.1.50%{ONE}", hosts=[f"192.168.1.50%{ONE}"], ips=[f"192.168.1.50%{ONE}"])
    row = dict(zip(PANELS.column_names, panel_row(found, {"x-1": (3, 4)}), strict=True))
    assert (row["host"], row["hosts"], row["ips"]) == ("192.168.1.50", ["192.168.1.50"], ["192.168.1.50"])
    assert (row["channels"], row["titles"]) == (3, 4)


def test_a_server_by_address_alone_has_no_host():
    found = entity("host", f"192.168.1.50%{ONE}", hosts=[f"192.168.1.50%{ONE}"], roles=["media"], why=["because"])
    row = dict(zip(SERVERS.column_names, server_row(found, "edge"), strict=True))
    assert (row["host"], row["domain"], row["role"], row["why"]) == (None, None, "edge", "because")
