"""Weights, images and a server for check_faults and check_determinism.

Nothing is downloaded: the command itself reports which tensors are missing until none are.
"""

import array
import base64
import http.server
import json
import math
import os
import pathlib
import random
import re
import struct
import subprocess
import threading
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ.get("CNNZOO_TOOL", str(ROOT / ".build/release/cnnzoo"))
MODEL = "mobilenetv3-small"


def values(name, shape, generator):
    """Random numbers that keep a network's values in range."""
    count = math.prod(shape)
    if len(shape) > 1:
        fan_in = math.prod(shape[1:])
        base, spread = 0, math.sqrt((1 if shape[0] < shape[1] else 6) / fan_in)
    elif name.endswith("running_var"):
        base, spread = 1, 0.5
    elif name.endswith(("bias", "running_mean")):
        base, spread = 0, 0.015625
    else:
        base, spread = 1, 0.25
    return array.array("f", (base + spread * (2 * generator.random() - 1) for _ in range(count)))


def write_weights(path, tensors, metadata):
    """A safetensors file of `tensors`, name → (shape, array of floats)."""
    header, offset = {"__metadata__": metadata}, 0
    for name, (shape, numbers) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [offset, offset + 4 * len(numbers)]}
        offset += 4 * len(numbers)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, numbers in tensors.values():
            file.write(numbers.tobytes())


def make_weights(path, width=1.0, classes=12, change=None):
    """Writes random weights of MODEL; `change` may modify the tensors first."""
    generator = random.Random(1)
    bias = "classifier.3.bias"
    tensors = {bias: ([classes], values(bias, [classes], generator))}
    metadata = {"width_multiplier": str(width),
                "labels": "\n".join(f"name {index}" for index in range(classes))}
    while True:
        write_weights(path, tensors, metadata)
        outcome = subprocess.run(
            [TOOL, "classify", "/dev/null", "--model", MODEL, "--weights", path],
            capture_output=True, text=True)
        missing = re.findall(r"^  (\S+): expected \[([^]]*)\], found nothing$", outcome.stderr, re.M)
        if not missing:
            break
        for name, text in missing:
            shape = [int(side) for side in text.split(",")]
            tensors[name] = (shape, values(name, shape, generator))
    if outcome.returncode != 65:
        raise RuntimeError(f"the generated weights do not fit: {outcome.stderr}")
    if change:
        change(tensors)
        write_weights(path, tensors, metadata)
    return str(path)


def ppm(shade, width=20, height=16):
    pixels = bytes(index * shade % 256 for index in range(3 * width * height))
    return f"P6 {width} {height} 255\n".encode() + pixels


def png(shade, width=20, height=16):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((row * shade + column) % 256 for column in range(3 * width))
                    for row in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def recorded(prefix):
    """An image from the decoding tests' goldens."""
    table = ROOT / "Tests/ImagesTests/Goldens/decoding.tsv"
    for line in table.read_text().splitlines():
        fields = line.split("\t")
        if fields[0].startswith(prefix) and fields[2].isdigit():
            return base64.b64decode(fields[1])
    raise RuntimeError(f"{table} has no {prefix}")


def make_images(folder, count):
    """Writes `count` images, formats in turn, and returns their paths."""
    os.makedirs(folder)
    fixed = [recorded("jpeg 4:2:0"), recorded("webp")]
    paths = []
    for index in range(count):
        path = os.path.join(folder, f"{index:05}")
        kinds = [lambda: ppm(index + 1), lambda: png(index + 1), *(lambda: data for data in fixed)]
        pathlib.Path(path).write_bytes(kinds[index % 4]())
        paths.append(path)
    return paths


class Server:
    """Serves one file slowly, with byte ranges, at `address`."""

    def __init__(self, data, seconds):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                start = int(re.match(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))[1])
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(data) - start))
                self.send_header("ETag", '"one"')
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
                self.end_headers()
                try:
                    for at in range(start, len(data), 1 << 16):
                        self.wfile.write(data[at:at + (1 << 16)])
                        time.sleep(seconds * (1 << 16) / len(data))
                except OSError:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/file.bin"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
