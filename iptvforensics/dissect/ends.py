"""Addresses and ports of a flow, as parsers and rows want them."""

from __future__ import annotations

from collections.abc import Sequence

from ..packets import address_text

Endpoints = tuple[str, int, str, int]
"""Client address, client port, server address, server port."""


class FlowEnds:
    """The two ends of a flow; the text of addresses is made when a row first asks for it."""

    __slots__ = ("_from_orig", "_from_resp", "_numbers", "ports")

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers  # see `DirectionPieces.ends`
        self._from_orig: Endpoints | None = None
        self._from_resp: Endpoints | None = None
        self.ports: tuple[int, int] = (numbers[4], numbers[5])
        """Of the originator and the responder."""

    def endpoints(self, client_is_orig: bool) -> Endpoints:
        """Return client address, client port, server address, server port."""
        known = self._from_orig if client_is_orig else self._from_resp
        return known or self._texts(client_is_orig)

    def _texts(self, client_is_orig: bool) -> Endpoints:
        orig_hi, orig_lo, resp_hi, resp_lo, orig_port, resp_port = self._numbers
        orig, resp = address_text(orig_hi, orig_lo), address_text(resp_hi, resp_lo)
        self._numbers = ()  # not needed again, and flows are many
        self._from_orig = orig, orig_port, resp, resp_port
        self._from_resp = resp, resp_port, orig, orig_port
        return self._from_orig if client_is_orig else self._from_resp
