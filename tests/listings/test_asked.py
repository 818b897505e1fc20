"""What a carrier says of the exchange."""

from __future__ import annotations

from iptvforensics.listings.asked import host_of
from iptvforensics.protocol import ContentInfo


def test_host_is_that_which_was_asked() -> None:
    assert host_of(ContentInfo(extra={"host": "tv.example:8080"})) == "tv.example:8080"
    assert host_of(ContentInfo()) is None
    assert host_of(ContentInfo(extra={"host": 7})) is None
