"""AMF3 bytes turned into plain Python values.

Specification: Adobe AMF 3 (2013) section 3. Integers become int, doubles float, byte arrays bytes, dates the float
milliseconds since 1970, arrays list (dict if they have named parts, with the list under ""), vectors list,
dictionaries a list of [key, value] pairs. Known limitations: of externalizable objects only those are read that
wrap one value (ArrayCollection, ArrayList, ObjectProxy).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ._amf_cursor import DEPTH_LIMIT, TEXT_PER_VALUE, AmfError, Cursor, Memory

_WRAPPERS = ("ArrayCollection", "ArrayList", "ObjectProxy")
_TRAITS_LIMIT = 1024


class _Traits(NamedTuple):
    name: str
    external: bool
    dynamic: bool
    members: tuple[str, ...]


class Amf3Reader:
    """Reads values that share one set of reference tables."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._memory = Memory()
        self._strings: list[str] = []
        self._traits: list[_Traits] = []

    def value(self, depth: int) -> Any:
        """Return the next value."""
        cursor = self._cursor
        if depth > DEPTH_LIMIT:
            raise AmfError(f"objects nested deeper than {DEPTH_LIMIT}")
        cursor.charge(1)
        marker = cursor.byte()
        if marker <= 0x03:
            return (None, None, False, True)[marker]
        if marker == 0x04:
            number = self._u29()
            return number - 0x20000000 if number >= 0x10000000 else number
        if marker == 0x05:
            return cursor.number()
        if marker == 0x06:
            return self._string()
        if marker > 0x11:
            raise AmfError(f"unknown AMF3 marker {marker:#04x} at {cursor.position - 1}")
        return self._referable(marker, depth)

    def _u29(self) -> int:
        number = 0
        for _ in range(3):
            byte = self._cursor.byte()
            number = number << 7 | byte & 0x7F
            if byte < 0x80:
                return number
        return number << 8 | self._cursor.byte()

    def _string(self) -> str:
        head = self._u29()
        if not head & 1:
            if head >> 1 >= len(self._strings):
                raise AmfError(f"reference {head >> 1} to one of {len(self._strings)} strings")
            text = self._strings[head >> 1]
            self._cursor.charge(len(text) // TEXT_PER_VALUE)
            return text
        text = self._cursor.text(head >> 1)
        if text:
            self._strings.append(text)
        return text

    def _referable(self, marker: int, depth: int) -> Any:
        cursor = self._cursor
        head = self._u29()
        if not head & 1:
            return self._memory.recall(head >> 1, cursor)
        number = self._memory.reserve()
        before = cursor.values_left
        value = self._body(marker, head >> 1, depth)
        self._memory.keep(number, value, before - cursor.values_left + 1)
        return value

    def _body(self, marker: int, head: int, depth: int) -> Any:
        cursor = self._cursor
        if marker in (0x07, 0x0B):
            return cursor.text(head)
        if marker == 0x08:
            return cursor.number()
        if marker == 0x09:
            return self._array(head, depth)
        if marker == 0x0A:
            return self._object(head, depth)
        if marker == 0x0C:
            cursor.charge(head // TEXT_PER_VALUE)
            return cursor.take(head)
        if marker == 0x11:
            cursor.byte()  # weak keys
            self._expect(head, 2)
            return [[self.value(depth + 1), self.value(depth + 1)] for _ in range(head)]
        return self._vector(marker, head, depth)

    def _expect(self, count: int, size: int) -> None:
        """Raise if this many parts of at least this size cannot follow."""
        left = len(self._cursor.data) - self._cursor.position
        if count * size > left:
            raise AmfError(f"{count} values of {size} bytes in {left} bytes")

    def _vector(self, marker: int, count: int, depth: int) -> list[Any]:
        cursor = self._cursor
        cursor.byte()  # fixed length
        if marker == 0x10:
            self._string()
            self._expect(count, 1)
            return [self.value(depth + 1) for _ in range(count)]
        self._expect(count, 8 if marker == 0x0F else 4)
        cursor.charge(count)
        if marker == 0x0F:
            return [cursor.number() for _ in range(count)]
        return [int.from_bytes(cursor.take(4), "big", signed=marker == 0x0D) for _ in range(count)]

    def _named(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while name := self._string():
            found[name] = self.value(depth + 1)
        return found

    def _array(self, count: int, depth: int) -> Any:
        named = self._named(depth)
        self._expect(count, 1)
        dense = [self.value(depth + 1) for _ in range(count)]
        return {**named, "": dense} if named else dense

    def _object(self, head: int, depth: int) -> Any:
        traits = self._object_traits(head)
        if traits.external:
            if not traits.name.endswith(_WRAPPERS):
                raise AmfError(f"externalizable class {traits.name!r} cannot be read")
            return self.value(depth + 1)
        self._cursor.charge(sum(map(len, traits.members)) // TEXT_PER_VALUE)
        found = {name: self.value(depth + 1) for name in traits.members}
        if traits.dynamic:
            found.update(self._named(depth))
        return found

    def _object_traits(self, head: int) -> _Traits:
        if not head & 1:
            if head >> 1 >= len(self._traits):
                raise AmfError(f"reference {head >> 1} to one of {len(self._traits)} classes")
            return self._traits[head >> 1]
        external, dynamic, count = bool(head & 2), bool(head & 4), head >> 3
        name = self._string()
        if count > _TRAITS_LIMIT:
            raise AmfError(f"class with {count} members, limit {_TRAITS_LIMIT}")
        members = () if external else tuple(self._string() for _ in range(count))
        self._cursor.charge(len(members))
        traits = _Traits(name, external, dynamic, members)
        self._traits.append(traits)
        return traits
