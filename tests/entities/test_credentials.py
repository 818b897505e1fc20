"""Credentials that strangers may have as well."""

from __future__ import annotations

import pytest

from iptvforensics.entities.credentials import is_common


@pytest.mark.parametrize("line", [("test", "test"), ("admin", "admin"), ("Test1", "1234"), ("max", "max"), ("1", "1")])
def test_common_ones(line):
    assert is_common(*line)


@pytest.mark.parametrize("line", [("harbour61", "Wq8mTz2c"), ("test", "Wq8mTz2c"), ("9f7b1e9417aa", "9f7b1e9417aa")])
def test_own_ones(line):
    assert not is_common(*line)
