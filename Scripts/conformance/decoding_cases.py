"""The files for check_decoding: intact ones of every kind, and systematically damaged ones.

A family is a function that yields names and files.
"""

import itertools
import random
import shutil
import struct
import subprocess
import zlib

from image_cases import jpeg_cases, noise, png_cases, pnm_cases, saved, smooth, webp_cases
from raster_cases import bmp, bmp_cases, gif, gif_cases, heif_cases, tiff, tiff_cases
from image_encoders import chunk, exif, jpeg, png, segment

TOOLS = ("cjpeg", "jpegtran", "cwebp", "webpmux")
SIZES = [(1, 1), (2, 3), (5, 1), (1, 5), (7, 9), (8, 8), (17, 33)]
XMP = b'<x:xmpmeta xmlns:tiff="t"><rdf:Description %s/></x:xmpmeta>'


def missing_tools():
    return [tool for tool in TOOLS if not shutil.which(tool)]


def run(*command, data=b""):
    """A program's standard output."""
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def ppm(image):
    return saved(image, "PPM")


# Whole files.

def recorded():
    """The images of the tests."""
    for cases in (png_cases, jpeg_cases, webp_cases, pnm_cases, bmp_cases, gif_cases, tiff_cases):
        for name, data, *_ in cases():
            yield name, data


def png_whole():
    palette = bytes((37 * i + 11) % 256 for i in range(768))
    kinds = [(0, d) for d in (1, 2, 4, 8, 16)] + [(3, d) for d in (1, 2, 4, 8)] + [
        (c, d) for c in (2, 4, 6) for d in (8, 16)]
    for (color, depth), (w, h), interlaced in itertools.product(kinds, SIZES, (0, 1)):
        name = f"png color {color} depth {depth} {w}x{h} interlaced {interlaced}"
        for entries in {1, 3 << depth >> 2 or 1, 1 << depth} if color == 3 else {0}:
            before = chunk(b"PLTE", palette[:3 * entries]) if color == 3 else b""
            for pieces in (1, 3):
                yield (f"{name}, {entries} colors, {pieces} IDAT",
                       png(w, h, depth, color, 1, interlaced, before, pieces=pieces))
        alpha = {0: struct.pack(">H", 1), 2: struct.pack(">HHH", 1, 2, 3), 3: b"\0\x80\xff"}
        if color in alpha:
            before = chunk(b"PLTE", palette[:3 << depth]) if color == 3 else b""
            yield f"{name} tRNS", png(w, h, depth, color, 1, interlaced,
                                      before + chunk(b"tRNS", alpha[color][:1 << depth]))
    ancillary = {
        b"gAMA": b"\0\0\xb1\x8f", b"cHRM": bytes(32), b"sRGB": b"\0", b"pHYs": bytes(9),
        b"bKGD": bytes(6), b"tIME": bytes(7), b"tEXt": b"a\0b", b"sBIT": b"\5\6\5", b"hIST": b"\0\1",
        b"zTXt": b"a\0\0" + zlib.compress(b"text"), b"iTXt": b"a\0\0\0\0\0text", b"sPLT": b"a\0\x08",
        b"iCCP": b"a\0\0" + zlib.compress(b"profile"), b"oFFs": bytes(9), b"vpAg": bytes(9),
        b"abCd": b"?", b"abcd": b"?", b"ABCd": b"?", b"ABcd": b"?", b"cICP": b"\1\1\0\1",
        b"acTL": struct.pack(">II", 1, 0), b"IHDR": bytes(13), b"PLTE": bytes(6), b"tRNS": bytes(6)}
    for kind, data in ancillary.items():
        for content in (data, b"", data + b"\0", data[:-1]):
            yield (f"png {kind} of {len(content)} before",
                   png(3, 2, 8, 2, 1, before=chunk(kind, content)))
            yield f"png {kind} of {len(content)} after", png(3, 2, 8, 2, 1, after=chunk(kind, content))
        yield f"png {kind} twice", png(3, 2, 8, 2, 1, before=2 * chunk(kind, data))
    whole = png(7, 5, 8, 2, 1)
    end, data = whole.index(b"IDAT") - 4, whole[41:-16]
    yield "png IDAT between others", (whole[:end] + chunk(b"IDAT", data[:9]) + chunk(b"tEXt", b"a\0b")
                                      + chunk(b"IDAT", data[9:]) + chunk(b"IEND", b""))
    yield "png empty IDAT first", whole[:end] + chunk(b"IDAT", b"") + whole[end:]
    yield "png empty IDAT last", whole[:-12] + chunk(b"IDAT", b"") + whole[-12:]
    yield "png more data", whole[:end] + chunk(
        b"IDAT", zlib.compress(zlib.decompress(data) + b"more")) + chunk(b"IEND", b"")
    yield "png data after the stream", whole[:end] + chunk(b"IDAT", data + b"tail") + whole[-12:]
    yield "png no IDAT", whole[:end] + whole[-12:]
    yield "png IEND first", whole[:end] + whole[-12:] + whole[end:]
    for level, window in itertools.product((0, 1, 9), (9, 12, 15)):
        compressor = zlib.compressobj(level, zlib.DEFLATED, window)
        stream = compressor.compress(zlib.decompress(data)) + compressor.flush()
        yield f"png level {level} window {window}", whole[:end] + chunk(b"IDAT", stream) + whole[-12:]


