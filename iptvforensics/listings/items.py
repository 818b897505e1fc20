r"""JSON that arrives in pieces to its items: a list of 100,000 things is never held as a whole.

RFC 8259, read as the services' clients read it: control characters in strings, NaN, a byte order mark, bytes that
are no UTF-8 (they show as `\xNN`) and doubled names are accepted. Containers that the caller names are walked, every
other value is decoded as one item.

**Known limitations**: an item over 1 MiB is skipped. After a gap or damage, reading goes on where an object begins
with the same name as the first one of its list.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from itertools import accumulate
from json.scanner import make_scanner
from typing import Any, NamedTuple

from .scrub import is_whole_text, scrubbed

MAX_ITEM_CHARS = 1 << 20
MAX_DEPTH = 16
"""Containers that are walked, one in another."""
MAX_LOSSES = 1000
"""How often the next item is looked for after damage in one body."""
STEP_BYTES = 16 << 10
"""So much is collected before it is read: tiny pieces would be tried again and again."""
MARK_CHARS = 256 << 10

Path = tuple[str, ...]
"""Names that lead to a container; `#` stands for the place in a list."""

_SPACE = re.compile(r"[ \t\r\n\0]*")
_COMMA = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")
_NEXT_NAME = re.compile(r'[ \t\r\n]*,[ \t\r\n]*"([^"\\\ud800-\udfff]*)"[ \t\r\n]*:[ \t\r\n]*')
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_scan: Callable[[str, int], tuple[Any, int]] = make_scanner(json.JSONDecoder(strict=False))  # type: ignore[arg-type]

VALUE, KEY, COLON, COMMA, DONE = range(5)
_BORDER = "},{"
_WIDE_BORDER = re.compile(r"\}[ \t\r\n]+,|\},[ \t\r\n]+\{")
_DIGITS = re.compile(r"[0-9.eE+-]*\Z")
MAX_NUMBER_CHARS = 8192
_SURE_CHARS = 16
"""An error so far before the end of what is there is no matter of bytes that are still to come."""


class Batch(NamedTuple):
    """Items of one container that came together."""

    path: Path
    keys: list[str | None]
    """Names of the items in their object; None in a list."""
    values: list[Any]
    offsets: list[int]
    """Where each item begins in the body."""
    raws: list[str]
    """Each item as it was sent."""


class Problem(NamedTuple):
    """Something that could not be read; `name` is the end of an anomaly's name."""

    name: str
    offset: int
    detail: str


class _Container:
    """An object or list that is being walked."""

    __slots__ = ("first_key", "is_list", "key", "names", "path")

    def __init__(self, path: Path, is_list: bool) -> None:
        self.path = path
        self.is_list = is_list
        self.key: str | None = None
        self.first_key: re.Pattern[str] | None = None
        self.names: frozenset[str] = frozenset()


