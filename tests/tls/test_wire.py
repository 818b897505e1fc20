import pytest

from iptvforensics.tls.wire import MessageError, Reader


def test_numbers_and_vectors_are_read_in_order() -> None:
    reader = Reader(bytes.fromhex("0303 02 abcd 0004 13011302 ff"))
    assert (reader.number(2), reader.vector(1), reader.numbers(2), reader.left) == (
        0x0303,
        b"\xab\xcd",
        (0x1301, 0x1302),
        1,
    )


@pytest.mark.parametrize("data", ["", "05aabb", "05"])
def test_a_vector_longer_than_the_message_is_an_error(data: str) -> None:
    with pytest.raises(MessageError):
        Reader(bytes.fromhex(data)).vector(1)