def jpeg_whole():
    for across, down, seed in itertools.product((1, 2, 3, 4), (1, 2, 3, 4), (1, 2)):
        factors = [(across, down), (1, 1), (1, 1)]
        if sum(h * v for h, v in factors) <= 10:
            for w, h in SIZES + [(40, 27)]:
                yield (f"jpeg {w}x{h} {across}x{down} {seed}", jpeg(w, h, factors, seed, jfif=True))
    generator = random.Random(1)
    for seed in range(150):
        count = generator.choice((1, 3, 3, 3, 4))
        factors = [(generator.randint(1, 4), generator.randint(1, 4)) for _ in range(count)]
        adobe = generator.choice((None, None, 0, 1, 2))
        ids = generator.choice((None, None, list(b"RGB"), [0, 1, 2], [1, 2, 2], list(b"rgb")))
        if count != 3:
            ids = None
        yield (f"jpeg {factors} adobe {adobe} ids {ids} {seed}",
               jpeg(generator.randint(1, 40), generator.randint(1, 40), factors, seed, ids, adobe,
                    generator.random() < 0.5, restart=generator.choice((0, 0, 1, 2, 3))))
    for quality, sampling, progressive, (w, h) in itertools.product(
            (1, 30, 75, 100), (0, 1, 2), (False, True), SIZES + [(64, 48)]):
        yield (f"jpeg quality {quality} sampling {sampling} progressive {progressive} {w}x{h}",
               saved(smooth(w, h), "JPEG", quality=quality, subsampling=sampling,
                     progressive=progressive))
        if sampling == 0:
            for mode in ("L", "CMYK"):
                yield (f"jpeg {mode} quality {quality} progressive {progressive} {w}x{h}",
                       saved(noise(w, h).convert(mode), "JPEG", quality=quality,
                             progressive=progressive))
    if shutil.which("cjpeg"):
        for flags in itertools.product(
                ("-quality 60", "-quality 100", "-quality 10 -grayscale", "-rgb"),
                ("", "-progressive"), ("", "-arithmetic", "-optimize"), ("", "-restart 1"),
                ("-sample 1x1", "-sample 2x2", "-sample 2x1", "-sample 1x2", "-sample 4x1")):
            text = " ".join(flags).split()
            for w, h in ((1, 1), (16, 16), (33, 21)):
                yield f"cjpeg {' '.join(text)} {w}x{h}", run("cjpeg", *text, data=ppm(smooth(w, h)))
    if shutil.which("jpegtran"):
        for mode, flags in itertools.product(
                ("RGB", "L", "CMYK"), ("-progressive", "-arithmetic", "-arithmetic -progressive",
                                       "-restart 1B", "-optimize", "-crop 9x9+8+8")):
            data = saved(smooth(37, 29).convert(mode), "JPEG", quality=50)
            yield f"jpegtran {mode} {flags}", run("jpegtran", *flags.split(), data=data)


