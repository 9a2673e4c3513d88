"""Cases of check_faults: odd images and weights, shrinking files, long lists, odd names."""

import json
import os
import pathlib
import resource
import select
import signal
import struct
import subprocess
import threading
import time

import fixtures
from fault_outputs import run

NOBODY = 65534


def classify(network, *inputs):
    return [fixtures.TOOL, "classify", *network, *inputs]


def sparse(path, head, size=4 << 30):
    """A long file that occupies no disk space."""
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(size)
    return str(path)


def without_privileges(command):
    """Runs the command as a user who owns nothing."""
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]


def odd_inputs(network, image, folder):
    """Command, exit status, part of the message, and options of subprocess.run."""
    pipe, locked = os.path.join(folder, "pipe"), os.path.join(folder, "locked")
    os.mkfifo(pipe)
    pathlib.Path(locked).write_bytes(b"")
    os.chmod(locked, 0)
    data = pathlib.Path(image).read_bytes()
    weights = ["--model", fixtures.MODEL, image, "--weights"]
    raster = sparse(os.path.join(folder, "raster"), b"P6 30000 30000 255\n")
    zeros = sparse(os.path.join(folder, "zeros"), b"")
    header = json.dumps({"x": {"dtype": "U8", "shape": [(4 << 30) - 136], "data_offsets": [
        0, (4 << 30) - 136]}}).encode().ljust(128)
    tensor = sparse(os.path.join(folder, "tensor"), struct.pack("<Q", 128) + header)
    yield classify(network, "/dev/zero"), 65, "/dev/zero", {}
    yield classify(network, zeros), 65, "zeros", {}
    yield classify(network, raster), 65, "raster", {}
    yield classify(network, "/dev/null"), 65, "/dev/null", {}
    yield classify(network, "/dev/stdin"), 0, "", {"stdin": None, "input": data}
    yield classify(network, "-"), 0, "", {"stdin": None, "input": data}
    yield classify(network, "--files-from", folder), 66, "cannot read the list", {}
    yield ["bash", "-c", f'cat "{image}" > "{pipe}" & exec "$@"', "bash",
           *classify(network, pipe)], 0, "", {}
    yield [fixtures.TOOL, "classify", *weights, folder], 66, "is a folder", {}
    yield [fixtures.TOOL, "classify", *weights, pipe], 66, "is not a regular file", {}
    yield [fixtures.TOOL, "classify", *weights, "/dev/zero"], 66, "is not a regular file", {}
    yield [fixtures.TOOL, "classify", *weights, zeros], 76, "zeros", {}
    yield [fixtures.TOOL, "classify", *weights, tensor], 76, "does not fit", {}
    if os.geteuid() == 0:
        yield without_privileges(classify(network, locked)), 66, "Permission denied", {}
        yield without_privileges(
            [fixtures.TOOL, "classify", *weights, locked]), 66, "Permission denied", {}


def bounded(commands, mebibytes=300):
    """Commands must end as expected, within this much memory."""
    for command, status, said, options in commands:
        for fault in run(command, status, said, **options):
            yield f"{' '.join(command[-2:])}: {fault}"
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    if largest > mebibytes:
        yield f"a process used {largest} MiB"


