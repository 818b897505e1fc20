"""What routers log."""

from .network import TOLD, _translation, json_lines

LINE = ("[1795613115.614633\t]    [NEW] tcp      6 120 SYN_SENT src=192.168.1.33 dst=203.0.113.9 sport=38814 dport=80 "
        "[UNREPLIED] src=203.0.113.9 dst=198.51.100.21 sport=80 dport=4512")  # fmt: skip


def test_a_connection_is_told_from_inside_and_outside():
    found = _translation(LINE)
    assert (found.start, found.protocol) == (1795613115.614633, "tcp")
    assert found.inner == ("192.168.1.33", 38814)
    assert found.outer == ("198.51.100.21", 4512)
    assert found.server == ("203.0.113.9", 80)


def test_other_lines_are_passed():
    assert _translation("conntrack v1.4.7 (conntrack-tools): 3 flow events have been shown.") is None
    assert _translation(LINE.replace("tcp", "icmp")) is None


def test_what_a_router_told_to_whom():
    line = "Nov 26 05:09:59 dnsmasq[41]: 12 {} reply e1.example is {}"
    for client, ip in (("192.168.1.21", "203.0.113.10"), ("2001:db8:1::5", "2001:db8:ffff::e1")):
        assert TOLD.search(line.format(f"{client}/4711", ip)).groups() == (client, "e1.example", ip)
    assert TOLD.search(line.format("192.168.1.21/4711", "NODATA-IPv6")) is None


def test_a_line_that_was_not_finished_is_left_out(tmp_path):
    (tmp_path / "a").write_text('{"a": 1}\n{"a": 2')
    assert json_lines(tmp_path / "a") == [{"a": 1}]
    assert json_lines(tmp_path / "none") == []
