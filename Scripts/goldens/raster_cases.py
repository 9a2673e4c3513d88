"""BMP, GIF, TIFF, HEIC and AVIF files of every kind, for record_images.py and check_decoding."""

import io
import struct

import numpy as np
from PIL import Image

from image_encoders import exif


# BMP.

def bmp(width, height, bits, *, header=40, compression=0, palette=None, colors=0, masks=None,
        data=None, seed=1, top_down=False, offset=None):
    """A bitmap of random pixels, or of the given data."""
    if data is None:
        values = np.random.default_rng(seed).integers(0, 256, (height, (width * bits + 7) // 8))
        data = b"".join(bytes(row.astype(np.uint8)).ljust((len(row) + 3) // 4 * 4, b"\0")
                        for row in values)
    if palette is None and bits <= 8:
        entry = 3 if header == 12 else 4
        palette = bytes((37 * i + 11) % 256 for i in range(entry << bits))
    palette = palette or b""
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits,
                           compression, len(data), 2835, 2835, colors, 0)
        mask_bytes = struct.pack(f"<{len(masks)}I", *masks) if masks else b""
        info = (info + mask_bytes).ljust(header, b"\0") if header > 40 else info + mask_bytes
    start = 14 + len(info) + len(palette)
    return (b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start if offset is None else offset)
            + info + palette + data)


def runs4():
    return bytes([7, 0x12, 0, 0, 2, 0x34, 0, 5, 0x56, 0x78, 0x90, 0, 0, 0, 0, 2, 2, 1, 1, 0x77, 0, 0,
                  9, 0xAB, 0, 0, 0, 0, 3, 0x10, 0, 2, 4, 0, 0, 1])


def runs8():
    return bytes([3, 7, 4, 9, 0, 0, 0, 5, 1, 2, 3, 4, 5, 0, 2, 6, 0, 0, 0, 2, 2, 1, 5, 8, 0, 0,
                  7, 3, 0, 0, 9, 250, 0, 1])


def bmp_cases():
    gray = b"".join(bytes([i, i, i, 0]) for i in range(256))
    yield "bmp 24", bmp(5, 3, 24)
    yield "bmp 24 top down", bmp(5, 3, 24, top_down=True)
    for bits in (1, 4, 8, 16, 32):
        yield f"bmp {bits}", bmp(9 if bits < 8 else 5, 3, bits)
    for header in (12, 52, 56, 64, 108, 124):
        for bits in (1, 8, 24):
            yield f"bmp header {header} of {bits}", bmp(5, 3, bits, header=header)
    yield "bmp 8 gray", bmp(5, 3, 8, palette=gray)
    yield "bmp 8 of 16 grays", bmp(5, 3, 8, palette=gray[:64], colors=16)
    yield "bmp 8 of 16 colors", bmp(5, 3, 8, palette=bytes(range(7, 71)), colors=16)
    yield "bmp 1 black and white", bmp(9, 3, 1, palette=b"\0\0\0\0\xff\xff\xff\0")
    yield "bmp 1 white and black", bmp(9, 3, 1, palette=b"\xff\xff\xff\0\0\0\0\0")
    yield "bmp 1 of one color", bmp(9, 3, 1, palette=b"\0\0\0\0", colors=1)
    yield "bmp palette not in the offset", bmp(5, 3, 8, offset=54)
    yield "bmp offset 0", bmp(5, 3, 24, offset=0)
    for name, bits, header, masks in (
            ("565", 16, 40, (0xF800, 0x7E0, 0x1F)), ("555", 16, 40, (0x7C00, 0x3E0, 0x1F)),
            ("BGRX", 32, 40, (0xFF0000, 0xFF00, 0xFF)), ("XBGR", 32, 40, (0xFF000000, 0xFF0000, 0xFF00)),
            ("BGXR", 32, 40, (0xFF000000, 0xFF00, 0xFF)), ("none", 32, 40, (0, 0, 0)),
            ("565", 16, 56, (0xF800, 0x7E0, 0x1F, 0)), ("24", 24, 56, (0xFF0000, 0xFF00, 0xFF, 0)),
            ("BGRA", 32, 56, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
            ("ABGR", 32, 124, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
            ("RGBA", 32, 108, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
            ("BGAR", 32, 56, (0xFF000000, 0xFF00, 0xFF, 0xFF0000))):
        yield f"bmp masks {name} {header}", bmp(5, 3, bits, header=header, compression=3, masks=masks)
    yield "bmp run length 8", bmp(7, 5, 8, compression=1, data=runs8(), palette=bytes(range(256)) * 4)
    yield "bmp run length 8 top down", bmp(7, 5, 8, compression=1, data=runs8(), top_down=True)
    yield "bmp run length 8 gray", bmp(7, 5, 8, compression=1, data=runs8(), palette=gray)
    yield "bmp run length 4", bmp(9, 5, 4, compression=2, data=runs4())
    for name, data in (("bits 2", bmp(4, 4, 2)), ("compression 4", bmp(4, 4, 24, compression=4)),
                       ("masks", bmp(5, 3, 32, compression=3, masks=(1, 2, 3)))):
        yield f"bmp {name}", data, "unsupported"
    whole = bmp(5, 3, 24)
    yield "bmp cut", whole[:-5], "malformed"
    yield "bmp zero width", bmp(0, 3, 24), "malformed"
    yield "bmp runs that end early", bmp(7, 5, 8, compression=1, data=runs8()[:12]), "malformed"
    yield "bmp runs of 24 bits", bmp(5, 3, 24, compression=1), "malformed"
    yield "bmp 70000 wide", bmp(5, 3, 24)[:18] + struct.pack("<i", 70_000) + whole[22:], "overLimit"


# GIF.

def lzw(indices, depth):
    """GIF's blocks with the codes of the indices, without a table: a clear code every few pixels."""
    clear, bits = 1 << depth, []
    codes = [clear]
    for number, index in enumerate(indices):
        if number and number % (clear // 2 or 1) == 0:
            codes.append(clear)
        codes.append(int(index))
    codes.append(clear + 1)
    for code in codes:
        bits += [code >> i & 1 for i in range(depth + 1)]
    data = np.packbits(np.array(bits, np.uint8), bitorder="little").tobytes()
    return bytes([depth]) + b"".join(
        bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255)) + b"\0"


def gif(screen, frame, depth=4, *, palette=None, local=None, interlaced=False, before=b"", seed=1,
        after=b";", data=None, flags=0):
    """A GIF with one frame (x, y, width, height) of random indices."""
    x, y, width, height = frame
    indices = np.random.default_rng(seed).integers(0, 1 << depth, height * width)
    def packed(colors):
        return 0x80 | (len(colors) // 3).bit_length() - 2 if colors else 0
    return (b"GIF89a" + struct.pack("<HHBBB", *screen, packed(palette), 0, 0) + (palette or b"")
            + before + b"," + struct.pack("<HHHHB", x, y, width, height,
                                          packed(local) | (0x40 if interlaced else 0) | flags)
            + (local or b"") + (lzw(indices, depth) if data is None else data) + after)


def gif_cases():
    colors = bytes((37 * i + 11) % 256 for i in range(768))
    ramp = bytes(i for i in range(256) for _ in range(3))
    transparent = b"!\xf9\x04\x01\0\0\x05\0"
    for depth in (1, 2, 4, 8):
        code = max(depth, 2)
        yield f"gif of {1 << depth} colors", gif((7, 5), (0, 0, 7, 5), code, palette=colors[:3 << depth])
    yield "gif interlaced", gif((7, 21), (0, 0, 7, 21), palette=colors[:48], interlaced=True)
    yield "gif interlaced, one row", gif((7, 1), (0, 0, 7, 1), palette=colors[:48], interlaced=True)
    yield "gif gray", gif((7, 5), (0, 0, 7, 5), 8, palette=ramp)
    yield "gif without palette", gif((7, 5), (0, 0, 7, 5), 8)
    yield "gif of 16 grays", gif((7, 5), (0, 0, 7, 5), 8, palette=ramp[:48])
    yield "gif local palette", gif((7, 5), (0, 0, 7, 5), palette=colors[:48], local=colors[90:138])
    yield "gif small frame", gif((9, 8), (2, 1, 5, 4), palette=colors[:48])
    yield "gif small frame, transparent", gif((9, 8), (2, 1, 5, 4), palette=colors[:48],
                                              before=transparent)
    yield "gif frame beyond the screen", gif((4, 3), (2, 1, 5, 4), palette=colors[:48])
    yield "gif extensions", gif((7, 5), (0, 0, 7, 5), palette=colors[:48],
                                before=b"!\xfe\x03abc\x02de\0" + transparent
                                + b"!\xff\x0bNETSCAPE2.0\x03\1\0\0\0")
    yield "gif without end", gif((7, 5), (0, 0, 7, 5), palette=colors[:48], after=b"")
    animated = io.BytesIO()
    frames = [Image.new("P", (8, 6), index) for index in range(3)]
    for index, image in enumerate(frames):
        image.putpalette(colors)
        image.putpixel((index, index), 9)
    frames[0].save(animated, "GIF", save_all=True, append_images=frames[1:], duration=50)
    yield "gif animation", animated.getvalue()
    noise = Image.frombytes("P", (16, 12), bytes((i * i) % 7 for i in range(192)))
    noise.putpalette(colors)
    whole = io.BytesIO()
    noise.save(whole, "GIF")
    yield "gif with strings", whole.getvalue()
    yield "gif cut", gif((7, 5), (0, 0, 7, 5), palette=colors[:48])[:-9], "malformed"
    yield "gif no image", gif((7, 5), (0, 0, 7, 5))[:13] + b";", "malformed"
    yield "gif empty frame", gif((7, 5), (0, 0, 0, 5), data=b"\2\0"), "malformed"
    yield "gif code 11", gif((7, 5), (0, 0, 7, 5), 4, palette=colors[:48],
                             data=bytes([4, 3, 0xFF, 0xFF, 0xFF, 0])), "malformed"


# TIFF.

TYPES = {1: "B", 2: "c", 3: "H", 4: "I", 16: "Q"}


def tiff(width, height, bits, samples=1, photometric=1, *, order="<", planar=1, tile=None, rows=None,
         big=False, seed=1, extra=None, format=None, palette=None, fill=1, tags=(), data=None,
         compression=1, encode=lambda data: data, pages=1):
    """An uncompressed TIFF of random samples, or one with the given encoder of segments."""
    random = np.random.default_rng(seed)
    planes = samples if planar == 2 else 1
    depth = bits * (1 if planar == 2 else samples)
    across, down = (width, rows or height) if tile is None else tile
    segments = []
    for _ in range(planes):
        for top in range(0, height, down):
            lines = down if tile else min(down, height - top)
            for _ in range(0, width, across):
                segment = random.integers(0, 256, lines * ((across * depth + 7) // 8)).astype(np.uint8)
                segments.append(encode(segment.tobytes()) if data is None else data)
    entries = [(256, 3, [width]), (257, 3, [height]), (258, 3, [bits] * samples),
               (259, 3, [compression]), (262, 3, [photometric]), (277, 3, [samples]),
               (284, 3, [planar]), *tags]
    if fill != 1:
        entries.append((266, 3, [fill]))
    if extra is not None:
        entries.append((338, 3, extra))
    if format is not None:
        entries.append((339, 3, [format] * samples))
    if palette is not None:
        entries.append((320, 3, palette))
    if tile:
        entries += [(322, 3, [across]), (323, 3, [down]), (324, 4, segments), (325, 4, None)]
    else:
        entries += [(278, 3, [down]), (273, 4, segments), (279, 4, None)]
    body, positions = b"", []
    start = 16 if big else 8
    for segment in segments:
        positions.append(start + len(body))
        body += segment + b"\0" * (len(segment) % 2)
    wide, offset_kind = (8, "Q") if big else (4, "I")
    outside, fields = b"", []
    directory = start + len(body)
    directory += directory % 2
    size = (8 + 20 * len(entries) + 8) if big else (2 + 12 * len(entries) + 4)
    for tag, kind, values in sorted(entries, key=lambda entry: entry[0]):
        if tag in (273, 324):
            values = positions
        elif tag in (279, 325):
            values = [len(segment) for segment in segments]
        packed = values if isinstance(values, bytes) else struct.pack(
            f"{order}{len(values)}{TYPES[kind]}", *values)
        count = len(values)
        if len(packed) > wide:
            position = directory + size + len(outside)
            outside += packed + b"\0" * (len(packed) % 2)
            packed = struct.pack(order + offset_kind, position)
        fields.append(struct.pack(order + "HH" + offset_kind, tag, kind, count) + packed.ljust(wide, b"\0"))
    head = b"II" if order == "<" else b"MM"
    if big:
        head += struct.pack(order + "HHHQ", 43, 8, 0, directory)
        table = struct.pack(order + "Q", len(fields))
    else:
        head += struct.pack(order + "HI", 42, directory)
        table = struct.pack(order + "H", len(fields))
    body += b"\0" * ((start + len(body)) % 2)
    return head + body + table + b"".join(fields) + struct.pack(order + offset_kind, 0) + outside


def packed_tiff(image, compression, **options):
    file = io.BytesIO()
    image.save(file, "TIFF", compression=compression, **options)
    return file.getvalue()


def tiff_cases():
    ramp = {bits: [(257 * 37 * i + 11 * c) % 65536 for c in range(3) for i in range(1 << bits)]
            for bits in (1, 2, 4, 8)}
    for order in "<>":
        for bits in (1, 2, 4, 8, 16):
            yield f"tiff gray {bits} {order}", tiff(9, 5, bits, order=order)
        for bits in (1, 2, 4, 8):
            yield f"tiff inverted {bits} {order}", tiff(9, 5, bits, photometric=0, order=order)
            yield f"tiff palette {bits} {order}", tiff(9, 5, bits, photometric=3, palette=ramp[bits],
                                                       order=order)
        for bits in (8, 16):
            yield f"tiff RGB {bits} {order}", tiff(7, 5, bits, 3, 2, order=order, rows=2)
            yield f"tiff CMYK {bits} {order}", tiff(7, 5, bits, 4, 5, order=order)
            for kind in (0, 1, 2):
                yield f"tiff RGBA {bits} extra {kind} {order}", tiff(7, 5, bits, 4, 2, extra=[kind],
                                                                     order=order)
        yield f"tiff signed 16 {order}", tiff(7, 5, 16, format=2, order=order)
        yield f"tiff signed 32 {order}", tiff(7, 5, 32, format=2, order=order)
        yield f"tiff float {order}", tiff(7, 5, 32, format=3, order=order)
    yield "tiff big", tiff(7, 5, 8, 3, 2, big=True, rows=3)
    yield "tiff gray 12", tiff(8, 5, 12)
    yield "tiff inverted 16", tiff(7, 5, 16, photometric=0)
    yield "tiff gray and alpha", tiff(7, 5, 8, 2, extra=[2])
    yield "tiff palette and alpha", tiff(7, 5, 8, 2, 3, palette=ramp[8], extra=[2])
    yield "tiff RGB and three more", tiff(7, 5, 8, 6, 2, extra=[0, 0, 0])
    yield "tiff CMYK and one more", tiff(7, 5, 8, 5, 5, extra=[0])
    yield "tiff luma", tiff(7, 5, 8, 3, 6)
    yield "tiff planar", tiff(7, 5, 8, 3, 2, planar=2, rows=2)
    yield "tiff planar 4", tiff(7, 5, 8, 4, 2, planar=2, extra=[2])
    yield "tiff planar CMYK", tiff(7, 5, 8, 4, 5, planar=2)
    yield "tiff tiles", tiff(37, 21, 8, 3, 2, tile=(16, 16))
    yield "tiff gray tiles", tiff(33, 17, 8, tile=(16, 16))
    yield "tiff planar tiles", tiff(20, 17, 8, 3, 2, planar=2, tile=(16, 16))
    for bits in (1, 4, 8):
        yield f"tiff reversed bits {bits}", tiff(9, 5, bits, fill=2)
    for value in range(1, 9):
        yield f"tiff orientation {value}", tiff(7, 5, 8, 3, 2, tags=[(274, 3, [value])])
    yield "tiff xmp 6", tiff(7, 5, 8, 3, 2, tags=[(700, 1, b'<x tiff:Orientation="6">')])
    yield "tiff big orientation 6", tiff(7, 5, 8, 3, 2, big=True, tags=[(274, 3, [6])])
    gray = Image.frombytes("L", (19, 13), bytes((i * i) % 251 for i in range(247)))
    color = Image.merge("RGB", [gray, gray.rotate(180), gray.point(lambda v: 255 - v)])
    bits = gray.point(lambda v: 255 * (v > 99)).convert("1")
    for kind in ("packbits", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "lzma", "zstd", "jpeg"):
        for mode, image in (("L", gray), ("RGB", color), ("CMYK", color.convert("CMYK"))):
            yield f"tiff {kind} {mode}", packed_tiff(image, kind)
    for kind in ("group3", "group4", "tiff_ccitt"):
        yield f"tiff {kind}", packed_tiff(bits, kind)
    for kind in ("tiff_lzw", "tiff_adobe_deflate", "zstd", "lzma"):
        yield f"tiff {kind} predictor", packed_tiff(color, kind, tiffinfo={317: 2})
        wide = Image.frombytes("I;16", (9, 7), bytes((7 * i) % 251 for i in range(126)))
        yield f"tiff {kind} 16", packed_tiff(wide, kind)
    for quality in (30, 100):
        yield f"tiff YCbCr jpeg {quality}", packed_tiff(color.convert("YCbCr"), "jpeg", quality=quality)
    yield "tiff YCbCr lzw", packed_tiff(color.convert("YCbCr"), "tiff_lzw", tiffinfo={530: (1, 1)})
    pages = io.BytesIO()
    gray.save(pages, "TIFF", save_all=True, append_images=[color], compression="tiff_lzw")
    yield "tiff pages", pages.getvalue()
    whole = tiff(7, 5, 8, 3, 2)
    yield "tiff cut", whole[:40], "malformed"
    yield "tiff no directory", whole[:8], "malformed"
    yield "tiff strip outside", tiff(7, 5, 8, 3, 2).replace(struct.pack("<HHII", 273, 4, 1, 8),
                                                           struct.pack("<HHII", 273, 4, 1, 900)), "malformed"
    yield "tiff 70000 wide", tiff(7, 5, 8).replace(struct.pack("<HHIHH", 256, 3, 1, 7, 0),
                                                   struct.pack("<HHII", 256, 4, 1, 70000)), "overLimit"
    yield "tiff Lab", tiff(7, 5, 8, 3, 8), "unsupported"
    yield "tiff RGB of 4 bits", tiff(7, 5, 4, 3, 2), "unsupported"


# HEIC and AVIF.

def saved_as(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def heif_cases():
    """Tiny images by Pillow and pillow-heif: every sampling and turn."""
    import pillow_heif  # pylint: disable=import-outside-toplevel
    pillow_heif.register_heif_opener()
    y, x = np.mgrid[0:18, 0:26]
    waves = [(127 + 100 * np.sin(x / a + y / b)).astype(np.uint8) for a, b in ((7, 9), (11, 5), (6, 14))]
    image = Image.fromarray(np.stack(waves, -1))
    odd = image.crop((0, 0, 19, 13))
    for value in (1, 2, 3, 4, 5, 6, 7, 8):
        block = b"Exif\0\0" + exif(value)
        yield f"avif turned {value}", saved_as(image, "AVIF", exif=block, speed=10)
        yield f"heic turned {value}", saved_as(image, "HEIF", exif=block)
    for sampling in ("4:2:0", "4:2:2", "4:4:4", "4:0:0"):
        yield f"avif {sampling}", saved_as(odd, "AVIF", subsampling=sampling, speed=10)
    yield "avif limited range", saved_as(image, "AVIF", range="limited", speed=10)
    yield "avif lossless", saved_as(odd, "AVIF", quality=100, subsampling="4:4:4", speed=10)
    for chroma in (420, 422, 444):
        yield f"heic {chroma}", saved_as(odd, "HEIF", chroma=chroma)
    yield "heic wide", saved_as(image.resize((150, 2)), "HEIF")
    yield "heic gray", saved_as(odd.convert("L"), "HEIF")
    alpha = image.copy()
    alpha.putalpha(100)
    yield "avif alpha", saved_as(alpha, "AVIF", speed=10)
    yield "heic alpha", saved_as(alpha, "HEIF")
    pages = pillow_heif.from_pillow(image)
    pages.add_from_pillow(odd)
    file = io.BytesIO()
    pages.save(file)
    yield "heic of two images", file.getvalue()
