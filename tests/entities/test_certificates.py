"""Certificates of installers."""

from __future__ import annotations

import pytest

DEFAULT = "D21CE91A1B81EC094D23BBCF1696DD47EEEB42CAE5F9741DC3C57B2E1E9E8E66"


@pytest.mark.parametrize("name", ["Panel.example", None])
def test_a_default_certificate_hints_at_a_panel(lab, name):
    lab.flow()
    lab.message("tls", cert_sha256=DEFAULT, server_name=name, server_port=443, server_hello_frame=12)
    [panel] = lab.build()["panels"]
    assert (panel["host"], panel["strength"], panel["ports"]) == (
        name.lower() if name else "198.51.100.7", "supporting", [443],
    )  # fmt: skip
    assert panel["rule"] == "panel-default-certificate"
    assert "XUI.one" in panel["software"]


def test_other_certificates_say_nothing(lab):
    lab.flow()
    lab.message("tls", cert_sha256="ab" * 32, server_name="shop.example")
    assert lab.build()["panels"] == []
