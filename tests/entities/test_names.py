"""Registrable domains, by the list that is installed."""

from __future__ import annotations

import pytest
from publicsuffixlist import PublicSuffixList

from iptvforensics.entities.names import domain_of


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("edge7.falcon-tv.example", "falcon-tv.example"),
        ("A.B.Falcon.CO.UK.", "falcon.co.uk"),
        ("falcon.co.kr", "falcon.co.kr"),
        ("co.kr", None),
        ("example", None),
        ("203.0.113.7", None),
        ("2001:db8::7", None),
        ("", None),
        (None, None),
        ("a..example", None),
    ],
)
def test_domain(host, domain):
    assert domain_of(host) == domain


def test_it_agrees_with_a_reading_of_the_whole_list():
    whole = PublicSuffixList()
    rules = [
        "com", "co.uk", "co.id", "net.id", "city.kawasaki.jp", "x.kawasaki.jp", "ck", "www.ck", "y.ck",
        "github.io", "tv", "xyz", "ac.jp", "compute.amazonaws.com", "eu-west-1.compute.amazonaws.com", "ddns.net",
    ]  # fmt: skip
    for rule in rules:
        for host in (f"b.{rule}", f"a.b.{rule}", f"z.a.b.{rule}"):
            assert domain_of(host) == whole.privatesuffix(host), host
