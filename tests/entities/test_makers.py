"""Link-layer addresses and who holds their block."""

from __future__ import annotations

import pytest

from iptvforensics.entities.makers import maker_of


@pytest.mark.parametrize(
    ("mac", "maker"),
    [
        ("00:1a:79:4c:20:11", "Telecommunication Technologies (MAG)"),
        ("02:00:5e:00:00:01", "set locally, no maker"),
        ("f0:00:00:00:00:01", None),
        ("zz", None),
        ("", None),
    ],
)
def test_maker(mac, maker):
    assert maker_of(mac) == maker
