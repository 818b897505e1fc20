from __future__ import annotations

import pytest

from iptvforensics.tls.names import SUITES
from iptvforensics.tls.suites import Suite, suite_of


@pytest.mark.parametrize(("number", "suite"), [
    (0x1301, Suite("gcm", 16, "SHA256")),
    (0x1303, Suite("chacha", 32, "SHA256")),
    (0x1304, Suite("ccm", 16, "SHA256")),
    (0x1305, Suite("ccm", 16, "SHA256", 8)),
    (0xC030, Suite("gcm", 32, "SHA384")),
    (0xCCA8, Suite("chacha", 32, "SHA256")),
    (0x002F, Suite("cbc", 16, "SHA256", 0, "SHA1")),
    (0x003D, Suite("cbc", 32, "SHA256", 0, "SHA256")),
    (0xC028, Suite("cbc", 32, "SHA384", 0, "SHA384")),
    (0xC0A0, Suite("ccm", 16, "SHA256", 8)),
    (0x0005, None),
    (0x000A, None),
    (0x0041, None),
    (0x9999, None),
])  # fmt: skip
def test_protection_of_a_suite(number: int, suite: Suite | None) -> None:
    assert suite_of(number) == suite


def test_every_suite_of_aes_and_chacha_is_known() -> None:
    named = {number for number, name in SUITES.items() if "AES_" in name or "CHACHA20" in name}
    assert {number for number in SUITES if suite_of(number) is not None} == named