def webp_whole():
    for w, h in SIZES + [(64, 48)]:
        image = smooth(w, h)
        alpha = image.copy()
        alpha.putalpha(noise(w, h).convert("L"))
        gray = image.convert("L").convert("RGB")
        few = image.quantize(5).convert("RGB")
        for source, name in ((image, "RGB"), (alpha, "RGBA"), (gray, "gray"), (few, "few"),
                             (noise(w, h), "noise")):
            for method in (0, 3, 6):
                yield (f"webp lossless {name} {w}x{h} method {method}",
                       saved(source, "WEBP", lossless=True, method=method))
                yield (f"webp lossless exact {name} {w}x{h} method {method}",
                       saved(source, "WEBP", lossless=True, method=method, exact=True))
                for quality in (0, 50, 100):
                    yield (f"webp {quality} {name} {w}x{h} method {method}",
                           saved(source, "WEBP", quality=quality, method=method))
        for lossless in (False, True):
            frames = [alpha.rotate(90 * i, expand=False) for i in range(3)]
            for background in ((0, 0, 0, 0), (9, 200, 30, 255)):
                yield (f"webp animation {w}x{h} lossless {lossless} {background}",
                       saved(frames[0], "WEBP", save_all=True, append_images=frames[1:],
                             lossless=lossless, background=background))
    if shutil.which("cwebp"):
        for flags in ("-lossless -z 9", "-near_lossless 40", "-q 30 -sns 100 -f 100 -strong",
                      "-q 30 -nostrong -f 50", "-q 60 -segments 1 -partition_limit 100",
                      "-q 60 -alpha_q 10", "-q 60 -alpha_method 0", "-q 60 -alpha_filter best",
                      "-size 300", "-preset text", "-sharp_yuv"):
            for source in (smooth(40, 31), alpha):
                yield f"cwebp {flags} {source.mode}", run(
                    "cwebp", "-quiet", *flags.split(), "-o", "-", "--", "-", data=saved(source, "PNG"))


def pnm_whole():
    data = bytes((67 * i + 5) % 256 for i in range(4000))
    for kind in (4, 5, 6):
        for maximum in (1, 2, 7, 99, 127, 128, 254, 255, 256, 257, 1023, 4095, 32768, 65534, 65535):
            for w, h in SIZES:
                top = "" if kind == 4 else f" {maximum}"
                yield f"pnm P{kind} {w}x{h}{top}", f"P{kind} {w} {h}{top}\n".encode() + data
    generator = random.Random(2)
    for kind in (1, 2, 3):
        for seed in range(60):
            maximum = generator.choice((1, 2, 9, 15, 200, 255, 256, 1000, 65535))
            w, h = generator.choice(SIZES)
            blank = [generator.choice((" ", "\n", "\t", "\r\n", "  ", "\v", "\f", " # c\n", "#\n"))
                     for _ in range(6)]
            top = 1 if kind == 1 else maximum
            count = w * h * (3 if kind == 3 else 1) + generator.choice((0, 0, 0, 1, -1))
            numbers = [str(generator.randint(0, top)) for _ in range(count)]
            text = "".join(n + blank[i % 6] for i, n in enumerate(numbers))
            head = f"P{kind}{blank[0]}{w}{blank[1]}{h}{blank[2]}" + (
                "" if kind == 1 else f"{maximum}{blank[3]}")
            yield f"pnm P{kind} {seed}", (head + text).encode()
    for magic in ("P0", "P7", "P8", "P9", "Pf", "PF", "Py", "P5x", "P5", "P 5", "p5"):
        yield f"pnm magic {magic}", f"{magic} 2 2 255\n".encode() + data[:12]


