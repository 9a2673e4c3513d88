"""Runs of the cnnzoo command, shared by several benchmarks."""

import json
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CNNZOO = ROOT / ".build/release/cnnzoo"
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".ppm"}


def bench(tool, model, threads, batch, seconds, weights=None, options=(), env=None):
    """The JSON document of `cnnzoo bench`: random weights unless a file is given."""
    command = [tool, "bench", model, "-t", str(threads), "-b", str(batch),
               "--min-time", str(seconds), "--format", "json", *options]
    if weights:
        command += ["--weights", weights]
    return json.loads(subprocess.run(command, check=True, capture_output=True, env=env).stdout)


def classify(tool, network, *arguments):
    """A `cnnzoo classify` command; `network` holds --model and --weights."""
    return [tool, "classify", *arguments, *network, "--format", "jsonl"]


def network(model, weights):
    return ["--model", model] + (["--weights", str(weights)] if weights else [])


def seconds_of(command, **options):
    """Wall time of a command from start to exit."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)
    return time.perf_counter() - begin


def processor():
    """The processor's name."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def images_in(folder):
    return sorted(path for path in pathlib.Path(folder).rglob("*")
                  if path.suffix.lower() in IMAGE_SUFFIXES)
