"""The body of a form that is posted: handed on as any body is, and its beginning kept."""

from __future__ import annotations

from ..protocol import ContentInfo, Event
from ._http_body import Body, Note, Runs

MAX_FORM_BYTES = 8 << 10


class FormBody(Body):
    """A form that is posted: its beginning is kept, since it says what the response answers."""

    __slots__ = ("kept",)

    def __init__(
        self, key: int, from_orig: bool, info: ContentInfo, length: int | None, events: list[Event], note: Note
    ) -> None:
        super().__init__(key, from_orig, info, length, events, note)
        self.kept = b""

    def _hand(self, piece: memoryview, offset: int, runs: Runs | None = None) -> None:
        self.kept += bytes(piece[: MAX_FORM_BYTES - len(self.kept)])
        super()._hand(piece, offset, runs)


def kind_of_body(info: ContentInfo) -> type[Body]:
    """Return the class of a body that a client sends."""
    return FormBody if "form-urlencoded" in (info.media_type or "").lower() else Body


def form_in(body: Body | None) -> bytes | None:
    """Return what was kept of the form that a request posts, None if it posts none."""
    return body.kept if isinstance(body, FormBody) else None