# Orientation.

def with_exif(block, prefix=b"Exif\0\0"):
    """The same 5 x 3 image in each format that can hold EXIF."""
    image = smooth(5, 3)
    yield "jpeg", jpeg(5, 3, [(1, 1)] * 3, 7, before=segment(0xE1, prefix + block))
    yield "png", png(5, 3, 8, 2, 1, before=chunk(b"eXIf", block))
    yield "webp", saved(image, "WEBP", lossless=True, exif=prefix + block)


def orientation():
    for value, order, kind in itertools.product(
            [*range(0, 11), 255, 256, 1536, 65535], "<>", range(0, 15)):
        for name, data in with_exif(exif(value, order, kind)):
            yield f"{name} orientation {value} order {order} type {kind}", data
    for value, order, count in itertools.product((1, 3, 6), "<>", (0, 2, 3, 5, 1 << 30)):
        for name, data in with_exif(exif(value, order, 3, count)):
            yield f"{name} orientation {value} order {order} count {count}", data
    for value in range(0, 10):
        for text in (b'tiff:Orientation="%d"', b"tiff:Orientation='%d'", b'tiff:Orientation = "%d"',
                     b'tiff:Orientation="%d', b'a="1"/><tiff:Orientation>%d</tiff:Orientation',
                     b"><tiff:Orientation>%d<", b"tiff:Orientation>%d</tiff:Orientation"):
            packet = XMP % (text % value)
            yield f"jpeg XMP {packet}", jpeg(5, 3, [(1, 1)] * 3, 7, before=segment(
                0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet))
            for method in (b"\0\0", b"\1\0"):
                content = zlib.compress(packet) if method[0] else packet
                yield f"png XMP {packet} compressed {method[0]}", png(5, 3, 8, 2, 1, before=chunk(
                    b"iTXt", b"XML:com.adobe.xmp\0" + method + b"\0\0" + content))
            yield f"webp XMP {packet}", saved(smooth(5, 3), "WEBP", lossless=True, xmp=packet)
        for kind in (b"tEXt", b"zTXt", b"iTXt"):
            for name in (b"exif", b"APP1"):
                block = b"Exif\0\0" + exif(value)
                text = b"\n%s\n%8d\n%s\n" % (name, len(block), block.hex().encode())
                content = {b"tEXt": text, b"zTXt": b"\0" + zlib.compress(text),
                           b"iTXt": b"\0\0\0\0" + text}[kind]
                yield f"png raw profile {name} {kind} {value}", png(5, 3, 8, 2, 1, before=chunk(
                    kind, b"Raw profile type " + name + b"\0" + content))
        both = XMP % (b'tiff:Orientation="%d"' % value)
        yield f"jpeg EXIF 3 and XMP {value}", jpeg(
            5, 3, [(1, 1)] * 3, 7, before=segment(0xE1, b"Exif\0\0" + exif(3)) + segment(
                0xE1, b"http://ns.adobe.com/xap/1.0/\0" + both))
        yield f"jpeg EXIF twice {value}", jpeg(
            5, 3, [(1, 1)] * 3, 7, before=segment(0xE1, b"Exif\0\0" + exif(value)[:14]) + segment(
                0xE1, b"Exif\0\0" + exif(value)[14:]))


def damaged_exif():
    blocks = [exif(6, order, before=[
        struct.pack(order + "HHLL", 0x010F, 2, 9, 50), struct.pack(order + "HHLL", 0x0110, 3, 1, 7)])
        + b"a name\0\0\0\0\0\0" for order in "<>"]
    for block in blocks:
        for offset, value in itertools.product(range(len(block)), (0, 1, 2, 3, 8, 127, 128, 255)):
            damaged = block[:offset] + bytes([value]) + block[offset + 1:]
            for name, data in with_exif(damaged):
                yield f"{name} EXIF byte {offset} = {value}", data
        for length in range(len(block)):
            for name, data in with_exif(block[:length]):
                yield f"{name} EXIF cut at {length}", data
        for prefix in (b"", b"Exif\0\0Exif\0\0", b"Exif\0", b"exif\0\0", b"Exif\0\1", b"Exif  "):
            for name, data in with_exif(block, prefix):
                yield f"{name} EXIF prefix {prefix}", data


