"""Both hellos and the secrets of the examiner -> the ciphers of both directions."""

from __future__ import annotations

from typing import NamedTuple

from ..tls import keylog
from ..tls.hello import ENCRYPT_THEN_MAC, ClientHello, ServerHello
from ..tls.keylog import Secret, Secrets
from ..tls.names import suite_name, version_name
from ..tls.protection import TLS10, TLS12, Opener13, openers
from ..tls.suites import Suite, suite_of
from ._tls_ciphers import Cipher, Phase

NOT_GIVEN = "what follows is encrypted, and no secret for it was given"


class Ciphers(NamedTuple):
    """What opens the records of client and server, or why nothing does."""

    client: Cipher | None = None
    server: Cipher | None = None
    master: Secret | None = None
    """Up to TLS 1.2: the secret of the session."""
    why_not: str = NOT_GIVEN


def may_open(client: ClientHello, secrets: Secrets) -> bool:
    """Return True if there may be secrets for the connection that a hello begins."""
    return secrets.knows(client.random) or _resumed(client, secrets) is not None


def make_ciphers(client: ClientHello, server: ServerHello, secrets: Secrets) -> Ciphers:
    """Return the ciphers of a connection."""
    suite = suite_of(server.suite)
    if not may_open(client, secrets):
        return Ciphers()
    if suite is None or server.version < TLS10:
        name = f"{version_name(server.version)}, {suite_name(server.suite)}"
        return Ciphers(why_not=f"what follows is encrypted in a way that is not opened here: {name}")
    if server.version > TLS12:
        return _tls13(client, suite, secrets)
    masters = secrets.find_all(keylog.MASTER, client.random)
    if not masters and client.session_id and client.session_id == server.session_id:
        masters = [master for master in (_resumed(client, secrets),) if master is not None]
    if not masters:
        return Ciphers()
    mac_last = server.extension(ENCRYPT_THEN_MAC) is not None
    randoms = client.random, server.random
    made = [openers(suite, m.value, randoms, version=server.version, mac_last=mac_last) for m in masters]
    both = [_choice([Phase(m, each[i]) for m, each in zip(masters, made, strict=True)]) for i in (0, 1)]
    return Ciphers(Cipher([both[0]]), Cipher([both[1]]), masters[0])


def _resumed(client: ClientHello, secrets: Secrets) -> Secret | None:
    """Return the master secret of the session that a client wants to resume, if that session was seen."""
    return secrets.resumed(client.ticket or b"") or secrets.resumed(client.session_id)


def _tls13(client: ClientHello, suite: Suite, secrets: Secrets) -> Ciphers:
    def cipher(handshake: str, traffic: str, early: str = "") -> Cipher | None:
        phases = [phase for phase in (_phase(label, suite, client, secrets) for label in (handshake, traffic)) if phase]
        if not phases:
            return None
        has_handshake = phases[0].secret.label == handshake
        first = _phase(early, suite, client, secrets) if early else None
        return Cipher(phases, first, has_handshake=has_handshake)

    return Ciphers(
        cipher(keylog.CLIENT_HANDSHAKE, keylog.CLIENT_TRAFFIC, keylog.CLIENT_EARLY),
        cipher(keylog.SERVER_HANDSHAKE, keylog.SERVER_TRAFFIC),
    )


def _phase(label: str, suite: Suite, client: ClientHello, secrets: Secrets) -> Phase | None:
    found = [Phase(secret, Opener13(suite, secret.value)) for secret in secrets.find_all(label, client.random)]
    return _choice(found) if found else None


def _choice(phases: list[Phase]) -> Phase:
    """Return the first of phases that differ in their secret, with the others to be tried."""
    phases[0].others = phases[1:]
    return phases[0]
