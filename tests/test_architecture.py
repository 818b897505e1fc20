"""The house rules that no type checker knows: who imports whom, sizes, names, one test file per source file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "iptvforensics"
SOURCES = sorted(PACKAGE.rglob("*.py"))
PROTOCOLS = PACKAGE / "protocols"

MAX_MODULE_LINES, MAX_FUNCTION_LINES = 400, 60
LONG_FUNCTIONS = {
    # The state machines of the flow room: their parts share some twenty numbers, and a kernel returns only one.
    "flows/route.py route",
    "flows/reassembly.py wait",
}

ONLY_IN = {
    "click": {"cli.py"},
    "rich": {"output.py", "progress.py"},
    "networkx": {"case.py", "graph/"},
    "pandas": {"case.py", "dataframes.py", "exhibits/"},
    "scapy": {"exhibits/"},
    "pyshark": {"exhibits/"},
    "dpkt": {"exhibits/"},
    "numba": {"kernel.py", "kernel_arrays.py"},
    "llvmlite": {"kernel.py", "kernel_arrays.py"},
    "fsspec": {"capture/"},
    "distributed": {"cluster.py"},
    "duckdb": {
        "case.py",
        "dataframes.py",
        "derived.py",
        "exhibits/",
        "parquet.py",
        "queries.py",
        "store.py",
        "views.py",
    },
    "maxminddb": {"enrich/"},
    "matplotlib": set(),
    "requests": set(),
    "urllib3": set(),
}
"""Who may import which package from outside; packages that are not listed may be imported anywhere."""

COVERED_BY = {
    "analysis/options.py": "analysis/test_capture_file.py",
    "exhibits/_pyshark.py": "exhibits/test_frame.py",
    "flows/gather.py": "flows/test_streams.py",
    "flows/layout.py": "flows/test_streams.py",
    "flows/reassembly.py": "flows/test_streams.py",
    "flows/route.py": "flows/test_streams.py",
    "flows/summary.py": "analysis/test_pipeline.py",
    "protocol.py": "protocols/test_contract.py",
    "protocols/_amf3.py": "protocols/test_amf.py",
    "protocols/_amf_cursor.py": "protocols/test_amf.py",
    "protocols/_flv_tag.py": "protocols/test_rtmp_flv_tag.py",
    "tls/columns.py": "tls/test_values.py",
}
"""Source files without a test file of their own name, and the one that tests them.

A private part of a protocol (`protocols/_name_part.py`) may be tested through its protocol (`test_name.py`).
"""


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (level, module) for every import statement of a file, wherever it stands."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.level, f"{node.module or ''}.{alias.name}".lstrip(".")) for alias in node.names)


def tracked() -> list[Path]:
    """Return the files of the repository; without git (a source archive) those of its folders."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    folders = ("iptvforensics", "tests", "docs", "notebooks", "sample_pcaps")
    return [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]


