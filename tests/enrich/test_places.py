"""Places of addresses by databases as their makers shape them, fresh and dated, and by files that are none."""

from __future__ import annotations

import time

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from iptvforensics.enrich.places import DAY_NS, Contact, place_rows, said_by
from iptvforensics.errors import CaseError


@pytest.fixture
def database(tmp_path):
    def make(records, version=6):
        writer = MMDBWriter(version, "Sample-Country-ASN", languages=["en"], ipv4_compatible=version == 6)
        for network, record in records.items():
            writer.insert_network(IPSet([network]), record)
        path = tmp_path / f"sample-{version}.mmdb"
        writer.to_db_file(str(path))
        return path

    return make


def now_ns() -> int:
    return int(time.time()) * 10**9


def contact(ip, days=0.0, lasting=0.0):
    first = now_ns() - int(days * DAY_NS)
    return Contact(ip, first, first + int(lasting * DAY_NS))


def test_place_and_system_of_an_address(database):
    path = database({"8.8.8.0/24": {"country": {"iso_code": "id"}, "autonomous_system_number": 64500,
                                    "autonomous_system_organization": "Falcon Net"}})  # fmt: skip
    (row,) = place_rows([contact("8.8.8.8")], path, "ab" * 32)
    assert row[:7] == ("8.8.8.8", "8.8.8.0/24", "ID", None, None, 64500, "Falcon Net")
    assert row[9] == "Sample-Country-ASN"
    assert row[12:] == (None, "sample-6.mmdb", "ab" * 32)


def test_addresses_that_are_nowhere_are_left_out(database):
    path = database({"8.8.8.0/24": {"country": {"iso_code": "ID"}}}, version=4)
    asked = ["192.168.1.1", "239.10.0.8", "fe80::1", "2606:4700::1", "192.0.2.1", "9.9.9.9"]
    assert [row[:3] for row in place_rows(map(contact, asked), path, "")] == [("9.9.9.9", None, None)]


@pytest.mark.parametrize(
    ("days", "lasting", "note"),
    [(0, 0, None), (29, 0, None), (29, 40, None), (41, 1, "built 40 days after the contact"),
     (-41, 1, "built 41 days before the contact")],
)  # fmt: skip
def test_a_file_from_another_time_is_noted(database, days, lasting, note):
    path = database({"8.8.8.0/24": {"country": {"iso_code": "ID"}}})
    (row,) = place_rows([contact("8.8.8.8", days, lasting)], path, "")
    assert row[12] == note
    assert abs(row[11]) == (pytest.approx(0.0, abs=0.1) if note is None and days != 29 else pytest.approx(
        {29: 29 if not lasting else 0, 41: 40, -41: 41}[days], abs=0.1))  # fmt: skip


def test_contact_without_a_time(database):
    path = database({"8.8.8.0/24": {"country": {"iso_code": "ID"}}})
    (row,) = place_rows([Contact("8.8.8.8", None, None)], path, "")
    assert row[11:13] == (None, None)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"country": "KR", "asn": "AS64501", "as_name": "Osprey"}, ("KR", None, None, 64501, "Osprey")),
        ({"country_code": "kr", "city": "Seoul"}, ("KR", None, "Seoul", None, None)),
        (
            {"registered_country": {"iso_code": "SG"}, "city": {"names": {"en": "Jakarta", "ko": "x"}}},
            (None, "SG", "Jakarta", None, None),
        ),
        ({"country": {"iso_code": 7}, "asn": True, "city": {"names": None}}, (None, None, None, None, None)),
        ({"country": "Korea", "asn": "many", "as_name": ""}, (None, None, None, None, None)),
        (None, (None, None, None, None, None)),
        (["KR"], (None, None, None, None, None)),
    ],
)
def test_records_of_other_makers(record, said):
    assert said_by(record) == said


@pytest.mark.parametrize("content", [b"", b"no database", b"\xab\xcd\xefMaxMind.com" + b"\xe1"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.mmdb"
    path.write_bytes(content)
    with pytest.raises(CaseError, match="expected a database"):
        list(place_rows([contact("8.8.8.8")], path, ""))


def test_damaged_database_is_refused(database):
    path = database({f"8.8.{n}.0/24": {"country": {"iso_code": "ID"}, "name": "x" * n} for n in range(40)})
    whole = bytearray(path.read_bytes())
    middle = whole.index(b"iso_code") - 30
    whole[middle : middle + 60] = b"\xff" * 60
    path.write_bytes(whole)
    with pytest.raises(CaseError, match="expected a database"):
        list(place_rows([contact(f"8.8.{n}.8") for n in range(40)], path, ""))
