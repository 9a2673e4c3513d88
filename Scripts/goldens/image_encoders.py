"""Writers of tiny PNG and JPEG files that no ordinary encoder produces.

With them record_images.py and check_decoding cover every bit depth, color type and interlacing of PNG;
every sampling, component count and Adobe marker of JPEG; and files with a single fault.
"""

import random
import struct
import zlib

import numpy as np

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, data, damage=0):
    """One PNG chunk; `damage` is added to its CRC."""
    crc = (zlib.crc32(kind + data) + damage) & 0xFFFFFFFF
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def header(width, height, depth, color, interlaced=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))


def packed_rows(samples, depth):
    """The bytes of each row of an array [rows, columns, channels]."""
    rows = []
    for row in samples:
        flat = row.reshape(-1)
        if depth == 16:
            rows.append(flat.astype(">u2").tobytes())
        elif depth == 8:
            rows.append(flat.astype(np.uint8).tobytes())
        else:
            bits = (flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1
            rows.append(np.packbits(bits.astype(np.uint8).reshape(-1)).tobytes())
    return rows


def filtered(rows, step):
    """The rows with PNG's five filters in turn, each with its filter byte."""
    out = bytearray()
    above = bytes(len(rows[0]))
    for number, row in enumerate(rows):
        kind = number % 5
        out.append(kind)
        for i, value in enumerate(row):
            left = row[i - step] if i >= step else 0
            up = above[i]
            corner = above[i - step] if i >= step else 0
            estimate = left + up - corner
            paeth = min((left, up, corner), key=lambda candidate: abs(estimate - candidate))
            guess = (0, left, up, (left + up) // 2, paeth)[kind]
            out.append((value - guess) & 255)
        above = row
    return bytes(out)


def png(width, height, depth, color, seed, interlaced=0, before=b"", after=b"", pieces=1):
    """A PNG of random samples, with the given chunks before and after the image data."""
    samples = np.random.default_rng(seed).integers(
        0, 1 << depth, (height, width, CHANNELS[color]))
    step = max(1, CHANNELS[color] * depth // 8)
    passes = [samples]
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
    raw = b"".join(filtered(packed_rows(p, depth), step) for p in passes if p.size)
    data = zlib.compress(raw, 9)
    size = -(-len(data) // pieces)
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    return (SIGNATURE + header(width, height, depth, color, interlaced) + before
            + b"".join(chunk(b"IDAT", part) for part in parts) + after + chunk(b"IEND", b""))


def segment(marker, data):
    """One JPEG marker segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


class Bits:
    """Entropy-coded data: bits from the most significant, a zero stuffed after each FF."""

    def __init__(self):
        self.text = []

    def put(self, value, count):
        if count:
            self.text.append(format(value, f"0{count}b"))

    def bytes(self):
        text = "".join(self.text)
        text += "1" * (-len(text) % 8)
        data = bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))
        return data.replace(b"\xff", b"\xff\x00")


# Fifteen symbols at most, so that every Huffman code is just four bits long.
DC_SYMBOLS = list(range(8))
AC_SYMBOLS = [0x00, 0x01, 0x02, 0x03, 0x11, 0x12, 0x21, 0x31, 0xF0]


def jpeg(width, height, sampling, seed, ids=None, adobe=None, jfif=False, frame=0xC0, precision=8,
         before=b"", scans=1, restart=0):
    """A baseline JPEG of random coefficients.

    sampling: (horizontal, vertical) of each component. adobe: the transform of an Adobe marker.
    frame, precision: what the frame header claims. scans: how often the scan is repeated.
    """
    rng = random.Random(seed)
    ids = ids or list(range(1, len(sampling) + 1))
    out = b"\xff\xd8"
    if jfif:
        out += segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    if adobe is not None:
        out += segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([adobe]))
    out += before
    out += segment(0xDB, bytes([0]) + bytes([12] * 64))
    out += segment(frame, struct.pack(">BHHB", precision, height, width, len(sampling)) + b"".join(
        bytes([i, h << 4 | v, 0]) for i, (h, v) in zip(ids, sampling)))
    for table, symbols in ((0x00, DC_SYMBOLS), (0x10, AC_SYMBOLS)):
        counts = [0, 0, 0, len(symbols)] + [0] * 12
        out += segment(0xC4, bytes([table]) + bytes(counts) + bytes(symbols))
    if restart:
        out += segment(0xDD, struct.pack(">H", restart))
    if len(sampling) == 1:
        sampling = [(1, 1)]
    across = max(h for h, _ in sampling)
    down = max(v for _, v in sampling)
    units = -(-width // (8 * across)) * -(-height // (8 * down))
    for _ in range(scans):
        out += segment(0xDA, bytes([len(ids)]) + b"".join(bytes([i, 0]) for i in ids)
                       + bytes([0, 63, 0]))
        bits = Bits()
        for unit in range(units):
            if restart and unit and unit % restart == 0:
                out += bits.bytes() + bytes([0xFF, 0xD0 + (unit // restart - 1) % 8])
                bits = Bits()
            for h, v in sampling:
                for _ in range(h * v):
                    size = rng.choice([0, 0, 3, 5])
                    bits.put(size, 4)
                    bits.put(rng.getrandbits(size) if size else 0, size)
                    for _ in range(rng.choice([0, 2, 5])):
                        symbol = rng.randrange(1, len(AC_SYMBOLS) - 1)
                        size = AC_SYMBOLS[symbol] & 15
                        bits.put(symbol, 4)
                        bits.put(rng.getrandbits(size), size)
                    bits.put(0, 4)
        out += bits.bytes()
    return out + b"\xff\xd9"


def exif(orientation, order="<", kind=3, count=1, before=()):
    """A TIFF structure with an orientation entry after the given raw entries."""
    value = {1: struct.pack("B", orientation & 255), 3: struct.pack(order + "H", orientation),
             4: struct.pack(order + "L", orientation)}.get(kind, b"6")
    entry = struct.pack(order + "HHL", 0x0112, kind, count) + value.ljust(4, b"\0")
    entries = [*before, entry]
    return ((b"II" if order == "<" else b"MM") + struct.pack(order + "HLH", 42, 8, len(entries))
            + b"".join(entries) + struct.pack(order + "L", 0))
