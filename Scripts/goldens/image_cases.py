"""Small images that cover every corner of the formats, each with a name and, if Pillow rejects it, the
expected kind of error.

Random ones come from a generator that the tests reproduce: see `noise`.
"""

import io
import struct
import zlib

from PIL import Image

from image_encoders import SIGNATURE, chunk, exif, header, jpeg, png, segment


def noise(width, height):
    """Bytes of a linear congruential generator that starts at 1: the upper eight of 32 bits."""
    state = 1
    data = bytearray()
    for _ in range(3 * width * height):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        data.append(state >> 24)
    return Image.frombytes("RGB", (width, height), bytes(data))


def smooth(width, height):
    return noise(5, 4).resize((width, height), Image.Resampling.BICUBIC)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_cases():
    palette = bytes((37 * i + 11) % 256 for i in range(768))
    for color, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16),
                          6: (8, 16)}.items():
        for depth in depths:
            for interlaced in (0, 1):
                before = chunk(b"PLTE", palette[:3 << depth]) if color == 3 else b""
                yield (f"png color {color} depth {depth} interlaced {interlaced}",
                       png(9, 6, depth, color, depth, interlaced, before))
    short = chunk(b"PLTE", palette[:9])
    yield "png palette overrun", png(9, 6, 4, 3, 1, before=short)
    yield "png palette tRNS", png(9, 6, 2, 3, 1, before=chunk(b"PLTE", palette[:12])
                                  + chunk(b"tRNS", b"\0\x80"))
    yield "png gray tRNS", png(9, 6, 2, 0, 1, before=chunk(b"tRNS", b"\0\1"))
    yield "png RGB tRNS", png(2, 2, 8, 2, 1, before=chunk(b"tRNS", bytes(6)))
    yield "png gamma", png(3, 3, 8, 2, 1, before=chunk(b"gAMA", b"\0\0\xb1\x8f"))
    yield "png many IDAT", png(9, 6, 8, 2, 1, pieces=20)
    yield "png single pixel", png(1, 1, 8, 6, 1)
    whole = png(9, 6, 8, 2, 1)
    yield "png without IEND", whole[:-12]
    yield "png trailing bytes", whole + b"tail"
    bomb = zlib.compress(bytes(40 << 20), 9)
    yield "png text bomb as iCCP", png(3, 3, 8, 2, 1, before=chunk(b"iCCP", b"x\0\0" + b"junk"))
    for orientation in (3, 6):
        data = chunk(b"eXIf", exif(orientation, ">"))
        yield f"png eXIf {orientation}", png(5, 3, 8, 2, 1, before=data)
        yield f"png eXIf after IDAT {orientation}", png(5, 3, 8, 2, 1, after=data)
    xmp = b'<x tiff:Orientation="8"/>'
    yield "png XMP", png(5, 3, 8, 2, 1, before=chunk(
        b"iTXt", b"XML:com.adobe.xmp\0\0\0en\0key\0" + xmp))
    yield "png bad IHDR CRC", whole.replace(whole[29:33], b"\0\0\0\0"), "malformed"
    yield "png bad eXIf CRC", png(3, 3, 8, 2, 1, before=chunk(b"eXIf", exif(6), 1)), "malformed"
    yield "png truncated IDAT", whole[:len(whole) - 60], "malformed"
    yield "png short IDAT", SIGNATURE + header(99, 99, 8, 2) + whole[33:], "malformed"
    yield "png color 5", SIGNATURE + header(9, 6, 8, 5) + whole[33:], "malformed"
    yield "png RGB depth 4", SIGNATURE + header(9, 6, 4, 2) + whole[33:], "malformed"
    yield "png zero width", SIGNATURE + header(0, 6, 8, 2) + whole[33:], "malformed"
    yield ("png 13000x13000 of nothing", SIGNATURE + header(13000, 13000, 8, 2) + whole[33:],
           "malformed")
    yield ("png 65000x65000", SIGNATURE + header(65000, 65000, 8, 2)
           + chunk(b"IDAT", bomb[:200]) + chunk(b"IEND", b""), "overLimit")