# Damage.

def png_samples():
    palette = bytes((37 * i + 11) % 256 for i in range(48))
    yield png(5, 4, 8, 2, 1)
    yield png(5, 4, 8, 6, 1, 1, pieces=2)
    yield png(9, 3, 4, 3, 1, 0, chunk(b"PLTE", palette) + chunk(b"tRNS", b"\0\x80"))
    yield png(9, 3, 1, 0, 1, 1)
    yield png(4, 3, 16, 0, 1)
    yield png(5, 3, 8, 4, 1, 0, chunk(b"gAMA", b"\0\0\xb1\x8f") + chunk(b"eXIf", exif(6)))
    yield png(5, 3, 8, 2, 1, after=chunk(b"eXIf", exif(5)) + chunk(b"tEXt", b"a\0b"))


def jpeg_samples():
    full = [(1, 1)] * 3
    yield jpeg(11, 9, [(2, 2), (1, 1), (1, 1)], 1, jfif=True)
    yield jpeg(11, 9, [(1, 1)], 2)
    yield jpeg(11, 9, full, 3, adobe=0)
    yield jpeg(11, 9, [(1, 1)] * 4, 4, adobe=2)
    yield jpeg(20, 9, full, 5, restart=1)
    yield saved(smooth(13, 11), "JPEG", quality=40, progressive=True)
    yield jpeg(5, 3, full, 7, before=segment(0xE1, b"Exif\0\0" + exif(6)))
    if shutil.which("cjpeg"):
        yield run("cjpeg", "-quality", "40", "-arithmetic", data=ppm(smooth(13, 11)))
        yield run("cjpeg", "-quality", "40", "-arithmetic", "-progressive", data=ppm(smooth(13, 11)))


def webp_samples():
    image = smooth(13, 11)
    alpha = image.copy()
    alpha.putalpha(noise(13, 11).convert("L"))
    yield saved(image, "WEBP", lossless=True)
    yield saved(image, "WEBP", quality=30)
    yield saved(alpha, "WEBP", quality=30)
    yield saved(image, "WEBP", lossless=True, exif=b"Exif\0\0" + exif(6))
    yield saved(alpha, "WEBP", save_all=True, append_images=[image], lossless=True)


def pnm_samples():
    data = bytes((67 * i + 5) % 256 for i in range(36))
    yield b"P6 4 3 255\n" + data
    yield b"P5 # c\n4\n3 255\n" + data[:12]
    yield b"P5 3 2 999 " + data[:12]
    yield b"P4 9 3 " + data[:6]
    yield b"P1 3 2\n1 0 1 0#c\n1 0\n"
    yield b"P2 2 2 15 1 2 3 15\n"
    yield b"P3 1 2 300 1 2 3 4 5 300"


def header_bytes(samples, most):
    """Every byte of the beginning set to other values."""
    def cases():
        for number, data in enumerate(samples()):
            for offset in range(min(len(data), most)):
                old = data[offset]
                for value in sorted({0, 1, 2, 4, 127, 128, 255, old ^ 1, old ^ 16, old ^ 128,
                                     (old + 1) & 255, (old - 1) & 255} - {old}):
                    yield (f"sample {number} byte {offset} = {value}",
                           data[:offset] + bytes([value]) + data[offset + 1:])
    return cases


def truncations(samples):
    def cases():
        for number, data in enumerate(samples()):
            for length in range(len(data)):
                yield f"sample {number} cut at {length}", data[:length]
            yield f"sample {number} with a tail", data + b"tail"
    return cases


