"""A reader and its expat parser do not keep each other alive."""

from __future__ import annotations

import weakref
from xml.parsers import expat

from iptvforensics.listings.documents import let_go


class Reader:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.parser.CharacterDataHandler = self.start
        self.parser.EntityDeclHandler = self.parser.UnparsedEntityDeclHandler = self.start

    def start(self, *_: object) -> None: ...


def test_a_reader_whose_handlers_were_taken_away_is_freed_at_once() -> None:
    reader = Reader()
    reader.parser.Parse(b"<tv>", False)
    watched = weakref.ref(reader)
    let_go(reader.parser)
    del reader
    assert watched() is None
