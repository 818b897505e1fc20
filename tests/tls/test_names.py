import ssl

from iptvforensics.tls.names import SUITES, alert_name, suite_name, version_name


def test_every_suite_that_openssl_offers_has_a_name() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    numbers = {cipher["id"] & 0xFFFF for cipher in context.get_ciphers()}
    assert numbers <= set(SUITES)


def test_unknown_numbers_stay_visible() -> None:
    assert (version_name(0x0305), suite_name(0x9999), alert_name(3, 200)) == ("0x0305", "0x9999", "level 3 200")
