"""What is imported when: nothing heavy before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "cryptography",
    "numpy",
    "pandas",
    "duckdb",
    "networkx",
    "numba",
    "rich",
    "scapy",
    "dpkt",
    "pyshark",
    "distributed",
}


def loaded(code: str) -> set[str]:
    """Return the top-level modules that are loaded when the code has run."""
    tail = "\nimport sys\nsys.stderr.write(' '.join({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded("import iptvforensics; iptvforensics.__version__; dir(iptvforensics)") & (HEAVY | {"click"})


@pytest.mark.parametrize("option", ["--help", "--version", "analyze --help"])
def test_help_and_version_load_nothing_heavy(option: str) -> None:
    code = f"""
from iptvforensics.cli import main
try:
    main({option.split()!r})
except SystemExit as end:
    assert not end.code
"""
    assert not loaded(code) & HEAVY


def test_analyze_loads_no_library_for_people(tmp_path: object, samples: object) -> None:
    code = f"""
from iptvforensics.cli import main
try:
    main(["analyze", {str(samples) + "/dns/names.pcap"!r}, "--case", {str(tmp_path) + "/case"!r}])
except SystemExit as end:
    assert not end.code
"""
    found = loaded(code)
    assert "_duckdb" in found  # the compiled part, without its package
    assert not found & (HEAVY - {"numpy"})


def test_the_registry_loads_no_parser_that_stands_in_a_part_of_its_own() -> None:
    code = """
import sys
from iptvforensics.protocols import registry
registry()
parts = [name for name in sys.modules if name.startswith("iptvforensics.protocols._")]
print([name for name in parts if name.endswith(("_parser", "_http_h2", "_http_h3"))])
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_name_that_is_not_public_is_an_error() -> None:
    import iptvforensics

    assert iptvforensics.errors.CaseError.__name__ == "CaseError"
    assert set(iptvforensics.__all__) <= set(dir(iptvforensics))
    with pytest.raises(AttributeError, match="open_case"):
        _ = iptvforensics.opencase
