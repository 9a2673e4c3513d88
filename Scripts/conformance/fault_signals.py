"""Cases of check_faults: signals at random moments. Every function yields faults."""

import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time

import fixtures

FORMATS = ["text", "json", "jsonl", "csv", "markdown"]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
TOP = 3


def record_ends(form, output):
    """The lengths at which output ends with a complete record."""
    if form == "json":
        ends = [match.start() for match in re.finditer(rb",\n|\n\]}\n", output)]
        return {0, output.index(b"[\n") + 2, len(output), *ends}
    lines = output.splitlines(keepends=True)
    head, record = {"jsonl": (0, 1), "csv": (1, TOP), "markdown": (2, TOP), "text": (-1, TOP + 2)}[form]
    ends, length = {0}, 0
    for number, line in enumerate(lines, 1):
        length += len(line)
        if number == head or (number > head and (number - head) % record == 0):
            ends.add(length)
    return ends


class Witness:
    """Whether each signal interrupted at least one trial."""

    def __init__(self):
        self.seen, self.interrupted = set(), set()

    def add(self, process, number):
        self.seen.add(number)
        if process.returncode != 0:
            self.interrupted.add(number)

    def faults(self):
        for number in self.seen - self.interrupted:
            yield f"signal {number} interrupted no trial"


def ended(process, number):
    """What is wrong with how a process ended after a signal, or None.

    Until a process installs its handlers, the signal kills it; shells report the same status.
    """
    if process.returncode in (0, -number):
        return None
    if number != signal.SIGKILL and process.returncode == 128 + number:
        return None
    return f"status {process.returncode} after signal {number}"


def trial(command, number, longest, **options):
    """Starts a command, sends a signal at a random moment, and waits for it to end."""
    process = subprocess.Popen(command, **options)
    time.sleep(random.uniform(0, longest))
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    return process, output, errors


def duration(command, **options):
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    return time.monotonic() - begin


def classify(network, images, form, trials, folder):
    command = [fixtures.TOOL, "classify", "--format", form, "-k", str(TOP), *network, *images[:60]]
    # With the default threads, and with one.
    commands = [command, [*command, "--threads", "1"]]
    longest = [1.1 * duration(command) for command in commands]
    whole = subprocess.run(command, check=True, capture_output=True).stdout
    ends = record_ends(form, whole)
    witness = Witness()
    for index in range(trials):
        number = SIGNALS[index % 3]
        path = pathlib.Path(folder) / "output"
        if index % 2:
            process, output, errors = trial(
                commands[1], number, longest[1], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        else:
            with open(path, "wb") as file:
                process, _, errors = trial(
                    commands[0], number, longest[0], stdout=file, stderr=subprocess.PIPE)
            output = path.read_bytes()
        witness.add(process, number)
        fault = ended(process, number)
        if fault:
            yield f"{fault}: {errors.decode()[-200:]}"
        elif errors:
            yield f"unexpected standard error: {errors.decode()[:200]}"
        elif len(output) not in ends or not whole.startswith(output):
            yield f"signal {number}: the output ends within a record: …{output[-80:]!r}"
        elif process.returncode == 0 and output != whole:
            yield "status 0 with incomplete output"
    yield from witness.faults()


def convert(weights, number, trials, folder):
    source = os.path.join(folder, "convert")
    os.makedirs(source, exist_ok=True)
    target = pathlib.Path(source) / "out.safetensors"
    command = [fixtures.TOOL, "convert", weights, str(target), "--model", fixtures.MODEL,
               "--dtype", "f16"]
    longest = 1.1 * duration(command)
    whole = target.read_bytes()
    witness = Witness()
    for index in range(trials):
        old = b"previous contents" if index % 2 else None
        if old:
            target.write_bytes(old)
        else:
            target.unlink(missing_ok=True)
        process, _, errors = trial(
            command, number, longest, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        witness.add(process, number)
        fault = ended(process, number)
        found = target.read_bytes() if target.exists() else None
        names = set(os.listdir(source)) - {target.name}
        if fault:
            yield f"{fault}: {errors.decode()[-200:]}"
        elif found not in (old, whole):
            yield f"signal {number}: the output has {len(found or b'')} of {len(whole)} bytes"
        elif process.returncode == 0 and found != whole:
            yield "status 0 without the output"
        elif names and (number != signal.SIGKILL or any(
                not name.startswith(".cnnzoo-") for name in names)):
            yield f"signal {number} left {sorted(names)}"
        for name in names:
            os.unlink(os.path.join(source, name))
    yield from witness.faults()


def pull(number, trials, folder):
    cache = os.path.join(folder, "cache")
    shutil.rmtree(cache, ignore_errors=True)
    data = random.Random(3).randbytes(2_000_000)
    server = fixtures.Server(data, 0.15)
    environment = {key: value for key, value in os.environ.items()
                   if not key.lower().endswith("_proxy")}
    environment |= {"CNNZOO_CACHE": cache, "no_proxy": "*"}
    command = [fixtures.TOOL, "pull", "--force", "--url", server.address, "--sha256",
               hashlib.sha256(data).hexdigest()]
    good = {"file.bin", "file.bin.sha256"}
    witness = Witness()

    def names(allowed):
        return {name for name in os.listdir(cache) if not name.endswith(allowed)} if os.path.isdir(
            cache) else set()

    for _ in range(trials):
        process, _, errors = trial(
            command, number, 0.3, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        witness.add(process, number)
        fault = ended(process, number)
        # The next pull resumes from the partial download.
        left = names((".part",)) - good
        path = pathlib.Path(cache) / "file.bin"
        if fault:
            yield f"{fault}: {errors.decode()[-200:]}"
        elif path.exists() and path.read_bytes() != data:
            yield f"signal {number}: the file has {path.stat().st_size} of {len(data)} bytes"
        elif any(number != signal.SIGKILL or not re.match(r"\.cnnzoo-|.*\.lock$", name)
                 for name in left):
            yield f"signal {number} left {sorted(left)}"
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True)
    left = {name for name in names(()) if not name.startswith(".cnnzoo-")}
    if outcome.returncode != 0 or left != good:
        yield f"the last pull: status {outcome.returncode}, {sorted(left)}: {outcome.stderr}"
    yield from witness.faults()
    server.stop()
