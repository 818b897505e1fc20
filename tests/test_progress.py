"""The bar on a terminal."""

from __future__ import annotations

import io

import pytest

from iptvforensics.analysis import Progress
from iptvforensics.progress import shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("total", [100, None], ids=["size-known", "pipe"])
def test_each_file_has_a_bar_and_its_name_is_text(monkeypatch: pytest.MonkeyPatch, total: int | None) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    terminal = Terminal()
    with shown(terminal) as progress:
        for done in (10, 50, 100):
            progress(Progress("folder/[red]x\x1b[2J.pcap", done, total))
        progress.say("[bold]compiling\x1b")
    text = terminal.getvalue()
    assert "[red]x\\x1b" in text
    assert "[bold]compiling\\x1b" in text
