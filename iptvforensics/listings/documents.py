"""What the readers of XML share that have expat read while a document comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.parsers.expat import XMLParserType

_HANDLERS = (
    "StartElementHandler",
    "EndElementHandler",
    "CharacterDataHandler",
    "XmlDeclHandler",
    "StartDoctypeDeclHandler",
    "EntityDeclHandler",
    "UnparsedEntityDeclHandler",
)


def let_go(parser: XMLParserType) -> None:
    """Take the handlers away: they belong to the reader that holds the parser, and nothing would free the two."""
    for name in _HANDLERS:
        setattr(parser, name, None)
