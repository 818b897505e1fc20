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
        ("tv.xn--falcn-kua.xn--55qx5d.cn", "xn--falcn-kua.xn--55qx5d.cn"),
        ("A.TV.XN--55QX5D.CN.", "tv.xn--55qx5d.cn"),
        ("xn--55qx5d.cn", None),
        ("a.tv.\u516c\u53f8.cn", "tv.\u516c\u53f8.cn"),
        ("a\u3002tv\uff0e\u516c\u53f8\uff61cn", "tv.\u516c\u53f8.cn"),
        ("tv.xn--.xn--zzzz-\u00e9.example", "xn--zzzz-\u00e9.example"),
        ("a.xn--99999999999999.example", "xn--99999999999999.example"),
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
    unicode_rules = [
        "\u516c\u53f8.cn",
        "\u500b\u4eba.hk",
        "\u0440\u0444",
        "\u043e\u0440\u0433.\u0441\u0440\u0431",
        "s\u00f8r-varanger.no",
    ]
    rules += [rule.encode("idna").decode() for rule in unicode_rules]
    for rule in rules:
        for host in (f"b.{rule}", f"a.b.{rule}", f"z.a.b.{rule}"):
            assert domain_of(host) == whole.privatesuffix(host), host
