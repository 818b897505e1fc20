"""Tests of the exceptions: what their messages say."""

from __future__ import annotations

import pickle

import pytest

from iptvforensics.errors import CaptureError, DecodeError, IptvForensicsError, SchemaError


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
