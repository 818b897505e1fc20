import pytest

from iptvforensics.tls.wire import MessageError, Reader, number_bytes, read_number


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


@pytest.mark.parametrize(
    ("data", "value"), [("c2197c5eff14e88c", 151288809941952652), ("9d7f3e7d", 494878333), ("25", 37)]
)
def test_numbers_of_the_rfc(data: str, value: int) -> None:
    assert read_number(bytes.fromhex(data), 0) == (value, len(data) // 2)
    assert read_number(bytes.fromhex(data)[:-1], 0)[1] == -1


@pytest.mark.parametrize("value", [0, 63, 64, 16383, 16384, (1 << 30) - 1, 1 << 30, (1 << 62) - 1])
def test_numbers_are_written_as_they_are_read(value: int) -> None:
    data = number_bytes(value)
    assert read_number(data, 0) == (value, len(data))
