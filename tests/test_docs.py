"""The documentation says what is true: generated pages are current, examples print what they show, links hold."""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from iptvforensics.cli import main
from iptvforensics.protocols import registry
from iptvforensics.store import tables

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
WITH_EXAMPLES = ["README.md", "docs/tutorial.md"]
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
_BLOCK = re.compile(r"^```(console|pycon)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["tables.md", "protocols.md"])
def test_generated_pages_are_current(generator: ModuleType, name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == generator.PAGES[name](), "run: make docs"


def test_every_table_and_column_is_documented() -> None:
    text = (DOCS / "tables.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    for table in tables().values():
        shown = re.findall(r"^\| `(.+?)` \|", sections[table.name], re.MULTILINE)
        assert tuple(shown) == table.column_names


def test_every_protocol_is_documented_with_its_limits(generator: ModuleType) -> None:
    text = (DOCS / "protocols.md").read_text(encoding="utf-8")
    for protocol in registry().values():
        assert f"\n## {protocol.name}\n" in text
        assert protocol.limits in text
        assert generator.known_limitations(protocol.name), protocol.name


def test_every_command_stands_in_the_tutorial() -> None:
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\$ iptvforensics ([a-z]+)", text, re.MULTILINE))
    assert shown == set(main.commands)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_give_what_they_show(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample_pcaps").symlink_to(ROOT / "sample_pcaps")
    names: dict[str, object] = {}
    blocks = _BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
    assert {kind for kind, _ in blocks} == {"console", "pycon"}
    for number, (kind, text) in enumerate(blocks):
        if kind == "console":
            _check_commands(text)
        else:
            _check_python(text, names, f"{name}, example {number}")


def _check_commands(text: str) -> None:
    """Run each `$ iptvforensics ...` and compare what it prints; a line `...` stands for any lines."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, expected = part.partition("\n")
        program, *arguments = shlex.split(line)
        assert program == "iptvforensics", line
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, f"{line}\n{result.output}"
        _compare(line, expected, result.stdout)


def _compare(line: str, expected: str, found: str) -> None:
    printed = [text.rstrip() for text in found.splitlines()]
    wanted = [text.rstrip() for text in expected.splitlines()]
    while wanted and not wanted[-1]:
        wanted.pop()
    pattern = "".join("(?:.*\n)*" if text == "..." else re.escape(text) + "\n" for text in wanted)
    assert re.fullmatch(pattern, "".join(f"{text}\n" for text in printed)), f"{line}\n{found}"


def _check_python(text: str, names: dict[str, object], where: str) -> None:
    test = doctest.DocTestParser().get_doctest(text, names, where, None, 0)
    report: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failures, tried = doctest.DocTestRunner(optionflags=flags).run(test, out=report.append, clear_globs=False)
    names.update(test.globs)
    assert tried
    assert not failures, "".join(report)


@pytest.mark.parametrize("page", PAGES, ids=[os.path.relpath(page, ROOT) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}, target


@pytest.mark.parametrize("page", DECISIONS, ids=[page.stem for page in DECISIONS])
def test_decision_records_have_their_parts(page: Path) -> None:
    heads = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert heads == ["Context", "Decision", "Alternatives", "Consequences"]


def test_decision_records_are_numbered_without_a_gap() -> None:
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))
