"""Tests of the exceptions: what their messages say."""

from __future__ import annotations

import pickle

import pytest

from iptvforensics.errors import (
    CaptureError,
    DecodeError,
    IptvForensicsError,
    SchemaError,
    instead_of,
    one_line,
)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CaptureError("no capture format"), "no capture format"),
        (CaptureError("no capture format", path="a.pcap"), "a.pcap: no capture format"),
        (CaptureError("cut record", path="a.pcap", offset=0), "a.pcap: cut record (at byte 0)"),
        (DecodeError("bad length"), "bad length"),
        (DecodeError("bad length", offset=0), "bad length (at stream offset 0)"),
        (SchemaError("flows", "orig_ip", "expected text"), "table flows, column orig_ip: expected text"),
    ],
    ids=str,
)
def test_the_message_says_where(error: IptvForensicsError, message: str) -> None:
    assert str(error) == message


@pytest.mark.parametrize("kind", [CaptureError, DecodeError])
def test_wrong_input_is_also_a_value_error(kind: type[Exception]) -> None:
    with pytest.raises(ValueError, match="why"):
        raise kind("why")


def test_a_capture_error_is_the_same_in_another_process() -> None:
    error = CaptureError("cut record", path="a.pcap", offset=7)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.why, again.path, again.offset) == (str(error), "cut record", "a.pcap", 7)


def test_an_unknown_name_gets_near_ones_or_some_of_all() -> None:
    names = [f"table{number}" for number in range(54)]
    assert instead_of("http2", ["dns", "http"]) == "did you mean http?"
    assert instead_of("zz", ["dns", "http"]) == "there are dns, http"
    assert instead_of("zz", names).endswith("table7, ... (54 in all)")


def test_errors_of_the_system_name_the_file_first() -> None:
    assert one_line(FileNotFoundError(2, "No such file or directory", "/a/b")) == "/a/b: No such file or directory"
    assert one_line(OSError("no more")) == "no more"
    assert one_line(CaptureError("cut", path="a.pcap")) == "a.pcap: cut"