def jpeg_cases():
    for name, sampling in {"4:4:4": "111111", "4:2:2": "211111", "4:2:0": "221111",
                           "4:4:0": "121111", "4:1:1": "411111", "chroma 2x": "112222",
                           "mixed": "221221", "3x1": "311111", "luma in the middle": "214112"}.items():
        factors = [(int(a), int(b)) for a, b in zip(sampling[::2], sampling[1::2])]
        yield f"jpeg {name}", jpeg(29, 19, factors, 1, jfif=True)
    full = [(1, 1)] * 3
    yield "jpeg gray", jpeg(11, 9, [(1, 1)], 2, jfif=True)
    yield "jpeg gray 2x2", jpeg(11, 9, [(2, 2)], 2)
    yield "jpeg RGB by ids", jpeg(11, 9, full, 3, ids=list(b"RGB"))
    yield "jpeg RGB by Adobe", jpeg(11, 9, full, 3, adobe=0)
    yield "jpeg YCbCr by Adobe", jpeg(11, 9, full, 3, adobe=1)
    yield "jpeg unknown Adobe", jpeg(11, 9, full, 3, adobe=7)
    four = [(1, 1)] * 4
    yield "jpeg CMYK", jpeg(11, 9, four, 4)
    yield "jpeg CMYK Adobe", jpeg(11, 9, four, 4, adobe=0)
    yield "jpeg YCCK", jpeg(11, 9, four, 4, adobe=2)
    yield "jpeg YCCK 4:2:0", jpeg(19, 17, [(2, 2), (1, 1), (1, 1), (2, 2)], 4, adobe=2)
    yield "jpeg restart", jpeg(40, 20, full, 5, restart=2)
    yield "jpeg single pixel", jpeg(1, 1, [(2, 2), (1, 1), (1, 1)], 6)
    for quality in (20, 95):
        for progressive in (False, True):
            yield (f"jpeg {quality} progressive {progressive}",
                   saved(smooth(37, 21), "JPEG", quality=quality, progressive=progressive))
    for orientation in [*range(0, 10), 65535]:
        order = "<>"[orientation % 2]
        data = segment(0xE1, b"Exif\0\0" + exif(orientation, order))
        yield f"jpeg EXIF {orientation}", jpeg(5, 3, full, 7, before=data)
    loose = segment(0xE1, b"Exif\0\0" + exif(6)[:-10])
    far = exif(6, before=[b"\x0f\x01\2\0\x20\0\0\0\xff\xff\xff\xff"])
    loop = b"II*\0\x08\0\0\0\1\0" + exif(6)[10:22] + b"\x08\0\0\0"
    yield "jpeg EXIF cut", jpeg(5, 3, full, 7, before=loose)
    yield "jpeg EXIF far offset", jpeg(5, 3, full, 7, before=segment(0xE1, b"Exif\0\0" + far))
    yield "jpeg EXIF loop", jpeg(5, 3, full, 7, before=segment(0xE1, b"Exif\0\0" + loop))
    yield "jpeg EXIF long", jpeg(5, 3, full, 7, before=segment(0xE1, b"Exif\0\0" + exif(6, kind=4)))
    yield "jpeg EXIF byte", jpeg(5, 3, full, 7, before=segment(0xE1, b"Exif\0\0" + exif(6, kind=1)))
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<tiff:Orientation>5</tiff:Orientation>")
    yield "jpeg XMP", jpeg(5, 3, full, 7, before=xmp)
    yield "jpeg XMP and EXIF", jpeg(5, 3, full, 7, before=xmp + segment(
        0xE1, b"Exif\0\0" + exif(2)))
    whole = jpeg(29, 19, full, 8)
    yield "jpeg trailing bytes", whole + b"tail"
    start = whole.index(b"\xff\xda")
    damaged = bytearray(whole)
    damaged[start + 40] ^= 0x5A
    yield "jpeg damaged data", bytes(damaged)
    yield "jpeg without EOI", whole[:-2], "malformed"
    yield "jpeg half", whole[:(start + len(whole)) // 2], "malformed"
    # A fatal error (no quantization table) that follows a warning (bytes between segments).
    table = whole.index(b"\xff\xdb")
    junk = whole[:table] + segment(0xFE, b"") + b"junk" + whole[table + 2 + whole[table + 3]:]
    yield "jpeg fatal after warning", junk, "malformed"
    yield "jpeg second SOI", whole[:table] + b"\xff\xd8" + whole[table:], "malformed"
    yield "jpeg 12 bits", jpeg(5, 3, full, 9, frame=0xC1, precision=12), "unsupported"
    yield "jpeg lossless", jpeg(5, 3, full, 9, frame=0xC3), "unsupported"
    yield "jpeg two components", jpeg(5, 3, [(1, 1)] * 2, 9), "unsupported"
    yield "jpeg zero height", jpeg(5, 0, full, 9), "malformed"
    yield "jpeg 65500x65500", jpeg(65500, 65500, full, 9, scans=0) + b"", "overLimit"


def jpeg_row_cases():
    """JPEGs larger than what a decoder computes around a crop: every sampling, and damage in each third."""
    for name, sampling in {"4:4:4": "111111", "4:2:2": "211111", "4:2:0": "221111", "4:4:0": "121111",
                           "4:1:1": "411111", "chroma 2x": "112222", "mixed": "221221"}.items():
        factors = [(int(a), int(b)) for a, b in zip(sampling[::2], sampling[1::2])]
        yield f"rows {name}", jpeg(118, 91, factors, 1, jfif=True)
    yield "rows gray", jpeg(118, 91, [(1, 1)], 2)
    yield "rows restart", jpeg(118, 91, [(2, 2), (1, 1), (1, 1)], 3, restart=3)
    yield "rows YCCK", jpeg(70, 50, [(2, 2), (1, 1), (1, 1), (2, 2)], 4, adobe=2)
    image = noise(30, 20).resize((150, 100), Image.Resampling.BICUBIC)
    for sampling in (0, 1, 2):
        for progressive in (False, True):
            yield (f"rows Pillow {sampling} progressive {progressive}",
                   saved(image, "JPEG", quality=30, subsampling=sampling, progressive=progressive))
    whole = saved(image, "JPEG", quality=30, restart_marker_rows=1)
    start = whole.index(b"\xff\xda") + 20
    for third in range(3):
        damaged = bytearray(whole)
        at = start + (len(whole) - start) * (2 * third + 1) // 6
        damaged[at:at + 6] = b"\xff\0\xff\0\xff\0"
        yield f"rows damage {third}", bytes(damaged)


def webp_cases():
    image = smooth(19, 11)
    alpha = image.copy()
    alpha.putalpha(noise(19, 11).convert("L"))
    for source, name in ((image, "RGB"), (alpha, "RGBA")):
        yield f"webp lossless {name}", saved(source, "WEBP", lossless=True)
        yield f"webp lossy {name}", saved(source, "WEBP", quality=70)
    yield "webp single pixel", saved(image.crop((0, 0, 1, 1)), "WEBP", quality=50)
    for orientation in (1, 5, 8):
        yield f"webp EXIF {orientation}", saved(
            image, "WEBP", quality=50, exif=b"Exif\0\0" + exif(orientation))
    yield "webp XMP", saved(image, "WEBP", quality=50, xmp=b'<x tiff:Orientation="3"/>')
    frame = alpha.copy()
    frame.paste((0, 0, 0, 0), (0, 0, 19, 4))
    frame.paste((0, 0, 0, 0), (0, 0, 6, 11))
    yield "webp animation", saved(frame, "WEBP", save_all=True, append_images=[alpha],
                                  lossless=True)
    whole = saved(image, "WEBP", quality=70)
    yield "webp trailing bytes", whole + b"tail"
    yield "webp cut", whole[:-4], "malformed"
    yield "webp long chunk", whole[:16] + b"\xff\xff\xff\xff" + whole[20:], "malformed"
    # Half an image; the decoder must not read the metadata after it as the other half.
    half = struct.unpack("<I", whole[16:20])[0] // 4 * 2
    chunks = (b"VP8X\x0a\0\0\0\x08\0\0\0\x12\0\0\x0a\0\0"
              + b"VP8 " + struct.pack("<I", half) + whole[20:20 + half]
              + b"EXIF" + struct.pack("<I", 400) + exif(6).ljust(400, b"\x5a"))
    yield ("webp half before EXIF", b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks,
           "malformed")
    yield "webp no image", b"RIFF\x04\0\0\0WEBP", "malformed"


def pnm_cases():
    data = bytes((67 * i + 5) % 256 for i in range(99))
    for head in ("P4 9 3 ", "P5 4 3 255 ", "P5 4 3 1\n", "P5 4 3 7\n", "P5 4 3 256\n",
                 "P5 4 3 257\n", "P5 4 3 65535\n", "P6 4 3 255\n", "P6 4 3 200\n", "P6 4 3 65535\n",
                 "P5\r4\r3\r255\r", "P5\r\n4\r\n3\r\n255\r\n", "P5 # a\n4 #b\n3\n# c\n255\n",
                 "P5 0004 0003 0000000255 ", "P6\t4\v3\f255 "):
        yield f"pnm {head!r}", head.encode() + data
    yield "pnm raster begins with white space", b"P5 2 2 255\n\n #0"
    for text in ("P1 3 2\n101010", "P1 3 2 1 0 1\n0 1 0", "P2 2 2 15\n1 2 3 15",
                 "P2 2 2 1000 0 128 500 1000 5", "P2 2 1 65535 7 65535", "P3 1 2 255\n1 2 3\n4 5 6",
                 "P3 1 1 999 1 500 999", "P2 2 2 255\n1 # x\n 2 3 4"):
        yield f"pnm {text!r}", text.encode()
    for text in ("P5 ", "P5 4", "P5 4 ", "P5 4 3", "P5 4 3 ", "P5 4 3 255", "P5 0 3 255 ",
                 "P5 4 0 255 ", "P5 -4 3 255 ", "P5 4 3 0 ", "P5 4 3 65536 ", "P5 4 3 -1 ",
                 "P5 4.5 3 255 ", "P5 x 3 255 ", "P5 4 3 00000000255 ", "P5 4 99999999999 255 ",
                 "P5 #", "P5 4 #4", "P2 2 2 15 1 2 3 16", "P2 2 2 15 1 2 3 -1", "P2 2 2 15 1 2 3",
                 "P1 2 2 1012", "P1 2 2 101", "P2 2 1 255 1 00000000002"):
        yield f"pnm {text!r}", text.encode(), "malformed"
    yield "pnm one byte short", b"P6 4 3 255\n" + data[:35], "malformed"
    yield "pnm one 16-bit byte short", b"P5 4 3 256\n" + data[:23], "malformed"
    yield "pnm bits one byte short", b"P4 9 3\n" + data[:5], "malformed"
    yield "pnm 10000x10000 of nothing", b"P6 10000 10000 255\n", "malformed"
    yield "pnm 60000x60000", b"P6 60000 60000 255\n" + data, "overLimit"
    yield "pnm 9999999999 wide", b"P6 9999999999 1 255\n" + data, "overLimit"
