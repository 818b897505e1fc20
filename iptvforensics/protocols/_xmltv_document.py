"""What expat tells of an XMLTV guide to rows of channels and programmes.

Declarations of entities are refused: reading ends there.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any
from xml.parsers import expat

from ..listings.sheet import Sheet
from ..listings.tables import MAX_RAW_CHARS
from ._xmltv_alike import END, Programmes
from ._xmltv_times import read_times

MAX_PROGRAMMES = 2_000_000
MAX_DEPTH = 16
MAX_TEXT_CHARS = 64 << 10
MAX_TOKEN_BYTES = 1 << 20
MAX_WORDS = 10_000
"""Names of elements and attributes: expat keeps each of them."""
MAX_OTHERS = 16
"""Elements of one name that are kept in `raw`."""
MAX_NAMES = 64


class RefusedError(Exception):
    """The document declares entities, or is too deep."""


class Document:
    """What expat has told of the document so far."""

    def __init__(self, sheets: tuple[Sheet, Sheet, Sheet]) -> None:
        self._accounts, self._entries, self._programmes = sheets
        self._parts: list[str] = []
        """Texts since an element began: the list itself is told, since a step of Python per text would cost more."""
        self.parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        self._listen()
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = self._typed
        parser.EntityDeclHandler = self._refuse
        parser.UnparsedEntityDeclHandler = self._refuse
        self._depth = 0
        self._attributes: dict[str, str] = {}
        self._at = 0
        self._found: dict[str, list[tuple[str, dict[str, str]]]] = {}
        self._own: dict[str, str] = {}
        """Attributes of the element that is read."""
        self._has_others = False
        """True if the programme says more than the columns hold."""
        self._waiting: list[tuple[Any, ...]] = []
        self.channels = 0
        self.programmes = 0
        self._fed = 0
        self._given = 0
        """Bytes that expat has been given of what was fed."""
        self._is_plain = True
        """False if a byte of the document may stand for something else than itself: then all is left to expat."""

    def feed(self, data: bytes, *, final: bool = False) -> None:
        self._fed += len(data)
        if END in data:
            self._read_alike(data)
        self._give(data[len(data) - (self._fed - self._given) :], final=final)
        if len(self._parts) > 1:
            self._parts[:] = ["".join(self._parts)[:MAX_TEXT_CHARS]]
        if self._fed - self.position > MAX_TOKEN_BYTES or len(self.parser.intern) > MAX_WORDS:
            raise RefusedError(f"a tag of more than {MAX_TOKEN_BYTES} bytes, or more than {MAX_WORDS} names")

    @property
    def position(self) -> int:
        return max(self.parser.CurrentByteIndex, 0)

    def _give(self, data: bytes, *, final: bool = False) -> None:
        self._given += len(data)
        self.parser.Parse(data, final)

    def _listen(self) -> None:
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._parts.append

    # --- many at once -------------------------------------------------------------------------------------

    def _read_alike(self, data: bytes) -> None:
        """Read on as long as runs of programmes are alike; what follows is left to `feed`."""
        before = self._given
        self._give(data[: data.index(END) + len(END)])
        first = self._given - before
        last = data.rindex(END) + len(END)
        if first == last or not self._is_between():
            return
        found = Programmes(data[first:last], tuple(self._attributes))
        for begin, end in found.runs(MAX_TEXT_CHARS):
            if begin:
                self._give(data[self._given - before : first + found.ends[begin - 1]])
                if not self._is_between():
                    return
            self._read_run(data[self._given - before : first + found.ends[end - 1]], found, begin, end)

    def _is_between(self) -> bool:
        """Return True if what expat was last given, the end of a programme, was just that, and nothing is open.

        In a comment that is not over expat would be further behind, in a CDATA section it would have told a text.
        """
        return self._is_plain and self._depth == 1 and not self._parts and self.position == self._given

    def _read_run(self, data: bytes, found: Programmes, begin: int, end: int) -> None:
        """Have expat read programmes without telling, and take what was cut out of them."""
        self.hand_on()
        shift = self._given + len(data) - found.ends[end - 1]
        self.parser.StartElementHandler = self.parser.EndElementHandler = self.parser.CharacterDataHandler = None
        try:
            self._give(data)
        except expat.ExpatError:
            self._take(found, shift, begin, bisect_right(found.ends, self.position - shift, begin, end))
            raise
        self._listen()
        self._take(found, shift, begin, end)

    def _take(self, found: Programmes, shift: int, begin: int, end: int) -> None:
        """Put programmes into their sheet."""
        first, self.programmes = self.programmes, self.programmes + end - begin
        end = min(end, begin + MAX_PROGRAMMES - first)
        if end <= begin:
            return
        columns: dict[str, Sequence[Any]] = {"item_no": range(first + 1, first + 1 + end - begin)}
        for name, attribute in _ATTRIBUTES.items():
            values = found.column(attribute, begin, end)
            if values is not None:
                columns[name] = [value or None for value in values] if "" in values else values
        for name in ("title", "description", "category"):
            values = found.column(name, begin, end)
            if values is not None:
                columns[name] = [value.strip() or None for value in values]
        for name, text in _TIMES.items():
            if text in columns:
                columns[name] = read_times(columns[text])
        self._programmes.add_columns([shift + place for place in found.begins(begin, end)], columns)

    # --- one by one ---------------------------------------------------------------------------------------

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self._is_plain = self._is_plain and (encoding or "utf-8").lower() == "utf-8"

    def _typed(self, _name: str, _system: str | None, _public: str | None, has_internal_subset: int) -> None:
        # Attributes may have been given defaults there.
        self._is_plain = self._is_plain and not has_internal_subset

    def _refuse(self, *_: Any) -> None:
        raise RefusedError("the document declares entities: they are not expanded, nothing more of it is read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth = depth = self._depth + 1
        if depth == 3:
            self._own = attributes
            self._parts.clear()
        elif depth == 2:
            self._attributes, self._at, self._found, self._has_others = attributes, self.position, {}, False
        elif depth == 1:
            self._head(name, attributes)
        elif depth > MAX_DEPTH:
            raise RefusedError(f"more than {MAX_DEPTH} elements in each other")

    def _end(self, name: str) -> None:
        self._depth = depth = self._depth - 1
        if depth == 2:
            text = "".join(self._parts)[:MAX_TEXT_CHARS].strip()
            found = self._found.get(name)
            if found is None:
                if len(self._found) < MAX_NAMES:
                    self._found[name] = [(text, self._own)]
                self._has_others = self._has_others or name not in _OWN
            elif len(found) < MAX_OTHERS:
                found.append((text, self._own))
                self._has_others = True
        elif depth == 1:
            self._parts.clear()
            if name == "programme":
                self._programme()
            elif name == "channel":
                self._channel()

    def _head(self, name: str, attributes: dict[str, str]) -> None:
        if name != "tv":
            raise RefusedError(f"the document is a {name[:40]!r}, no guide")
        software = attributes.get("generator-info-name") or attributes.get("source-info-name")
        if attributes:
            values = {
                "software": software,
                "stated_host": attributes.get("generator-info-url") or attributes.get("source-info-url"),
                "raw": json.dumps(attributes, ensure_ascii=False)[:MAX_RAW_CHARS],
            }
            self._accounts.add(self.position, values)

    def _first(self, name: str) -> tuple[str | None, dict[str, str]]:
        found = self._found.get(name)
        return (found[0][0] or None, found[0][1]) if found else (None, {})

    def _channel(self) -> None:
        self.channels += 1
        if self.channels > MAX_PROGRAMMES:
            return
        ident = self._attributes.get("id")
        others = {name: [text or (more or None) for text, more in found] for name, found in self._found.items()}
        values = {
            "kind": "live",
            "item_no": self.channels,
            "entry_id": ident or None,
            "epg_id": ident or None,
            "name": self._first("display-name")[0],
            "number": _number(self._first("lcn")[0]),
            "logo_url": self._first("icon")[1].get("src") or None,
            "entry_url": self._first("url")[0],
            "raw": json.dumps(others, ensure_ascii=False)[:MAX_RAW_CHARS] if others else None,
        }
        self._entries.add(self._at, values)

    def _programme(self) -> None:
        self.programmes += 1
        if self.programmes > MAX_PROGRAMMES:
            return
        raw = None
        if self._has_others:
            others = {
                name: [text or (more or None) for text, more in found]
                for name, found in self._found.items()
                if name not in _OWN or len(found) > 1
            }
            raw = json.dumps(others, ensure_ascii=False)[:MAX_RAW_CHARS]
        get, found = self._attributes.get, self._found.get
        titles = found("title") or _NO_ELEMENT
        self._waiting.append(
            (
                self._at,
                self.programmes,
                get("channel") or None,
                get("start") or None,
                get("stop") or None,
                titles[0][0] or None,
                titles[0][1].get("lang") or None,
                (found("desc") or _NO_ELEMENT)[0][0] or None,
                (found("category") or _NO_ELEMENT)[0][0] or None,
                raw,
            )
        )

    def take_excess(self) -> int:
        """Return how many elements of a kind there were if they were more than are read, once."""
        most = max(self.programmes, self.channels)
        if most <= MAX_PROGRAMMES:
            return 0
        self.programmes = self.channels = 0
        return most

    def hand_on(self) -> None:
        """Put the programmes that have come into their sheet."""
        if not self._waiting:
            return
        offsets, *columns = map(list, zip(*self._waiting, strict=True))
        self._waiting = []
        found = dict(zip(_PROGRAMME, columns, strict=True))
        for name, text in _TIMES.items():
            found[name] = read_times(found[text])
        self._programmes.add_columns(offsets, found)


_NO_ELEMENT: list[tuple[str, dict[str, str]]] = [("", {})]
_PROGRAMME = ("item_no", "channel_ref", "start_text", "end_text", "title", "language", "description", "category", "raw")
_ATTRIBUTES = {"channel_ref": "channel", "start_text": "start", "end_text": "stop", "language": "language"}
_TIMES = {"start_ns": "start_text", "end_ns": "end_text"}
_OWN = frozenset({"title", "desc", "category"})


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None
