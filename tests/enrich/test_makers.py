"""Holders of blocks by listings of IEEE, and files that are none."""

from __future__ import annotations

import pytest

from iptvforensics.enrich.makers import Registry
from iptvforensics.errors import CaseError

LISTING = """Registry,Assignment,Organization Name,Organization Address
MA-L,001A79,"FALCON TELECOM, LTD.",Somewhere 1
MA-L,70B3D5,IEEE Registration Authority,Piscataway
MA-S,70B3D5123,Osprey Boxes,Somewhere 2
MA-M,70B3D54,Kestrel,Somewhere 3
MA-L,XY,broken,
MA-L,001A79,Later,Somewhere 4
"""


@pytest.fixture
def registry(tmp_path):
    path = tmp_path / "oui.csv"
    path.write_text("\ufeff" + LISTING, encoding="utf-8")
    return Registry(path)


def test_the_smallest_block_counts(registry):
    assert registry.find("00:1a:79:00:00:01") == ("001a79", "MA-L", "FALCON TELECOM, LTD.")
    assert registry.find("70-B3-D5-12-3F-FF") == ("70b3d5123", "MA-S", "Osprey Boxes")
    assert registry.find("70:b3:d5:4f:00:00") == ("70b3d54", "MA-M", "Kestrel")
    assert registry.find("70:b3:d5:ff:00:00") == ("70b3d5", "MA-L", "IEEE Registration Authority")
    assert registry.find("10:00:00:00:00:00") is None


def test_rows_say_what_names_no_maker(registry):
    rows = list(registry.rows(["00:1a:79:00:00:01", "02:00:5e:00:00:01", "01:00:5e:00:00:fb"], "ab"))
    assert rows == [
        ("00:1a:79:00:00:01", "001a79", "MA-L", "FALCON TELECOM, LTD.", None, "oui.csv", "ab"),
        ("02:00:5e:00:00:01", None, None, None, "set locally: names no maker", "oui.csv", "ab"),
    ]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\0\0\0"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.csv"
    path.write_bytes(content)
    with pytest.raises(CaseError, match=r"other\.csv"):
        Registry(path)
