"""AES (FIPS 197) in CBC mode with PKCS#7 padding, in plain Python: for tokens of a few hundred bytes, not for media.

The lab's panel must run wherever a python3 is, without packages.

Known limitations: slow (about 20,000 blocks a second) and not safe against timing; it hides nothing from anybody.
"""

from __future__ import annotations

from functools import lru_cache

BLOCK = 16


def _times(a: int, b: int) -> int:
    """Return the product in GF(2^8)."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _substitutions() -> tuple[bytes, bytes]:
    forward = bytearray(256)
    power, inverse = 1, 1
    for _ in range(255):  # 3 generates the field; 0xF6 is its inverse
        forward[power] = inverse ^ 0x63
        for turn in range(1, 5):
            forward[power] ^= ((inverse << turn) | (inverse >> (8 - turn))) & 0xFF
        power, inverse = _times(power, 3), _times(inverse, 0xF6)
    forward[0] = 0x63
    backward = bytearray(256)
    for value, substitute in enumerate(forward):
        backward[substitute] = value
    return bytes(forward), bytes(backward)


S_BOX, S_BACK = _substitutions()
PRODUCTS = {factor: bytes(_times(factor, value) for value in range(256)) for factor in (2, 3, 9, 11, 13, 14)}
ROWS = tuple((4 * ((place // 4 + place % 4) % 4) + place % 4) for place in range(BLOCK))  # byte that moves here
ROWS_BACK = tuple(ROWS.index(place) for place in range(BLOCK))


@lru_cache(maxsize=64)
def _round_keys(key: bytes) -> tuple[bytes, ...]:
    words = [key[n : n + 4] for n in range(0, len(key), 4)]
    size, constant = len(words), 1
    for n in range(size, 4 * (size + 7)):
        word = words[-1]
        if n % size == 0:
            word = bytes(S_BOX[b] for b in word[1:] + word[:1])
            word = bytes((word[0] ^ constant,)) + word[1:]
            constant = _times(constant, 2)
        elif size > 6 and n % size == 4:
            word = bytes(S_BOX[b] for b in word)
        words.append(bytes(a ^ b for a, b in zip(words[n - size], word, strict=True)))
    return tuple(b"".join(words[n : n + 4]) for n in range(0, len(words), 4))


def _add(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(BLOCK, "big")


def _encrypt_block(keys: tuple[bytes, ...], block: bytes) -> bytes:
    two, three = PRODUCTS[2], PRODUCTS[3]
    state = _add(block, keys[0])
    for key in keys[1:-1]:
        s = [S_BOX[state[place]] for place in ROWS]
        mixed = bytearray()
        for n in range(0, BLOCK, 4):
            a, b, c, d = s[n : n + 4]
            mixed += bytes((two[a] ^ three[b] ^ c ^ d, a ^ two[b] ^ three[c] ^ d,
                            a ^ b ^ two[c] ^ three[d], three[a] ^ b ^ c ^ two[d]))  # fmt: skip
        state = _add(mixed, key)
    return _add(bytes(S_BOX[state[place]] for place in ROWS), keys[-1])


def _decrypt_block(keys: tuple[bytes, ...], block: bytes) -> bytes:
    p9, p11, p13, p14 = PRODUCTS[9], PRODUCTS[11], PRODUCTS[13], PRODUCTS[14]
    state = _add(block, keys[-1])
    for key in keys[-2:0:-1]:
        s = _add(bytes(S_BACK[state[place]] for place in ROWS_BACK), key)
        mixed = bytearray()
        for n in range(0, BLOCK, 4):
            a, b, c, d = s[n : n + 4]
            mixed += bytes((p14[a] ^ p11[b] ^ p13[c] ^ p9[d], p9[a] ^ p14[b] ^ p11[c] ^ p13[d],
                            p13[a] ^ p9[b] ^ p14[c] ^ p11[d], p11[a] ^ p13[b] ^ p9[c] ^ p14[d]))  # fmt: skip
        state = bytes(mixed)
    return _add(bytes(S_BACK[state[place]] for place in ROWS_BACK), keys[0])


def encrypt(key: bytes, iv: bytes, clear: bytes) -> bytes:
    """Return the text padded and encrypted."""
    pad = BLOCK - len(clear) % BLOCK
    clear += bytes((pad,)) * pad
    keys, last, out = _round_keys(key), iv, bytearray()
    for n in range(0, len(clear), BLOCK):
        last = _encrypt_block(keys, _add(clear[n : n + BLOCK], last))
        out += last
    return bytes(out)


def decrypt(key: bytes, iv: bytes, text: bytes) -> bytes | None:
    """Return the text in clear, None if it was not encrypted with this key."""
    if not text or len(text) % BLOCK:
        return None
    keys, last, out = _round_keys(key), iv, bytearray()
    for n in range(0, len(text), BLOCK):
        block = text[n : n + BLOCK]
        out += _add(_decrypt_block(keys, block), last)
        last = block
    pad = out[-1]
    if not 1 <= pad <= BLOCK or any(b != pad for b in out[-pad:]):
        return None
    return bytes(out[:-pad])
