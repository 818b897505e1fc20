"""Leases: which address DHCP gave to whom."""

from __future__ import annotations

import pytest

from iptvforensics.entities.leases import holders, read_leases

from .conftest import BOX, BOX_MAC, ONE

OTHER = "02:00:5e:00:01:21"


def leases(lab):
    return {client[1]: [(lease.how, lease.ip) for lease in found] for client, found in read_leases(lab.bench()).items()}


def say(lab, kind, mac=BOX_MAC, **values):
    lab.message("dhcp", message_type=kind, is_response=kind in ("OFFER", "ACK", "NAK"), client_mac=mac, xid=7, **values)


def test_what_the_server_gave_comes_before_what_was_asked_for(lab):
    say(lab, "REQUEST", requested_ip="192.168.1.99")
    say(lab, "ACK", offered_ip=BOX)
    assert leases(lab) == {BOX_MAC: [("was given", BOX)]}


def test_an_answer_to_who_has_an_address_already(lab):
    say(lab, "ACK", client_address=BOX)
    assert leases(lab) == {BOX_MAC: [("was given", BOX)]}


@pytest.mark.parametrize(
    ("values", "found"),
    [({"client_address": BOX}, ("has", BOX)), ({"requested_ip": BOX}, ("asks for", BOX))],
)
def test_without_an_answer_the_client_is_believed(lab, values, found):
    say(lab, "REQUEST", **values)
    assert leases(lab) == {BOX_MAC: [found]}


def test_offers_wishes_and_what_was_refused_are_no_leases(lab):
    say(lab, "DISCOVER", requested_ip=BOX)
    say(lab, "OFFER", offered_ip=BOX)
    say(lab, "REQUEST", requested_ip=BOX)
    say(lab, "NAK")
    assert leases(lab) == {}


def test_who_held_an_address(lab):
    say(lab, "ACK", offered_ip=BOX)
    say(lab, "ACK", OTHER, offered_ip=BOX)
    assert holders(read_leases(lab.bench())) == {(ONE, BOX): {BOX_MAC, OTHER}}


def test_without_messages_there_are_none(lab):
    assert read_leases(lab.bench()) == {}