def random_damage(samples, rounds):
    """Bytes changed, removed and inserted anywhere."""
    def cases():
        generator = random.Random(3)
        for number, data in enumerate(samples()):
            for turn in range(rounds):
                damaged = bytearray(data)
                for _ in range(generator.randint(1, 3)):
                    offset = generator.randrange(len(damaged))
                    kind = generator.randrange(4)
                    if kind < 2:
                        damaged[offset] = generator.randrange(256)
                    elif kind == 2:
                        del damaged[offset]
                    else:
                        damaged.insert(offset, generator.randrange(256))
                yield f"sample {number} damage {turn}", bytes(damaged)
    return cases


def png_chunks(data):
    """(offset, type, content) of each chunk."""
    offset = 8
    while offset < len(data):
        length, = struct.unpack(">I", data[offset:offset + 4])
        yield offset, data[offset + 4:offset + 8], data[offset + 8:offset + 8 + length]
        offset += 12 + length


def png_checksums():
    """Every byte of every checksum changed, including zlib's."""
    for number, data in enumerate(png_samples()):
        for offset, kind, content in png_chunks(data):
            end = offset + 8 + len(content)
            for place, bit in itertools.product(range(end, end + 4), (1, 128)):
                yield (f"sample {number} checksum of {kind} byte {place - end}",
                       data[:place] + bytes([data[place] ^ bit]) + data[place + 1:])
            if kind == b"IDAT":
                for back in range(1, 5):
                    damaged = content[:-back] + bytes([content[-back] ^ 1]) + content[
                        len(content) - back + 1:]
                    yield (f"sample {number} zlib's checksum {back}",
                           data[:offset] + chunk(kind, damaged) + data[end + 4:])


def png_contents():
    """Every byte of every chunk set to other values, with a correct checksum."""
    for number, data in enumerate(png_samples()):
        for offset, kind, content in png_chunks(data):
            end = offset + 12 + len(content)
            for place in range(len(content)):
                old = content[place]
                for value in sorted({0, 1, 3, 8, 16, 255, old ^ 1, old ^ 128} - {old}):
                    damaged = content[:place] + bytes([value]) + content[place + 1:]
                    yield (f"sample {number} {kind} byte {place} = {value}",
                           data[:offset] + chunk(kind, damaged) + data[end:])
            for length in range(len(content)):
                yield (f"sample {number} {kind} of {length} bytes",
                       data[:offset] + chunk(kind, content[:length]) + data[end:])
            yield f"sample {number} without {kind}", data[:offset] + data[end:]
            yield f"sample {number} {kind} twice", data[:end] + data[offset:]


def jpeg_segments():
    """Every segment missing, doubled, or empty."""
    for number, data in enumerate(jpeg_samples()):
        offset = 2
        while data[offset + 1] != 0xD9:
            length = 2 + struct.unpack(">H", data[offset + 2:offset + 4])[0]
            end = offset + length
            name = f"sample {number} {data[offset + 1]:02x} at {offset}"
            yield f"{name} missing", data[:offset] + data[end:]
            yield f"{name} twice", data[:end] + data[offset:]
            yield f"{name} empty", data[:offset + 2] + b"\0\2" + data[end:]
            for marker in range(0xC0, 0x100):
                yield (f"{name} as {marker:02x}",
                       data[:offset + 1] + bytes([marker]) + data[offset + 2:])
            if data[offset + 1] == 0xDA:
                while data[end] != 0xFF or data[end + 1] in (0, *range(0xD0, 0xD8)):
                    end += 1
                for marker in range(0xC0, 0x100):
                    yield (f"{name} marker {marker:02x} within",
                           data[:end - 4] + bytes([0xFF, marker]) + data[end - 4:])
            offset = end


# BMP, GIF, TIFF.

def bmp_whole():
    for bits, header, (w, h), top in itertools.product(
            (1, 4, 8, 16, 24, 32), (12, 40, 52, 56, 64, 108, 124), SIZES, (False, True)):
        if header > 12 or not top:
            yield f"bmp {bits} header {header} {w}x{h} {top}", bmp(w, h, bits, header=header,
                                                                  top_down=top)
    generator = random.Random(4)
    for seed in range(400):
        data = bytes(generator.choice((0, 0, 1, 2, 3, 5, 9, 40, 200)) for _ in range(60))
        for kind, bits in ((1, 8), (2, 4)):
            yield f"bmp runs {kind} {seed}", bmp(7, 5, bits, compression=kind, data=data + b"\0\1")