def truncated(weights, network, image, trials, folder):
    """A weight file truncated once mapped gives a message and a status, not a crash."""
    signals = 0
    copy = os.path.join(folder, "shrinking.safetensors")
    data = pathlib.Path(weights).read_bytes()
    for index in range(trials):
        pathlib.Path(copy).write_bytes(data)
        process = subprocess.Popen(
            [fixtures.TOOL, "classify", image, "--model", fixtures.MODEL, "--weights", copy],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        maps = f"/proc/{process.pid}/maps"
        while process.poll() is None:
            try:
                if copy in pathlib.Path(maps).read_text():
                    break
            except OSError:
                break
        time.sleep(0.0002 * (index % 20))
        os.truncate(copy, 4096)
        output, errors = process.communicate(timeout=60)
        signals += b"became shorter" in errors
        if process.returncode not in (0, 76):
            yield f"status {process.returncode}: {errors[-200:]}"
        elif (process.returncode == 76) != (copy.encode() in errors) or (
                (process.returncode == 76) == bool(output)):
            yield f"status {process.returncode} with {len(output)} bytes of output: {errors[-200:]}"
    if not signals:
        yield "no trial read past the new end, so nothing was tested"


def long_list(network, image, count):
    """Answers every line in order and in bounded memory, although every hundredth file is missing."""
    if count == 0:
        return
    process = subprocess.Popen(
        classify(network, "--crop", "32", "--resize", "32", "--files-from", "-", "--format", "jsonl",
                 "--on-error", "record", "-k", "1", "--batch", "8"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    paths = [f"/no/{index}" if index % 100 == 7 else image for index in range(count)]

    def write():
        with process.stdin:
            process.stdin.write("".join(f"{path}\n" for path in paths).encode())

    writer = threading.Thread(target=write)
    writer.start()
    answered = resident = 0
    for line in process.stdout:
        record = json.loads(line)
        if record["input"] != paths[answered] or ("error" in record) != (answered % 100 == 7):
            yield f"line {answered}: {line[:200]}"
        answered += 1
        if answered in (count // 10, count):
            status = pathlib.Path(f"/proc/{process.pid}/status")
            grown, resident = -resident, 0
            for row in status.read_text().splitlines() if status.exists() else []:
                if row.startswith("VmRSS"):
                    resident = int(row.split()[1])
            grown += resident
    writer.join()
    if process.wait() != 0 or answered != count:
        yield f"status {process.returncode} after {answered} of {count} answers"
    elif resident and grown > 8 << 10:
        yield f"memory grew by {grown} KiB"


def names(network, image, folder):
    """Names that break shells, terminals and text decoders."""
    place = os.path.join(folder, "names").encode()
    os.makedirs(place)
    data = pathlib.Path(image).read_bytes()
    odd = [b"two\nlines", b"-k", b"--help", b"\xff\xfe", b"\xc3(", b" ", b"a\tb", b"\x1b[31m", b"'\"",
           "ä".encode(), b"\xf0\x9f\x90\x88", b"n" * 255, b"*", b"$HOME", b"\\", b"\xed\xa0\x80"]
    for name in odd:
        (pathlib.Path(os.fsdecode(place)) / os.fsdecode(name)).write_bytes(data)
    listed = [place + b"/" + name for name in odd]
    command = classify(network, "--format", "jsonl", "-k", "1")
    for arguments, given in [(listed, b""), ([b"."], b""),
                             ([b"--files-from", b"-", b"--null"], b"\0".join(listed) + b"\0")]:
        outcome = subprocess.run([*map(os.fsencode, command), *arguments], input=given, cwd=place,
                                 capture_output=True)
        records = [json.loads(line) for line in outcome.stdout.split(b"\n")[:-1]]
        if outcome.returncode != 0 or len(records) != len(odd) or outcome.stderr:
            yield f"{arguments[0]!r}: status {outcome.returncode}, {len(records)} answers"
        elif arguments == listed and [record["input"] for record in records] != [
                name.decode(errors="replace") for name in listed]:
            yield f"{arguments[0]!r}: wrong names or order"


def interrupted_wait(network, image, folder):
    """Waiting for a silent pipe blocks neither signals nor noticing a closed output."""
    pipe = os.path.join(folder, "silent")
    os.mkfifo(pipe)
    network = [*network, "--batch", "1"]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = subprocess.Popen(classify(network, image, pipe), stdout=subprocess.PIPE)
        if not select.select([process.stdout], [], [], 20)[0]:
            yield "no answer for the image before the pipe"
        process.send_signal(number)
        try:
            if process.wait(timeout=20) != 128 + number:
                yield f"status {process.returncode} after {number.name}"
        except subprocess.TimeoutExpired:
            process.kill()
            yield f"{number.name} had no effect"
        process.stdout.close()
    script = '{ sleep 0.3; timeout 20 "$@"; echo $? >&2; } | true'
    outcome = subprocess.run(["bash", "-c", script, "bash", *classify(network, image, image, pipe)],
                             capture_output=True, text=True)
    if outcome.stderr != "0\n":
        yield f"after the reader quit: {outcome.stderr[-200:]}"


def cases(network, images, large, folder, list_length, trials):
    odd = list(odd_inputs(network, images[1], folder))
    yield "inputs: devices, pipes, folders, 4 GiB files", len(odd), bounded(odd)
    yield "inputs: a silent pipe", 4, interrupted_wait(network, images[0], folder)
    yield ("inputs: weights that shrink while being read", trials,
           truncated(large, network, images[0], trials, folder))
    yield "inputs: odd names", 3 * 16, names(network, images[0], folder)
    yield "inputs: a long list, 1 % missing files", list_length, long_list(
        network, images[0], list_length)
