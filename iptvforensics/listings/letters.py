"""Lines of a text -> in how many of them bytes are not UTF-8, and whether these may be GB18030 (GBK)."""

from __future__ import annotations

from collections.abc import Iterable


class Letters:
    """What the bytes of a text beyond ASCII are."""

    def __init__(self) -> None:
        self.odd = 0
        """Lines that are not UTF-8."""
        self.may_be_chinese = True
        """False once a line is valid as neither."""

    def note(self, line: bytes) -> None:
        """Take note of one line."""
        if line.isascii():
            return
        try:
            line.decode()
        except UnicodeDecodeError:
            self.odd += 1
            self.may_be_chinese = self.may_be_chinese and _is_chinese(line)

    def note_all(self, lines: Iterable[bytes]) -> None:
        """Take note of many lines; nearly always they are UTF-8 all together."""
        lines = list(lines)
        try:
            b"\n".join(lines).decode()
        except UnicodeDecodeError:
            for line in lines:
                self.note(line)


def _is_chinese(line: bytes) -> bool:
    try:
        line.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True