def gif_whole():
    colors = bytes((37 * i + 11) % 256 for i in range(768))
    for depth, (w, h), interlaced in itertools.product(range(2, 9), SIZES, (False, True)):
        for palette, local in ((colors[:3 << depth], None), (None, colors[:3 << depth]), (None, None),
                               (colors[:12], None)):
            yield (f"gif {depth} {w}x{h} {interlaced} {palette is None} {local is None}",
                   gif((w, h), (0, 0, w, h), depth, palette=palette, local=local,
                       interlaced=interlaced))
    image = smooth(64, 48)
    for count in (2, 3, 16, 250):
        yield f"gif of {count} colors", saved(image.quantize(count), "GIF")
        yield f"gif of {count} colors, interlaced", saved(image.quantize(count), "GIF", interlace=True)


def tiff_whole():
    for order, bits, (w, h), kind in itertools.product(
            "<>", (1, 2, 4, 8, 16), SIZES, (0, 1)):
        if bits < 16 or kind:
            yield f"tiff {order} {bits} {w}x{h} {kind}", tiff(w, h, bits, photometric=kind, order=order)
    for bits, samples, planar, rows in itertools.product((8, 16), (3, 4), (1, 2), (1, 3, 9)):
        yield f"tiff {bits} {samples} {planar} {rows}", tiff(
            17, 9, bits, samples, 2, planar=planar, rows=rows, extra=[2] if samples == 4 else None)
        yield f"tiff tiles {bits} {samples} {planar} {rows}", tiff(
            37, 20, bits, samples, 2, planar=planar, tile=(16, 16), extra=[2] if samples == 4 else None)
    images = [image for size in SIZES for image in (smooth(*size), noise(*size))]
    for image, kind in itertools.product(
            images, ("packbits", "tiff_lzw", "tiff_adobe_deflate", "lzma", "zstd", "jpeg")):
        for mode in ("L", "RGB", "CMYK", "YCbCr") if kind == "jpeg" else ("1", "L", "P", "RGB", "RGBA",
                                                                         "CMYK", "I;16", "F"):
            source = image.convert("L").convert(mode) if mode in ("I;16", "1") else image.convert(mode)
            yield f"tiff {kind} {mode} {image.size}", saved(source, "TIFF", compression=kind)
    for image, kind in itertools.product(images, ("group3", "group4", "tiff_ccitt")):
        yield f"tiff {kind} {image.size}", saved(image.convert("1"), "TIFF", compression=kind)


def heif_whole():
    yield from heif_cases()
    for (w, h), kind in itertools.product([(16, 16), (33, 17), (64, 48), (121, 90)], ("AVIF", "HEIF")):
        for quality in (10, 50, 90):
            options = {"speed": 10} if kind == "AVIF" else {}
            yield f"{kind} {w}x{h} {quality}", saved(smooth(w, h), kind, quality=quality, **options)
            yield f"{kind} noise {w}x{h} {quality}", saved(noise(w, h), kind, quality=quality, **options)
    for sampling, image in itertools.product(("4:2:0", "4:2:2", "4:4:4", "4:0:0"),
                                             (smooth(61, 44), noise(61, 44))):
        yield f"AVIF {sampling} limited", saved(image, "AVIF", speed=10, range="limited",
                                                subsampling=sampling)


def small(cases, most, step):
    """Some intact files of a list of cases that are small enough to damage every byte."""
    def samples():
        intact = [data for _, data, *failure in cases() if not failure and len(data) <= most]
        yield from intact[::step]
    return samples


