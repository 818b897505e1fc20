"""The body of a form that is posted: handed on as any body is, and its beginning kept."""

from __future__ import annotations

from typing import Any

from ..protocol import ContentInfo
from ._http_body import Body, ChunkedBody, Runs

MAX_FORM_BYTES = 8 << 10


class _Kept(Body):
    """A form that is posted: its beginning is kept, since it says what the response answers."""

    def __init__(self, *of_body: Any) -> None:
        super().__init__(*of_body)
        self.kept = b""

    def _hand(self, piece: memoryview, offset: int, runs: Runs | None = None) -> None:
        self.kept += bytes(piece[: MAX_FORM_BYTES - len(self.kept)])
        super()._hand(piece, offset, runs)


class FormBody(_Kept):
    """A form of declared length, or until the stream ends."""


class ChunkedFormBody(_Kept, ChunkedBody):
    """A form in chunked transfer coding."""


def kind_of_body(info: ContentInfo) -> type[Body]:
    """Return the class of a body that a client sends, if it is not chunked."""
    return FormBody if _is_form(info) else Body


def kind_of_chunked_body(info: ContentInfo) -> type[ChunkedBody]:
    """Return the class of a chunked body that a client sends."""
    return ChunkedFormBody if _is_form(info) else ChunkedBody


def _is_form(info: ContentInfo) -> bool:
    return "form-urlencoded" in (info.media_type or "").lower()


def form_in(body: Body | None) -> bytes | None:
    """Return what was kept of the form that a request posts, None if it posts none."""
    return body.kept if isinstance(body, _Kept) else None