class JsonItems:
    """Cuts a body into items. `descend` says by its path whether a container (True: a list) is walked."""

    def __init__(self, descend: Callable[[Path, bool], bool], *, in_step: bool = True) -> None:
        self.problems: list[Problem] = []
        self.is_dead = False
        """True once the rest of the body cannot be read."""
        self._descend = descend
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._text = ""
        self._at = 0
        self._known = (0, 0)
        """A place in the text, and its offset in the body."""
        self._state = VALUE
        self._stack: list[_Container] = []
        self._is_lost = False
        self._is_unsure = False
        self._has_hidden_borders = False
        """True once objects of a list could not be told apart by `},{`."""
        self._losses = 0
        self._marked = -1
        if not in_step:
            self._die("beginning_not_seen", "the body begins in the middle")

    def feed(self, data: memoryview | bytes) -> list[Batch]:
        """Return the items that are complete now (or were, when so much had come that reading paid)."""
        if self.is_dead:
            return []
        self._waiting.append(bytes(data))
        self._waiting_bytes += len(data)
        if self._waiting_bytes < max(STEP_BYTES, (len(self._text) - self._at) // 2):
            return []
        return self._read(final=False)

    def gap(self, length: int) -> list[Batch]:
        """Return the items before a gap; the one that it cuts is lost."""
        found = self._read(final=False)
        if self.is_dead:
            return found
        self._text += self._decoder.decode(b"", True)  # a character that the gap cuts has its place too
        self._decoder.reset()
        cut = self._offset(self._at)
        where = self._offset(len(self._text)) + max(length, 0)
        self._lose(cut, "gap", "bytes are missing")
        self._text, self._at, self._known = "", 0, (0, where)
        return found

    def end(self) -> list[Batch]:
        """Return the items that only the end of the body completes."""
        found = self._read(final=True)
        if not self.is_dead and self._state != DONE and (self._stack or self._at < len(self._text)):
            self._die("json_cut", "the body ends before its last item does")
        self.is_dead = True
        return found

    def mark(self) -> int | None:
        """Return where an item begins that has been pending for long, once."""
        where = self._offset(self._at)
        if self.is_dead or len(self._text) - self._at < MARK_CHARS or where == self._marked:
            return None
        self._marked = where
        return where

    # --- text ---------------------------------------------------------------------------------------------

    def _read(self, *, final: bool) -> list[Batch]:
        if self.is_dead:
            return []
        new = self._decoder.decode(b"".join(self._waiting), final)
        self._waiting, self._waiting_bytes = [], 0
        if not self._text and self._known == (0, 0) and new.startswith("\ufeff"):
            self._known, new = (0, 3), new[1:]
        where = self._offset(self._at)
        self._text, self._at, self._known = self._text[self._at :] + new, 0, (0, where)
        found: list[Batch] = []
        while not self.is_dead and self._step(found, final):
            pass
        if not self.is_dead and not self._is_lost and len(self._text) - self._at > MAX_ITEM_CHARS:
            self._lose(self._offset(self._at), "item_over_limit", f"an item has more than {MAX_ITEM_CHARS} characters")
            self._at += 1
            while not self.is_dead and self._step(found, final):
                pass
        return found

    def _offset(self, at: int) -> int:
        """Return the offset in the body of a place in the text (places are asked for in order)."""
        known, offset = self._known
        if at != known:
            part = self._text[known:at]
            offset += len(part) if part.isascii() else len(part.encode("utf-8", "surrogateescape"))
            self._known = (at, offset)
        return offset

    # --- structure ----------------------------------------------------------------------------------------

    def _step(self, found: list[Batch], final: bool) -> bool:
        """Return False if more bytes are needed."""
        if self._is_lost and not self._find_next():
            return False
        text = self._text
        self._at = at = _SPACE.match(text, self._at).end()  # type: ignore[union-attr]
        if at >= len(text) or self._state == DONE:
            if self._state == DONE:
                self._at = len(text)
            return False
        char = text[at]
        if self._state == VALUE:
            return self._value(char, found, final)
        if self._state == KEY:
            return self._key(char, final)
        if self._state == COLON:
            return self._punctuation(char == ":", VALUE)
        if char in "]}":
            return self._close()
        return self._punctuation(char == ",", VALUE if self._stack[-1].is_list else KEY)

    def _punctuation(self, is_right: bool, state: int) -> bool:
        if not is_right:
            return self._damage("punctuation is missing")
        self._at += 1
        self._state = state
        return True

    def _close(self) -> bool:
        self._at += 1
        self._stack.pop()
        self._state = COMMA if self._stack else DONE
        return True

    def _key(self, char: str, final: bool) -> bool:
        if char == "}":
            return self._close()
        if char != '"':
            return self._damage("a name is missing")
        try:
            key, end = _scan(self._text, self._at)
        except (StopIteration, ValueError):
            return self._short(final)
        self._stack[-1].key = scrubbed(key)
        self._at = end
        self._state = COLON
        return True

    def _value(self, char: str, found: list[Batch], final: bool) -> bool:
        top = self._stack[-1] if self._stack else None
        if top is not None and top.is_list and char == "]":
            return self._close()
        path: Path = () if top is None else (*top.path, "#" if top.is_list else top.key or "")
        if char in "[{" and len(self._stack) < MAX_DEPTH and self._descend(path, char == "["):
            self._stack.append(_Container(path, char == "["))
            self._at += 1
            self._state = VALUE if char == "[" else KEY
            return True
        if top is None:
            return self._damage("neither an object nor a list")
        return self._items(top, found, final)

    def _items(self, top: _Container, found: list[Batch], final: bool) -> bool:
        """Read items one after the other, as long as they come: this is where the time goes."""
        text, at, size = self._text, self._at, len(self._text)
        # Near the end a number may go on in the bytes that are still to come.
        sure = size if final else size - MAX_NUMBER_CHARS
        is_list, key, path = top.is_list, top.key, top.path
        walks_items = is_list and self._descend((*path, "#"), False)
        next_item = ",{" if is_list and not walks_items else None
        starts, ends, values, keys = list[int](), list[int](), list[Any](), list[str | None]()
        fault: tuple[int, bool] | None = None
        if next_item is not None and not self._is_unsure:
            at = self._many(at, starts, ends, values)
        while True:
            try:
                value, end = _scan(text, at)
            except (StopIteration, ValueError, RecursionError) as error:
                fault = _fault(error, at)
                break
            if end > sure and isinstance(value, int | float) and _DIGITS.match(text, end):
                break  # more digits may follow
            if self._is_unsure and not self._is_like(top, value):
                self._at, self._is_lost = at + 1, True
                return True
            starts.append(at)
            ends.append(end)
            values.append(value)
            if next_item is not None and text.startswith(next_item, end):
                at = end + 1
                continue
            keys += [key] * (len(starts) - len(keys))
            at = end
            self._state = COMMA
            comma = _COMMA.match(text, at) if is_list else _NEXT_NAME.match(text, at)
            if comma is None:
                break
            at = comma.end()
            self._state = VALUE
            if not is_list:
                top.key = key = comma[1]
                if at == size or (text[at] in "{[" and self._descend((*path, key), text[at] == "[")):
                    break
            elif at == size or text[at] in "[]" or (walks_items and text[at] == "{"):
                break
        keys += [key] * (len(starts) - len(keys))
        batch = Batch(path, keys, values, [], [text[a:b] for a, b in zip(starts, ends, strict=True)])
        self._at = at
        if starts:
            self._hand_on(top, batch, starts, found)
        if fault is None:
            return self._at < size and bool(starts)
        position, is_pending = fault
        is_pending = is_pending or position >= size - _SURE_CHARS
        return self._short(final) if is_pending else self._damage("an item is malformed")

    def _many(self, at: int, starts: list[int], ends: list[int], values: list[Any]) -> int:
        """Decode many flat objects at once, if their borders are plain to see; return where to go on."""
        text = self._text
        last = text.rfind(_BORDER, at)
        if self._has_hidden_borders or text[at : at + 1] != "{" or last < at + STEP_BYTES // 4:
            return at
        chunk = text[at : last + 1]
        try:
            found, _ = _scan(f"[{chunk}]", 0)
        except (StopIteration, ValueError, RecursionError):
            return at
        sizes = list(map(len, chunk.split(_BORDER)))
        if len(sizes) != len(found) or set(map(type, found)) != {dict} or _WIDE_BORDER.search(chunk):
            self._has_hidden_borders = True  # objects in objects, or space between them
            return at
        values += found
        # The border before an object ends with its `{`, the border behind it begins with its `}`.
        begun = list(accumulate((size + len(_BORDER) for size in sizes[:-1]), initial=at))
        starts += [at, *[place - 1 for place in begun[1:]]]
        ends += [*[place - 2 for place in begun[1:]], last + 1]
        return last + 2

    def _is_like(self, top: _Container, value: Any) -> bool:
        """Return True if an object that was found behind damage has the names of its list, not of a list inside."""
        self._is_unsure = not (isinstance(value, dict) and 2 * len(top.names & value.keys()) >= len(top.names))
        return not self._is_unsure

    def _hand_on(self, top: _Container, batch: Batch, starts: list[int], found: list[Batch]) -> None:
        part = self._text[starts[0] : self._at]
        if part.isascii():
            shift = self._offset(starts[0]) - starts[0]
            batch.offsets.extend([start + shift for start in starts])
        else:
            batch.offsets.extend(map(self._offset, starts))
        if _HALF.search(part) or not is_whole_text(part):
            batch.values[:] = map(scrubbed, batch.values)
            batch.raws[:] = map(scrubbed, batch.raws)
        if top.first_key is None and isinstance(batch.values[0], dict) and batch.values[0]:
            first = json.JSONEncoder(ensure_ascii=False).encode(next(iter(batch.values[0])))
            top.names = frozenset(batch.values[0])
            top.first_key = re.compile(r"\{[ \t\r\n]*" + re.escape(first))
        last = found[-1] if found else None
        if last is not None and last.path == batch.path:
            last.keys.extend(batch.keys)
            last.values.extend(batch.values)
            last.offsets.extend(batch.offsets)
            last.raws.extend(batch.raws)
        else:
            found.append(batch)

    # --- damage -------------------------------------------------------------------------------------------

    def _short(self, final: bool) -> bool:
        """Wait for more bytes; at the end of the body there are none."""
        if final:
            self._die("json_cut", "the body ends before its last item does")
        return False

    def _damage(self, detail: str) -> bool:
        self._lose(self._offset(self._at), "json_malformed", detail)
        self._at += 1
        return not self.is_dead

    def _lose(self, offset: int, name: str, detail: str) -> None:
        """Look for the next item from here on, if there is a list to find it in."""
        self._losses += 1
        while self._stack and self._stack[-1].first_key is None:
            self._stack.pop()
        if not self._stack or self._losses > MAX_LOSSES:
            self._die(name, detail, offset)
        else:
            self.problems.append(Problem(name, offset, detail))
            self._is_lost = True

    def _find_next(self) -> bool:
        top = self._stack[-1]
        found = top.first_key.search(self._text, self._at) if top.first_key is not None else None
        if found is None:
            self._at = max(self._at, len(self._text) - 256)
            return False
        self._at = found.start()
        top.key = None
        self._state = VALUE
        self._is_lost = False
        self._is_unsure = True
        return True

    def _die(self, name: str, detail: str, offset: int | None = None) -> None:
        self.problems.append(Problem(name, self._offset(self._at) if offset is None else offset, detail))
        self.is_dead = True
        self._text, self._waiting, self._at, self._known = "", [], 0, (0, self._known[1])


def _fault(error: BaseException, at: int) -> tuple[int, bool]:
    """Return where reading failed, and True if a text did not end; the error itself would keep all of it in memory."""
    if isinstance(error, RecursionError):
        return -1, False
    if isinstance(error, StopIteration):
        return int(error.value), False
    if isinstance(error, json.JSONDecodeError):
        return error.pos, error.msg.startswith("Unterminated")
    return at, False
