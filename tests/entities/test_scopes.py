"""Whom a host name or address names."""

from __future__ import annotations

import pytest

from iptvforensics.entities.scopes import scope_of


@pytest.mark.parametrize(
    "host", ["tv.example", "198.51.100.7", "2001:db8::1", "TV.Example.", "a.b.example", "203.0.113.9"]
)
def test_names_and_addresses_that_everybody_resolves(host):
    assert scope_of(host) == "public"


@pytest.mark.parametrize(
    "host",
    ["192.168.1.50", "10.1.2.3", "172.31.0.1", "169.254.3.4", "100.64.0.1", "fd00::1", "fe80::1%eth0",
     "::ffff:10.0.0.1", "panel", "box.local", "tv.lan", "nas.home.arpa", "[fd00::1]"],
)  # fmt: skip
def test_names_and_addresses_of_one_network(host):
    assert scope_of(host) == "local"


@pytest.mark.parametrize(
    "host",
    [None, "", "_", "localhost", "LOCALHOST.", "localhost.localdomain", "127.0.0.1", "::1", "::", "0.0.0.0",
     "240.0.0.1", "224.0.0.1", "255.255.255.255", "::ffff:127.0.0.1", "example.com", "www.example.org",
     "your-domain.com", "*.tv.example", "127.1", "a..example"],
)  # fmt: skip
def test_what_names_nobody(host):
    assert scope_of(host) == "nobody"
