"""Deliberate differences from Pillow: each rule recognises its files and says why.

A rule's predicate gets the file, Pillow's result (size and pixels, or the exception), the package's
result ("pixels", or the kind of error), and the package's pixels or reason.
"""

import io
import re
import struct
import zlib

from PIL import Image, ImageOps

from image_encoders import ADAM7, CHANNELS, SIGNATURE, chunk


class Rule:
    def __init__(self, name, reason, explains):
        self.name = name
        self.reason = reason
        self.explains = explains


RULES = []
FORMATS = ("JPEG", "PNG", "PPM", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF")


def rule(name, reason):
    def add(test):
        RULES.append(Rule(name, reason, test))
        return test
    return add


def opened(data):
    return Image.open(io.BytesIO(data), formats=FORMATS)


def upright(data):
    """Pillow's pixels of a file, or None."""
    try:
        return ImageOps.exif_transpose(opened(data)).convert("RGB").tobytes()
    except Exception:
        return None


def as_stored(data):
    """Pillow's image as stored, or None."""
    try:
        return opened(data).convert("RGB")
    except Exception:
        return None


def png_chunks(data):
    """(type, content, whole chunk) of each chunk; truncated chunks have the remaining content."""
    offset = 8
    while data.startswith(SIGNATURE) and offset + 8 <= len(data):
        length, = struct.unpack(">I", data[offset:offset + 4])
        yield (data[offset + 4:offset + 8], data[offset + 8:offset + 8 + length],
               data[offset:offset + 12 + length])
        offset += 12 + length


def png_header(data):
    """Width, height, depth, color, compression, filter, interlace; or None."""
    for kind, content, _ in png_chunks(data):
        return struct.unpack(">IIBBBBB", content) if kind == b"IHDR" and len(content) == 13 else None


# Metadata.

@rule("damaged metadata", "EXIF never makes an image fail: if Pillow cannot read it, the image stays "
                          "as stored; if Pillow only fails to write it back, it is turned")
def _(data, theirs, status, content):
    stored = as_stored(data)
    if not isinstance(theirs, Exception) or status != "pixels" or stored is None:
        return False
    try:
        orientation = opened(data).getexif().get(0x0112, 1)
    except Exception:
        orientation = 1
    turns = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
             4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
             6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
             8: Image.Transpose.ROTATE_90}
    if orientation in turns:
        stored = stored.transpose(turns[orientation])
    return content == stored.tobytes()


@rule("unread PNG chunks", "only IHDR, PLTE, IDAT and the orientation count: a damaged gAMA, tRNS or "
                           "iCCP, or an IHDR after the pixels, does no harm")
def _(data, theirs, status, content):
    read = (b"IHDR", b"PLTE", b"IDAT", b"eXIf", b"IEND")
    kept, seen_data = SIGNATURE, False
    for kind, _, whole in png_chunks(data):
        seen_data = seen_data or kind == b"IDAT"
        if kind in read and not (seen_data and kind in (b"IHDR", b"PLTE")):
            kept += whole
    return (isinstance(theirs, Exception) and status == "pixels" and kept != data
            and upright(kept) == content)


# HEIF.

def difference(data, theirs, content):
    """The largest and the mean difference of two images; None unless they have the same size."""
    if isinstance(theirs, Exception) or len(content) != len(theirs[1]):
        return None
    found = [abs(a - b) for a, b in zip(content, theirs[1])]
    return max(found), sum(found) / len(found)


def has_brand(data, *brands):
    return data[4:8] == b"ftyp" and any(brand in data[8:64] for brand in brands)


@rule("HEIC colours", "libheif's versions round differently: at most 2, and 0.1 in the mean")
def _(data, theirs, status, content):
    found = has_brand(data, b"heic") and status == "pixels" and difference(data, theirs, content)
    return bool(found) and found[0] <= 2 and found[1] <= 0.1


# PNG.

@rule("PNG checksum", "an image data chunk with a wrong CRC is damaged; Pillow does not check")
def _(data, theirs, status, content):
    return (status == "malformed" and b"CRC error" in content
            and any(kind == b"IDAT" and whole[8:] and chunk(kind, body) != whole
                    for kind, body, whole in png_chunks(data)))


@rule("PNG cut within IDAT", "a file that ends within an image data chunk is truncated, even if "
                             "only checksums are missing")
def _(data, theirs, status, content):
    return status == "malformed" and any(
        kind == b"IDAT" and len(whole) < 12 + struct.unpack(">I", whole[:4])[0]
        for kind, _, whole in png_chunks(data))