def each_source(sources: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", sources, ids=relative)


def test_import_rules() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("package", ONLY_IN)
def test_packages_from_outside_are_imported_only_in_their_room(package: str) -> None:
    wrong = [
        relative(path)
        for path in SOURCES
        if any(level == 0 and name.split(".")[0] == package for level, name in imported(path))
        and not any(relative(path).startswith(place) for place in ONLY_IN[package])
    ]
    assert wrong == []


def parts_of(path: Path) -> set[str]:
    """Return the private parts in protocols/ that a protocol is made of."""
    found: set[str] = set()
    waiting = [path]
    while waiting:
        for level, name in imported(waiting.pop()):
            part = name.split(".")[0]
            if level == 1 and part not in found and (PROTOCOLS / f"{part}.py").exists():
                found.add(part)
                waiting.append(PROTOCOLS / f"{part}.py")
    return found


def protocol_files() -> list[Path]:
    return [path for path in sorted(PROTOCOLS.glob("*.py")) if not path.name.startswith("_")]


def test_no_protocol_is_missing_in_the_import_rules() -> None:
    declared = set(re.findall(r'"iptvforensics\.protocols\.(\w+)"', (ROOT / "pyproject.toml").read_text()))
    assert declared == {path.stem for path in protocol_files()}


def test_private_parts_belong_to_one_protocol() -> None:
    owners: dict[str, list[str]] = {}
    for path in protocol_files():
        for part in parts_of(path):
            owners.setdefault(part, []).append(path.stem)
    assert {part: names for part, names in owners.items() if len(names) > 1 or not part.startswith("_")} == {}
    private = {p.stem for p in PROTOCOLS.glob("_*.py")} - {"__init__", "_example"}
    assert private - set(owners) == set(), "parts that no protocol uses"


@each_source(SOURCES)
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES


def test_functions_are_short() -> None:
    long = {
        f"{relative(path)} {node.name}"
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    }
    assert long == LONG_FUNCTIONS


@each_source(SOURCES)
def test_modules_are_named_after_what_they_hold(path: Path) -> None:
    assert not {"utils", "util", "helpers", "helper", "common", "misc"} & set(path.with_suffix("").parts)


@each_source([path for path in SOURCES if path.read_text().strip()])
def test_modules_say_what_they_are(path: Path) -> None:
    said = ast.get_docstring(tree(path))
    assert said
    assert said.splitlines()[0].endswith((".", ":")), "the first line is a sentence"


def named_test_of(source: str) -> str | None:
    """Return the test file of a source file, None if there is none."""
    path = Path(source)
    named = path.with_name(f"test_{path.stem.lstrip('_')}.py")
    candidates = [str(named), COVERED_BY.get(source, "")]
    if source.startswith("protocols/_"):
        candidates.append(f"protocols/test_{path.stem.split('_')[1]}.py")
    return next((c for c in candidates if c and (ROOT / "tests" / c).is_file()), None)


@each_source([path for path in SOURCES if path.stem not in ("__init__", "__main__")])
def test_each_source_file_has_its_test_file(path: Path) -> None:
    assert named_test_of(relative(path)) is not None


def test_no_exception_is_outdated() -> None:
    for source, test in COVERED_BY.items():
        assert (PACKAGE / source).is_file()
        assert (ROOT / "tests" / test).is_file()
        path = Path(source)
        assert not (ROOT / "tests" / path.with_name(f"test_{path.stem.lstrip('_')}.py")).is_file()


# Written in pieces, so that this file does not hold what it looks for.
BELOW_THE_GRAPH = re.compile("|".join((r"\bset-top " + "box", r"\bpir" + "ate", r"\bhead-" + "end")), re.IGNORECASE)
READING_WING = ("capture/", "packets/", "flows/", "protocols/", "dissect/", "sessions/", "kernel.py", "store.py")


@each_source([path for path in SOURCES if relative(path).startswith(READING_WING)])
def test_lower_rooms_say_what_was_seen_not_what_it_means(path: Path) -> None:
    assert BELOW_THE_GRAPH.findall(path.read_text(encoding="utf-8")) == []


BARE_SEGMENT = re.compile(r"(?<!TCP )(?<!media[ -])(?<!never )\bsegments?\b(?! offload)", re.IGNORECASE)
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_documents_say_which_kind_of_segment(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace('Never "segment" alone', "")
    assert BARE_SEGMENT.findall(" ".join(text.split())) == []


# Folders of a person or a machine, and the hosts from which packages are fetched.
MACHINES = re.compile(
    r"(?<![\w.])/(?:" + "|".join(("home", "Users", "work", "root", "mnt")) + r")/\w|"
    + "|".join((r"pypi\." + "org", r"python" + r"hosted\.org", "art" + "ifactory", r"index" + "-url")),
)  # fmt: skip
TEXT = {".py", ".md", ".toml", ".txt", ".ipynb", ".json", ".css", "", ".cfg"}


def test_no_file_names_a_machine() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked()
        if path.suffix in TEXT
        for match in MACHINES.finditer(path.read_text(encoding="utf-8", errors="replace"))
    }
    assert found == set()


UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")))


@each_source(SOURCES)
def test_nothing_is_left_unfinished(path: Path) -> None:
    assert UNFINISHED.findall(path.read_text(encoding="utf-8")) == []
