"""Vectors of RFC 9001 appendix A.1."""

from iptvforensics.tls.hkdf import expand_label, extract

SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")


def test_secrets_and_keys_of_the_rfc() -> None:
    common = extract("SHA256", SALT, bytes.fromhex("8394c8f03e515708"))
    assert common.hex() == "7db5df06e7a69e432496adedb00851923595221596ae2ae9fb8115c1e9ed0a44"
    client = expand_label("SHA256", common, "client in", 32)
    assert client.hex() == "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea"
    assert expand_label("SHA256", client, "quic key", 16).hex() == "1f369613dd76d5467730efcbe3b1a22d"
    assert expand_label("SHA256", client, "quic iv", 12).hex() == "fa044b2f42a3fd3b46fb255c"
