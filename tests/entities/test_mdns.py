"""Answers of multicast DNS: what their senders say of themselves."""

from __future__ import annotations

from time import process_time

import pytest

from iptvforensics.entities.mdns import read_answer

BOX = "192.168.1.30"
HOST = "mibox.local A 120 192.168.1.30"
CAST = "MIBOX4-0a1b._googlecast._tcp.local"


def said(*records, sender=BOX):
    return read_answer(sender, records)


def test_a_name_with_the_senders_address_is_its_host_name():
    assert said(HOST, "other.local A 120 192.168.1.31") == (("host_names", "mibox"),)
    assert said("mibox.local AAAA 120 fe80::1", sender="fe80::1") == (("host_names", "mibox"),)


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([f'{CAST} TXT 4500 "id=0a1b" "md=MIBOX4" "fn=Living room"'],
         {("models", "MIBOX4"), ("host_names", "Living room")}),
        (['K\\195\\188che._androidtvremote2._tcp.local TXT 4500 "bt=02:00:5E:00:00:01"'], {("host_names", "Küche")}),
        (["_androidtvremote2._tcp.local PTR 4500 Den\\032TV._androidtvremote2._tcp.local"], {("host_names", "Den TV")}),
        (['TV._airplay._tcp.local TXT 4500 "deviceid=02:00:5E:00:00:30" "model=Tele6,2" "serialNumber=S1"'],
         {("host_names", "TV"), ("claimed_macs", "02:00:5E:00:00:30"), ("models", "Tele6,2"), ("serials", "S1")}),
        (["adb-12345678-aBcDeF._adb-tls-connect._tcp.local SRV 120 0 0 37000 Android.local"],
         {("serials", "12345678")}),
        (['x._printer._tcp.local TXT 4500 "model=Ink"'], set()),
        ([f'{CAST} TXT 0 "md=MIBOX4"'], set()),
        (["sleeper.local A 120 192.168.1.99", f'{CAST} TXT 4500 "md=MIBOX4"'], set()),
        (["nonsense", "a TXT x y", ""], set()),
    ],
    ids=["cast", "remote", "pointer", "airplay", "debug bridge", "printer", "goodbye", "of another host", "broken"],
)  # fmt: skip
def test_what_services_say(records, found):
    assert set(said(*records)) == found


def test_hostile_records_are_bounded():
    assert len(said(*[f"h{n}.local A 120 {BOX}" for n in range(1000)])) == 200
    [(_, value)] = said(f'{CAST} TXT 4500 "fn={"x" * 5000}"')
    assert len(value) == 200
    said("\\" * 5000 + ' A 1 "' + '"' * 5000)


def test_a_text_without_an_end_is_read_once():
    begun = process_time()
    record = f'{CAST} TXT 4500 "md=MIBOX4" "fn=' + '\\"' * 30_000 + "\\"
    assert ("models", "MIBOX4") in said(record)
    assert process_time() - begun < 0.5
