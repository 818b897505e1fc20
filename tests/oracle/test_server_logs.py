"""Samples against the logs of their servers: names, relayed DHCPv6, reports of boxes, tokens, hellos that are cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import iptvforensics
from iptvforensics.case import Case

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"


def truth(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((SAMPLES / f"{name}.truth.json").read_text())
    return told


def rows(case: Case, sql: str) -> list[tuple[Any, ...]]:
    found = case.sql(sql).astype(object)
    return list(found.where(found.notna(), None).itertuples(index=False, name=None))


# --- names under encryption ---------------------------------------------------------------------------------

NAMES = "dns/encrypted-names"
RESOLVER = "198.51.100.66"


@pytest.fixture(scope="module")
def opened() -> Iterator[Case]:
    with iptvforensics.analyze(SAMPLES / f"{NAMES}.pcap", keylog=SAMPLES / f"{NAMES}.keys", workers=1) as case:
        yield case


@pytest.fixture(scope="module")
def closed() -> Iterator[Case]:
    with iptvforensics.analyze(SAMPLES / f"{NAMES}.pcap", workers=1) as case:
        yield case


def test_questions_over_https_and_tls_are_those_of_dig(opened: Case) -> None:
    ours = rows(
        opened,
        "select carried_as, query_name, query_type, rcode, answer_names, answer_types, answer_ttls_s, answer_values"
        f" from dns where is_response and server_ip = '{RESOLVER}' order by frame_no",
    )
    theirs = [
        (row["over"], row["name"], row["type"], row["rcode"], [tuple(answer) for answer in row["answers"]])
        for row in truth(NAMES)["asked"]
        if row["in_key_log"]
    ]
    parts = [
        (*row[:4], [] if row[4] is None else list(zip(row[4], row[6], row[5], row[7], strict=True))) for row in ours
    ]
    assert parts[: len(theirs)] == theirs
    assert [row[:3] for row in parts[len(theirs) :]] == [("doh", "portal.heron-tv.example", "A")]  # curl's own


def test_every_answer_in_the_log_of_the_resolver_is_a_row_or_stays_closed(opened: Case) -> None:
    logged = [line.split() for line in truth(NAMES)["unbound"] if line.startswith("reply: ")]
    ours = rows(
        opened,
        "select query_name || '.', query_type, rcode, message_bytes from dns"
        f" where is_response and server_ip = '{RESOLVER}' order by frame_no",
    )
    assert ours == [(w[2], w[3], w[5], int(w[8])) for w in logged if not w[2].startswith("closed.")]
    closed = rows(opened, f"select count(*) from anomalies a join tls t using (capture_id, flow_id)"
                          f" where a.name = 'TLS_dns_not_seen' and t.server_ip = '{RESOLVER}'")  # fmt: skip
    assert closed == [(len(logged) - len(ours),)]


def test_messages_over_quic_are_those_of_the_server(opened: Case) -> None:
    sizes = [len(row[part]) // 2 for row in truth(NAMES)["doq"] for part in ("query", "reply")]
    ours = rows(opened, "select message_bytes from dns where carried_as = 'doq'")
    assert sorted(size for (size,) in ours) == sorted(sizes)


def test_a_name_that_was_asked_for_over_https_alone_is_the_contacts_name(opened: Case, closed: Case) -> None:
    told = truth(NAMES)["asked_by_doh"]
    sql = f"select dns_names, name_gap from contacts where server_ip = '{told['server_ip']}'"
    ((names, gap),) = rows(opened, sql)
    assert (list(names), gap) == ([told["name"]], None)
    ((names, gap),) = rows(closed, sql)
    assert list(names) == []
    assert "under encryption" in gap


def test_without_keys_no_name_is_read_and_each_resolver_is_told(closed: Case) -> None:
    assert rows(closed, "select distinct carried_as from dns") == [("udp",)]
    told = rows(closed, "select name, count(*) from anomalies where name like '%dns_not_seen' group by name order by 1")
    assert told == [("QUIC_dns_not_seen", 1), ("TLS_dns_not_seen", 3)]


# --- names that a television announces ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def announced() -> Iterator[Case]:
    with iptvforensics.analyze(SAMPLES / "dns/announced.pcap", workers=1) as case:
        yield case


def test_a_television_that_asks_nobody_is_a_device_by_its_own_words(announced: Case) -> None:
    told = truth("dns/announced")["device"]
    said = dict(text.split("=", 1) for service in told["services"] for text in service["txt"])
    found = rows(
        announced,
        "select ips, macs, claimed_macs, model, serial, host_names, kind from devices"
        f" where list_contains(ips, '{told['ips'][0]}')",
    )
    ((ips, macs, claimed, model, serial, names, kind),) = found
    assert (list(ips), list(macs), list(claimed)) == (told["ips"], [told["mac"]], [said["deviceid"].lower()])
    assert (set(model.split("; ")), serial, kind) == ({said["md"], said["model"]}, said["serialNumber"], None)
    assert set(names) == {told["host_name"], said["fn"], told["services"][1]["name"]}


# --- DHCPv6 behind a relay ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def leases() -> Iterator[Case]:
    with iptvforensics.analyze(SAMPLES / "dhcp/relayed-v6.pcap", workers=1) as case:
        yield case


def test_relayed_messages_are_those_of_the_servers_log(leases: Case) -> None:
    theirs = [
        (int(line.split()[0]), line.split("DHCP")[1].split("(")[0])
        for line in truth("dhcp/relayed-v6")["dhcp_log"]
        if "(eth0)" in line
    ]
    ours = rows(leases, "select xid, message_type from dhcp6 order by frame_no")
    assert ours[-1] == (theirs[-1][0], "REPLY")  # to the RELEASE: the server does not log it
    assert ours[:-1] == theirs


def test_relayed_clients_say_what_they_were_told_to(leases: Case) -> None:
    told = truth("dhcp/relayed-v6")
    ours = rows(
        leases,
        "select distinct relayed_mac, fqdn, vendor_class, user_class, client_duid_mac from dhcp6"
        " where not is_response order by 1",
    )
    assert [row[:4] for row in ours] == [
        (client["mac"], client["fqdn"], client.get("vendor_class"), client.get("user_class"))
        for client in told["clients"]
    ]
    assert [row[4] for row in ours] == [client["mac"] for client in told["clients"]]
    ((data,),) = rows(leases, "select distinct list_sort(vendor_options) from dhcp6 where vendor_options is not null")
    assert list(data) == [f"4491.{code}={value}" for code, value in sorted(told["vendor_data"].items())]


def test_relayed_clients_are_devices_by_their_own_words(leases: Case) -> None:
    found = rows(leases, "select claimed_macs, host_names, macs, strength from devices order by claimed_macs")
    clients = truth("dhcp/relayed-v6")["clients"]
    assert [(list(macs), list(names), list(seen), strength) for macs, names, seen, strength in found] == [
        ([client["mac"]], [client["fqdn"]], [], "supporting") for client in clients
    ]


# --- what boxes post ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reports() -> Iterator[Case]:
    with iptvforensics.analyze(SAMPLES / "panels/box-reports.pcap", workers=1) as case:
        yield case


def test_reports_are_those_that_the_server_logged_of_one_device(reports: Case) -> None:
    told = truth("panels/box-reports")
    (device,) = told["devices"]
    posted = [f"http://{row['host']}{row['target']}" for row in told["posted"]]
    found = rows(
        reports, "select body_url, claimed_macs, serial, model, firmware, device_id_sent from device_reports"
                 " order by frame_no"
    )  # fmt: skip
    assert [row[0] for row in found] == posted[:3]  # then XML and a list of two devices
    macs = [mac.lower() for mac in device["macs"]]
    assert [list(row[1]) if row[1] is not None else None for row in found] == [macs, macs[:1], None]
    assert {row[3] for row in found} == {device["model"]}
    assert [row[2] for row in found] == [device["serial"], device["serial"], None]
    assert [row[4] for row in found[:2]] == [device["firmware"]] * 2
    assert [row[5] for row in found] == [device["identifier"], None, device["identifier"]]


def test_the_box_has_its_claims_and_the_telephone_none(reports: Case) -> None:
    (device,) = truth("panels/box-reports")["devices"]
    found = rows(reports, "select ips[1], claimed_macs, serial, model from devices order by 1")
    assert [(ip, list(macs), serial, model) for ip, macs, serial, model in found] == [
        (device["client_ip"], [mac.lower() for mac in device["macs"]], device["serial"], device["model"]),
        ("192.168.1.69", [], None, None),
    ]


def test_panels_that_answers_and_pages_name_are_leads(reports: Case) -> None:
    named = truth("panels/box-reports")["named"]
    assert {url for (url,) in rows(reports, "select url from named_urls")} == set(named)
    assert rows(reports, "select username, used, strength from lines") == [("siskin31", False, "lead")]
    assert rows(reports, "select host, contacted, strength from panels") == [("tv.siskin-box.example", False, "lead")]


# --- tokens under one secret --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokens() -> Iterator[Case]:
    with iptvforensics.analyze(SAMPLES / "panels/same-tokens.pcap", workers=1) as case:
        yield case


def test_panels_with_one_secret_are_linked_and_no_others(tokens: Case) -> None:
    found = rows(
        tokens,
        "select a.host, b.host from links k join panels a on k.source = a.panel_id"
        " join panels b on k.target = b.panel_id where k.kind = 'same-tokens'",
    )
    assert [sorted(pair) for pair in found] == truth("panels/same-tokens")["shared_secret"]


def test_an_edge_whose_redirect_was_not_recorded_has_its_panel(tokens: Case) -> None:
    told = truth("panels/same-tokens")
    found = rows(
        tokens,
        "select s.host, p.host, contains(s.rule, 'token-block') from servers s join panels p using (panel_id)"
        " where s.role = 'edge'",
    )
    assert {edge: panel for edge, panel, _ in found} == told["edges"]
    assert [edge for edge, _, by_token in found if by_token] == [told["asked_before"].split("/")[2].split(":")[0]]


# --- hellos that are cut ------------------------------------------------------------------------------------


def test_hellos_cut_by_a_snap_length_say_what_stands_before_the_cut() -> None:
    name = truth("tls/https-vod")["certificate"]["names"]
    with iptvforensics.analyze(SAMPLES / "damaged/tls-snaplen.pcap", workers=1) as case:
        hellos = rows(case, "select server_name, client_hello_whole, ja4 from tls where client_hello_frame > 0")
        told = rows(case, "select name, count(*) from anomalies where name like 'TLS_%' group by name order by name")
    assert hellos == [(*name, False, None)]  # its list of ciphers is short; of the others the name is beyond the cut
    counts = dict(told)
    assert counts["TLS_hello_incomplete"] == counts["TLS_not_opened"] == 8
    assert "TLS_bad_message" not in counts