@rule("PNG of too few rows", "image data ending before the last row or the checksum are truncated; "
                             "Pillow leaves the rest black")
def _(data, theirs, status, content):
    head = png_header(data)
    if status != "malformed" or not head or head[3] not in CHANNELS:
        return False
    width, height, depth, color, _, _, interlaced = head
    bits = CHANNELS[color] * depth
    passes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in ADAM7
              ] if interlaced else [(width, height)]
    needed = sum(h * (1 + (w * bits + 7) // 8) for w, h in passes if w > 0 and h > 0)
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(b"".join(
            body for kind, body, _ in png_chunks(data) if kind == b"IDAT"))
    except zlib.error:
        return False
    return len(found) < needed or not inflater.eof


@rule("PNG critical chunks", "the specification forbids showing an image with an unknown critical chunk; "
                             "a missing, empty, partial or second palette; a second header; an "
                             "unknown compression, filter or interlacing")
def _(data, theirs, status, content):
    kinds = [kind for kind, _, _ in png_chunks(data)]
    palettes = [body for kind, body, _ in png_chunks(data) if kind == b"PLTE"]
    head = png_header(data)
    return status == "malformed" and head is not None and (
        any(not kind[0] & 0x20 and kind not in (b"IHDR", b"PLTE", b"IDAT", b"IEND") for kind in kinds)
        or len(palettes) > 1 or any(not body or len(body) % 3 for body in palettes)
        or head[3] == 3 and not palettes or kinds.count(b"IHDR") > 1
        or head[4] != 0 or head[5] != 0 or head[6] > 1)


@rule("sides", "no side may exceed 65 535 pixels")
def _(data, theirs, status, content):
    return status == "over a limit" and b"exceeds the limit of 65535 per side" in content


# JPEG.

def jpeg_reaches_end(data):
    """Whether the segments lead to an end-of-image marker."""
    offset = 2
    while True:
        offset = data.find(b"\xff", offset)
        while data[offset + 1:offset + 2] == b"\xff":
            offset += 1
        if offset < 0 or offset + 1 >= len(data):
            return False
        marker = data[offset + 1]
        offset += 2
        if marker == 0xD9:
            return True
        if marker > 1 and not 0xD0 <= marker <= 0xD7:
            length = int.from_bytes(data[offset:offset + 2], "big")
            offset += max(length, 2)
            if offset > len(data):
                return False


@rule("JPEG without an end", "a file whose segments do not lead to the end-of-image marker is truncated "
                             "or damaged, even if libjpeg fills all rows before noticing")
def _(data, theirs, status, content):
    return (status == "malformed" and b"truncated" in content and data.startswith(b"\xff\xd8")
            and not jpeg_reaches_end(data))


@rule("JPEG of too few scans", "libjpeg smooths progressive files without their later scans, and 2.1 "
                               "does so differently from 3")
def _(data, theirs, status, content):
    return (not isinstance(theirs, Exception) and status == "pixels"
            and data.startswith(b"\xff\xd8") and len(theirs[1]) == len(content)
            and lacks_scans(data))


def lacks_scans(data):
    """Whether a progressive JPEG leaves bits of a coefficient out."""
    missing = {}
    offset = 2
    while offset + 4 <= len(data) and data[offset + 1] != 0xD9:
        body = data[offset + 4:offset + 2 + int.from_bytes(data[offset + 2:offset + 4], "big")]
        if data[offset + 1] in (0xC2, 0xCA):
            missing = {body[6 + 3 * i]: [1] * 64 for i in range(body[5])}
        if data[offset + 1] == 0xDA and missing:
            first, last, bits = body[-3:]
            for component in body[1:-3:2]:
                for k in range(first, min(last, 63) + 1):
                    missing.get(component, [0] * 64)[k] = bits & 15
        offset += 4 + len(body) if body else 4
        while offset + 1 < len(data) and (data[offset] != 0xFF or data[offset + 1] in (
                0, 0xFF, *range(0xD0, 0xD8))):
            offset += 1
    return any(map(any, missing.values()))


# WebP.

@rule("WebP frames after the first", "only an animation's first frame is read")
def _(data, theirs, status, content):
    if status != "pixels" or not isinstance(theirs, Exception):
        return False
    kept, frames = b"", 0
    for kind, _, whole in webp_chunks(data):
        frames += kind == b"ANMF"
        if kind != b"ANMF" or frames == 1:
            kept += whole
    return frames > 1 and upright(riff(kept)) == content


@rule("WebP cut within a chunk", "a file that ends within a chunk is truncated, even outside the "
                                 "image data")
def _(data, theirs, status, content):
    return status == "malformed" and b"a chunk is cut short" in content and any(
        len(whole) < 8 + length + length % 2 for _, length, whole in webp_chunks(data))


def riff(chunks):
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def webp_chunks(data):
    """(type, length, whole chunk) of each chunk; only the remaining bytes of truncated chunks."""
    offset = 12
    while data.startswith(b"RIFF") and offset + 8 <= len(data):
        length, = struct.unpack("<I", data[offset + 4:offset + 8])
        end = offset + 8 + length + length % 2
        yield data[offset:offset + 4], length, data[offset:end]
        offset = end


# GIF.

@rule("GIF of damaged codes", "giflib and Pillow differ about which impossible codes to pass over; pixels "
                              "that both give are the same")
def _(data, theirs, status, content):
    return data[:3] == b"GIF" and isinstance(theirs, Exception) != (status != "pixels")


# TIFF.

def tiff_tags(data):
    """The numbers of the first directory's entries that fit into them."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        start, = struct.unpack_from(order + "I", data, 4)
        count, = struct.unpack_from(order + "H", data, start)
        entries = [struct.unpack_from(order + "HHI", data, start + 2 + 12 * i) for i in range(count)]
        return {tag: struct.unpack_from(order + ("H" if kind == 3 else "I"), data,
                                        start + 2 + 12 * i + 8)[0]
                for i, (tag, kind, _) in enumerate(entries)}
    except struct.error:
        return {}


@rule("TIFF in CIE L*a*b*", "its colours need a colour management system")
def _(data, theirs, status, content):
    return status == "unsupported" and tiff_tags(data).get(262) == 8


@rule("TIFF of uncompressed planes", "Pillow reads planes of 16 bits as if they had 8, and single planes "
                                     "of fewer bits, too")
def _(data, theirs, status, content):
    tags = tiff_tags(data)
    return (status == "pixels" and not isinstance(theirs, Exception) and tags.get(284) == 2
            and tags.get(259, 1) == 1 and len(content) == len(theirs[1]))


@rule("TIFF fields of several values", "where a field must have one value, the first counts")
def _(data, theirs, status, content):
    order = "<" if data[:2] == b"II" else ">"
    single = [struct.pack(order + "H", tag) for tag in (256, 257, 259, 262, 266, 277, 278, 284)]
    try:
        start, = struct.unpack_from(order + "I", data, 4)
        count, = struct.unpack_from(order + "H", data, start)
        fields = [struct.unpack_from(order + "2sHI", data, start + 2 + 12 * i) for i in range(count)]
    except struct.error:
        return False
    return data[:2] in (b"II", b"MM") and any(
        values != 1 and tag in single for tag, _, values in fields)


@rule("TIFF of damaged directories", "libtiff reads everything here, but in Pillow only what is compressed; "
                                     "its versions and Pillow accept different damage")
def _(data, theirs, status, content):
    return (data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
            and isinstance(theirs, Exception) != (status != "pixels"))


# PNM.

@rule("PNM comment after a number", "a comment ends with its line, which ends the number before it, as "
                                    "in netpbm; Pillow joins the digits on both sides")
def _(data, theirs, status, content):
    # In a raw file, only the header: white space, comments and digits.
    header = re.match(rb"P[4-6](?:\s|#[^\r\n]*[\r\n]|\d)*", data)
    return re.search(rb"\d#", (header[0] + data[header.end():header.end() + 1] if header else data)[2:]
                     ) is not None and data[:1] == b"P"


@rule("PNM numbers", "numbers consist of digits, without signs or underscores")
def _(data, theirs, status, content):
    return (data[:1] == b"P" and status == "malformed"
            and re.search(rb"[+_]\d|\d_", data) is not None)


@rule("PNM tail", "data after the last sample are ignored, in plain bitmaps too")
def _(data, theirs, status, content):
    if data[:2] != b"P1" or status != "pixels" or not isinstance(theirs, Exception):
        return False
    head = re.match(rb"P1\s+(\d+)\s+(\d+)\s", data)
    raster = re.sub(rb"#[^\r\n]*", b"", data[head.end():])
    bits = b"".join(raster.split())[:int(head[1]) * int(head[2])]
    return upright(head[0] + bits) == content
