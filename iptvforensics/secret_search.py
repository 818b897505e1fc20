"""Known secrets to where they stand in a text, in whatever spelling.

A text is read as it stands, and then up to three times with its escapes undone (percent-encoding, JSON, HTML or XML),
so that mixed and repeated spellings are found, too; a plus sign counts as a space. Words in base64 are decoded.
A secret is found as a whole: letters and digits that touch it on either side make it another word.

All secrets are looked up by their first run of letters and digits, so that the cost of a text does not depend on how
many secrets there are.

**Known limitations**: a secret that is glued to other letters or digits is not found, nor is one in an encoding of
another kind (UTF-16, encryption, base64 of binary data that holds it). Short words of letters only, or of digits only,
are not looked for within host names and other words with dots and hyphens: those would be hit by chance.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from functools import lru_cache
from html import unescape
from typing import NamedTuple

_RUN = re.compile(r"[^\W_]+")
_PLAIN_WORD = 8
_ESCAPE = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+|(?:\\x[0-9A-Fa-f]{2})+|(?:\\u[0-9A-Fa-f]{4})+|\\[\"/\\bfnrt]"
    r"|&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"
)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LEVELS = 3
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")
_PART_BEFORE = re.compile(r"[^\W_][-.]$")
_PART_AFTER = re.compile(r"-[^\W_]|\.(?!(?:m3u8?|ts|txt|xml|json|tv)\b)[^\W_]")


class Found(NamedTuple):
    """A piece of a text and what shall stand there instead."""

    start: int
    end: int
    instead: str


class _Secret(NamedTuple):
    lead: int
    """How many characters come before the first run of letters and digits."""
    text: str
    instead: str
    is_plain: bool


def plain_text(text: str) -> str:
    """Return a text with all its escapes undone: the one form of a secret that is written in many."""
    for _ in range(_LEVELS):
        if _ESCAPE.search(text) is None:
            break
        text = _undone(text, range(len(text) + 1))[0]
    return text.replace("+", " ")


class KnownSecrets:
    """Secrets, and what shall stand in their place."""

    def __init__(self) -> None:
        self._by_run: dict[str, list[_Secret]] = {}
        self._signs: dict[str, str] = {}
        self._known: set[str] = set()

    def __len__(self) -> int:
        return len(self._known)

    def add(self, secret: str, instead: str) -> None:
        """Note a secret, written in its one form (`plain_text`)."""
        if secret in self._known:
            return
        self._known.add(secret)
        run = _RUN.search(secret)
        if run is None:
            self._signs[secret] = instead
            return
        is_plain = run[0] == secret and len(secret) < _PLAIN_WORD and (secret.isalpha() or secret.isdigit())
        same = self._by_run.setdefault(run[0], [])
        same.append(_Secret(run.start(), secret, instead, is_plain))
        same.sort(key=lambda s: len(s.text), reverse=True)

    def find(self, text: str) -> Iterator[Found]:
        """Return where the secrets stand in a text; places may overlap."""
        if not self._known:
            return
        yield from self._words(text)
        view, places = text, None
        for _ in range(_LEVELS):
            yield from self._in(view, places)
            if _ESCAPE.search(view) is None:
                break
            view, places = _undone(view, range(len(text) + 1) if places is None else places)
        else:
            yield from self._in(view, places)

    def _in(self, view: str, places: range | list[int] | None) -> Iterator[Found]:
        """Return where secrets stand in one reading of a text, as places of the text itself."""
        view = view.replace("+", " ")
        for start, end, instead in self._whole(view):
            yield Found(start, end, instead) if places is None else Found(places[start], places[end], instead)

    def _whole(self, view: str) -> Iterator[Found]:
        get = self._by_run.get
        for run in _RUN.finditer(view):
            for secret in get(run[0], ()):
                start = run.start() - secret.lead
                end = start + len(secret.text)
                if start < 0 or not view.startswith(secret.text, start):
                    continue
                if secret.text[-1].isalnum() and view[end : end + 1].isalnum():
                    continue
                if secret.is_plain and (
                    _PART_BEFORE.search(view, max(0, start - 2), start) or _PART_AFTER.match(view, end)
                ):
                    continue
                yield Found(start, end, secret.instead)
                break
        for signs, instead in self._signs.items():
            at = view.find(signs)
            while at >= 0:
                yield Found(at, at + len(signs), instead)
                at = view.find(signs, at + len(signs))

    def _words(self, text: str) -> Iterator[Found]:
        """Return the words in base64 that hold a secret: each is replaced as a whole."""
        for word in _BASE64.finditer(text):
            at = word.start()
            parts = word[0].split("/")
            if len(parts) > 1 and self._coded(word[0]) is not None:
                yield Found(word.start(), word.end(), self._coded(word[0]) or "")
                continue
            for part in parts:
                instead = self._coded(part) if len(part) >= 6 else None
                if instead is not None:
                    yield Found(at, at + len(part), instead)
                at += len(part) + 1

    def _coded(self, word: str) -> str | None:
        """Return what stands for the first secret in a word in base64, or None."""
        decoded = _decoded(word)
        if decoded is None:
            return None
        view = plain_text(decoded)
        found = next(self._whole(decoded.replace("+", " ")), None) or next(self._whole(view), None)
        return found and found.instead


@lru_cache(1 << 15)
def _decoded(word: str) -> str | None:
    """Return the text of a word in base64 or base64url, or None if it holds none."""
    word = word.rstrip("=")
    if len(word) % 4 == 1:
        return None
    try:
        text = b64decode(word + "=" * (-len(word) % 4), altchars=b"-_" if "-" in word or "_" in word else None).decode()
    except ValueError:
        return None
    return text if all(c.isprintable() or c in "\r\n\t" for c in text) else None


def _undone(view: str, places: range | list[int]) -> tuple[str, list[int]]:
    """Return a text with one layer of escapes undone, and the place of each of its characters and of its end."""
    pieces: list[str] = []
    starts: list[int] = []
    at = 0
    for escape in _ESCAPE.finditer(view):
        pieces.append(view[at : escape.start()])
        starts += places[at : escape.start()]
        at = escape.end()
        for size, piece in _meant(escape[0]):
            pieces.append(piece)
            place = places[escape.start() + size]
            starts += [place] * len(piece)
    pieces.append(view[at:])
    starts += places[at:]
    return "".join(pieces), starts


def _meant(escape: str) -> Iterator[tuple[int, str]]:
    """Return the characters that an escape stands for, each with its place in the escape."""
    if escape[0] == "&":
        yield 0, unescape(escape)
    elif escape[0] == "%" or escape[1] in "xX":
        width = 3 if escape[0] == "%" else 4
        data = bytes(int(escape[at + width - 2 : at + width], 16) for at in range(0, len(escape), width))
        at = 0
        for char in _characters(data):
            yield at * width, char[0]
            at += char[1]
    elif escape[1] == "u":
        units = b"".join(int(escape[at + 2 : at + 6], 16).to_bytes(2, "big") for at in range(0, len(escape), 6))
        at = 0
        for letter in units.decode("utf-16-be", "surrogatepass"):
            yield at, letter
            at += 12 if ord(letter) > 0xFFFF else 6
    else:
        yield 0, _CONTROLS.get(escape[1], escape[1])


def _characters(data: bytes) -> Iterator[tuple[str, int]]:
    """Return the characters of bytes and their sizes: UTF-8, or Latin-1 where they are not."""
    try:
        for char in data.decode():
            yield char, len(char.encode())
    except UnicodeDecodeError:
        for value in data:
            yield chr(value), 1
