import pytest

from iptvforensics.tls.messages import MAX_MESSAGE, Message, MessageReader

FIRST, SECOND = b"\x01\0\0\x03abc", b"\x0b\0\0\x00"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11])
def test_messages_are_put_together_however_they_are_cut(size: int) -> None:
    reader, whole = MessageReader(), FIRST + SECOND
    found = [m for at in range(0, len(whole), size) for m in reader.feed(100 + at, whole[at : at + size])]
    assert found == [Message(1, 100, b"abc"), Message(11, 107, b"")]
    assert reader.cut() is None


def test_the_beginning_of_a_message_that_is_cut() -> None:
    reader = MessageReader()
    assert list(reader.feed(5, SECOND + FIRST[:6])) == [Message(11, 5, b"")]
    assert reader.cut() == Message(1, 9, b"ab")
    assert list(reader.feed(20, FIRST)) == []
    for pending in (b"", FIRST[:4]):
        reader = MessageReader()
        list(reader.feed(0, pending))
        assert reader.cut() is None


def test_a_message_says_where_it_began_when_records_lie_apart() -> None:
    reader = MessageReader()
    assert list(reader.feed(5, FIRST + SECOND[:2])) == [Message(1, 5, b"abc")]
    assert list(reader.feed(50, SECOND[2:] + FIRST)) == [Message(11, 12, b""), Message(1, 52, b"abc")]


@pytest.mark.parametrize(("size", "is_broken"), [(MAX_MESSAGE, False), (MAX_MESSAGE + 1, True)])
def test_a_message_that_is_too_long_ends_the_reading(size: int, is_broken: bool) -> None:
    reader = MessageReader()
    assert list(reader.feed(0, b"\x01" + size.to_bytes(3) + b"abc")) == []
    assert reader.is_broken == is_broken
    assert list(reader.feed(7, bytes(size))) == ([] if is_broken else [Message(1, 0, b"abc" + bytes(size - 3))])