def families():
    table = {"recorded": recorded, "orientation": orientation, "damaged EXIF": damaged_exif}
    for name, whole, samples, most in (
            ("png", png_whole, png_samples, 90), ("jpeg", jpeg_whole, jpeg_samples, 400),
            ("webp", webp_whole, webp_samples, 90), ("pnm", pnm_whole, pnm_samples, 40),
            ("bmp", bmp_whole, small(bmp_cases, 140, 3), 140), ("gif", gif_whole, small(gif_cases, 180, 3), 180),
            ("tiff", tiff_whole, small(tiff_cases, 300, 7), 260)):
        table[f"{name} whole"] = whole
        table[f"{name} header bytes"] = header_bytes(samples, most)
        table[f"{name} truncated"] = truncations(samples)
        table[f"{name} random damage"] = random_damage(samples, 400)
    table["heif whole"] = heif_whole
    table["png checksums"] = png_checksums
    table["png contents"] = png_contents
    table["jpeg segments"] = jpeg_segments
    return table


def large_images():
    """Images of a few megapixels, one per pattern of memory use."""
    w, h = 4000, 3000
    image = smooth(w, h)
    alpha = image.copy()
    alpha.putalpha(128)
    tag = b"Exif\0\0" + exif(6)
    yield "png RGB", saved(image, "PNG")
    yield "png 16 bits, interlaced", png(1500, 1000, 16, 6, 1, 1)
    yield "jpeg 4:2:0", saved(image, "JPEG")
    yield "jpeg 4:4:4", saved(image, "JPEG", subsampling=0)
    yield "jpeg 4:2:0, to be turned", saved(image, "JPEG", exif=tag)
    yield "jpeg 4:2:0, half turn", saved(image, "JPEG", exif=b"Exif\0\0" + exif(3))
    yield "jpeg CMYK", saved(image.convert("CMYK"), "JPEG")
    yield "jpeg CMYK, to be turned", saved(image.convert("CMYK"), "JPEG", exif=tag)
    yield "jpeg gray", saved(image.convert("L"), "JPEG")
    yield "jpeg progressive 4:2:0", saved(image, "JPEG", progressive=True)
    yield "jpeg progressive 4:4:4", saved(image, "JPEG", progressive=True, subsampling=0)
    yield "jpeg progressive CMYK", saved(image.convert("CMYK"), "JPEG", progressive=True)
    yield "jpeg progressive, to be turned", saved(image, "JPEG", progressive=True, exif=tag)
    yield "webp", saved(image, "WEBP", method=0)
    yield "webp with alpha", saved(alpha, "WEBP", method=0)
    yield "webp lossless", saved(image, "WEBP", lossless=True, method=0)
    yield "webp lossless, to be turned", saved(image, "WEBP", lossless=True, method=0, exif=tag)
    yield "webp lossless, noise", saved(noise(1000, 800), "WEBP", lossless=True, method=0)
    yield "bmp", saved(image, "BMP")
    yield "gif", saved(image.quantize(16), "GIF")
    yield "tiff", saved(image, "TIFF")
    for kind in ("tiff_lzw", "tiff_adobe_deflate", "lzma", "zstd", "jpeg"):
        yield f"tiff {kind}", saved(image, "TIFF", compression=kind)
    yield "tiff to be turned", saved(image, "TIFF", compression="packbits", tiffinfo={274: 6})
    part = smooth(1600, 1200)
    yield "avif", saved(part, "AVIF", speed=10)
    yield "avif, to be turned", saved(part, "AVIF", speed=10, exif=tag)
    yield "avif 4:4:4", saved(part, "AVIF", speed=10, subsampling="4:4:4")
    for chroma in (420, 444):
        yield f"heic {chroma}", saved(part, "HEIF", chroma=chroma)
    yield "heic gray", saved(part.convert("L"), "HEIF")
    yield "pnm", saved(image, "PPM")
    yield "pnm of 16 bits", b"P6 2000 1500 65535\n" + bytes(18_000_000)
    yield "pnm bits", b"P4 8000 6000\n" + bytes(6_000_000)
