#!/usr/bin/env python3
"""One week of earthquakes: the file that ships, its test part in coordinates, and the end points of `sphere-diffusion`.

    scripts/make_quakes.py EARTHQUAKES.csv

EARTHQUAKES.csv is data/earthquakes.json of the npm package vega-datasets 3.2.1 as a table (latitude, longitude, depth_km, mag).
Writes experiments/data/quakes/{week.csv,test-embedded.csv,test-chart.csv} and prints the `[[pair]]` entries of
experiments/sphere-diffusion.toml. The split is that of crates/likely-models/src/sphere/events.rs, from its definition: SHA-256 of
the axes, ChaCha with 8 rounds, Fisher and Yates; a Rust test compares the two. Needs nothing but Python.
"""
import hashlib
import math
import pathlib
import struct
import sys

SEED = 1
PAIRS = 40
NEAREST, FARTHEST = math.radians(20), math.radians(150)
root = pathlib.Path(__file__).parent.parent / "experiments"
out = root / "data/quakes"


def rotl(x, n):
    return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF


def quarter(s, a, b, c, d):
    s[a] = (s[a] + s[b]) & 0xFFFFFFFF; s[d] = rotl(s[d] ^ s[a], 16)
    s[c] = (s[c] + s[d]) & 0xFFFFFFFF; s[b] = rotl(s[b] ^ s[c], 12)
    s[a] = (s[a] + s[b]) & 0xFFFFFFFF; s[d] = rotl(s[d] ^ s[a], 8)
    s[c] = (s[c] + s[d]) & 0xFFFFFFFF; s[b] = rotl(s[b] ^ s[c], 7)


def block(key, counter):
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key), counter, 0, 0, 0]
    s = list(start)
    for _ in range(4):
        for column in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
            quarter(s, *column)
        for diagonal in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(s, *diagonal)
    return [(a + b) & 0xFFFFFFFF for a, b in zip(s, start)]


def stream(base, axes):
    h = hashlib.sha256(b"likely seed v1" + struct.pack("<Q", base))
    for axis, value in axes:
        for part in (axis, value):
            h.update(struct.pack("<Q", len(part)) + part.encode())
    counter = 0
    while True:
        words = block(h.digest(), counter)
        yield from (words[i] | words[i + 1] << 32 for i in range(0, 16, 2))
        counter += 1


def point(latitude, longitude):
    a, b = math.radians(latitude), math.radians(longitude)
    return math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)


def angle(x, y):
    return 2 * math.atan2(math.dist(x, y), math.hypot(*(a + b for a, b in zip(x, y))))


text = pathlib.Path(sys.argv[1]).read_text()
out.mkdir(exist_ok=True)
(out / "week.csv").write_text(text)
events = [point(*map(float, line.split(",")[:2])) for line in text.split()[1:]]
draw = stream(SEED, [("data", "split")])
for last in range(len(events) - 1, 0, -1):
    below = next(draw) * (last + 1) >> 64
    events[last], events[below] = events[below], events[last]
test = events[-(len(events) // 10):]
(out / "test-embedded.csv").write_text("x,y,z\n" + "".join("%r,%r,%r\n" % x for x in test))
chart = [(x[1] / (1 + x[0]), x[2] / (1 + x[0])) for x in test]
(out / "test-chart.csv").write_text("u,v\n" + "".join("%r,%r\n" % u for u in chart))

draw = stream(SEED, [("experiment", "sphere-diffusion"), ("pairs", "test")])
pairs = []
while len(pairs) < PAIRS:
    a, b = (next(draw) * len(test) >> 64 for _ in range(2))
    if NEAREST < angle(test[a], test[b]) < FARTHEST:
        pairs.append((a, b))
for k, (a, b) in enumerate(pairs):
    for where, file in [("embedded", "test-embedded"), ("chart", "test-chart")]:
        print(f'[[pair]]\nname = "{where} {k}"\nmodels = ["control, {where}", "earthquakes, {where}"]')
        print(f'start = {{ file = "data/quakes/{file}.csv", row = {a} }}')
        print(f'end = {{ file = "data/quakes/{file}.csv", row = {b} }}\n')
