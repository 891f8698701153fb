"""First word of a named random stream, from the definitions alone (SHA-256 of the axes, ChaCha with 8 rounds).

Prints the number that `crates/likely-core/src/seed.rs` pins. Needs nothing but Python.
"""
import hashlib
import struct


def rotl(x, n):
    return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF


def quarter(s, a, b, c, d):
    s[a] = (s[a] + s[b]) & 0xFFFFFFFF; s[d] = rotl(s[d] ^ s[a], 16)
    s[c] = (s[c] + s[d]) & 0xFFFFFFFF; s[b] = rotl(s[b] ^ s[c], 12)
    s[a] = (s[a] + s[b]) & 0xFFFFFFFF; s[d] = rotl(s[d] ^ s[a], 8)
    s[c] = (s[c] + s[d]) & 0xFFFFFFFF; s[b] = rotl(s[b] ^ s[c], 7)


def chacha8_block(key):
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key), 0, 0, 0, 0]
    s = list(start)
    for _ in range(4):
        for column in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
            quarter(s, *column)
        for diagonal in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(s, *diagonal)
    return [(a + b) & 0xFFFFFFFF for a, b in zip(s, start)]


def stream_first_u64(base, axes):
    h = hashlib.sha256(b"likely seed v1" + struct.pack("<Q", base))
    for axis, value in axes:
        for part in (axis, value):
            h.update(struct.pack("<Q", len(part)) + part.encode())
    words = chacha8_block(h.digest())
    return words[0] | words[1] << 32


print(stream_first_u64(2712, [("experiment", "fig3"), ("pair", "0")]))
