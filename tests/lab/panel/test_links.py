"""An edge accepts the addresses that the portal made for this client, and no others."""

import pytest

from . import links

NOW = 1_700_000_000.0


@pytest.mark.parametrize("kind", links.KINDS)
def test_an_address_is_good_for_its_client_and_time(kind):
    path, _, query = links.make(kind, "secret", 101, "mpegts", "192.0.2.7", NOW).partition("?")
    assert links.check("secret", path, query, "192.0.2.7", NOW + 20) == (101, "mpegts")
    assert links.check("secret", path, query, "192.0.2.8", NOW) is None
    assert links.check("other", path, query, "192.0.2.7", NOW) is None
    assert links.check("secret", path.replace("101", "102"), query.replace("101", "102"), "192.0.2.7", NOW) is None
    if kind != "wowza":  # has no end
        assert links.check("secret", path, query, "192.0.2.7", NOW + links.SECONDS + 60) is None


@pytest.mark.parametrize(
    ("path", "query"),
    [("/ch", ""), ("/ch/x/mpegts", ""), ("/ch/1/mpegts", ""), ("/ch/1/mpegts", "st=a&e=b"),
     ("/ch/1/mpegts", "token=--"), ("/ch/1/mpegts", "wmsAuthSign=%%"), ("/ch/1/mpegts", "wmsAuthSign=YWJj"),
      ("/ch/ff", "id=1&f=x")],
)  # fmt: skip
def test_what_is_no_such_address_is_refused(path, query):
    assert links.check("secret", path, query, "192.0.2.7", NOW) is None
