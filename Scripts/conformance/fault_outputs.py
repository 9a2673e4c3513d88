"""Cases of check_faults: readers that quit, closed and full outputs."""

import itertools
import os
import pathlib
import resource
import subprocess

import fault_signals
import fixtures

# Lists of differing tensors end after 40 lines.
MESSAGE_LIMIT = 8000


def run(command, expected, said="", **options):
    """Yields what is wrong with how a command ends."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               "timeout": 120} | options
    try:
        outcome = subprocess.run(command, **options)
    except subprocess.TimeoutExpired:
        yield f"{command[-1]} did not end"
        return
    errors = (outcome.stderr or b"").decode(errors="replace")
    if outcome.returncode != expected:
        yield f"status {outcome.returncode}, not {expected}: {errors[-200:]}"
    elif said not in errors:
        yield f"“{said}” not in “{errors[-200:]}”"
    elif expected == 0 and errors:
        yield f"unexpected standard error: {errors[-200:]}"
    elif len(errors) > MESSAGE_LIMIT:
        yield f"a message of {len(errors)} characters"


def reader_quits(commands, trials):
    for command, _ in itertools.product(commands, range(trials)):
        # The reader reads one line, or nothing.
        for reader in ["head -1 > /dev/null", "true"]:
            script = f'"$@" | {reader}; exit ${{PIPESTATUS[0]}}'
            yield from run(["bash", "-c", script, "bash", *command], 0)


def closed_descriptors(command):
    """With any set of standard descriptors closed, only writing results fails."""
    for count in (1, 2, 3):
        for closed in itertools.combinations((0, 1, 2), count):
            def close(closed=closed):
                for descriptor in closed:
                    os.close(descriptor)

            yield from run(command, 74 if 1 in closed else 0, preexec_fn=close)


def full_device(commands):
    for command in commands:
        with open("/dev/full", "wb") as full:
            yield from run(command, 74, "cannot write: No space left on device", stdout=full)
            # Undeliverable messages are no failure.
            yield from run(command, 0, stderr=full)


def with_limit(bytes_):
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))}


def convert_without_room(weights, folder, reason, **options):
    """A full disk gives a message and leaves no file behind."""
    os.makedirs(folder, exist_ok=True)
    target = os.path.join(folder, "out.safetensors")
    yield from run([fixtures.TOOL, "convert", weights, target, "--model", fixtures.MODEL], 74, reason,
                   **options)
    if os.listdir(folder):
        yield f"left {os.listdir(folder)}"


def answers_without_room(command, path, reason, **options):
    """A full disk gives a message and keeps the answers already written."""
    with open(path, "wb") as file:
        yield from run(command, 74, reason, stdout=file, **options)
    if os.path.getsize(path) == 0:
        yield "the file is empty"


def small_file_system(folder):
    """Mounts 256 KiB at a folder; False if that is not permitted."""
    os.makedirs(folder, exist_ok=True)
    return subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder],
                          capture_output=True).returncode == 0


def on_small_file_system(folder, check):
    if not small_file_system(folder):
        yield "mount failed"
        return
    try:
        yield from check(folder)
    finally:
        subprocess.run(["umount", folder], check=True)


def cases(network, images, large, folder):
    classify = [[fixtures.TOOL, "classify", "--format", form, *network, *images[:4]]
                for form in fault_signals.FORMATS]
    others = [[fixtures.TOOL, *words] for words in [
        ["--help"], ["models"], ["summary", fixtures.MODEL], ["env", "--format", "json"]]]
    yield "outputs: the reader quits", 5 * 2 * 9, reader_quits(classify + others, 5)
    yield "outputs: descriptors 0, 1 and 2 closed", 7, closed_descriptors(classify[0])
    yield "outputs: /dev/full as stdout and stderr", 18, full_device(classify + others)
    target = ["--model", fixtures.MODEL, large, "/dev/full"]
    yield ("outputs: /dev/full as convert's output", 1,
           run([fixtures.TOOL, "convert", *target], 73, "is not a regular file"))
    yield ("outputs: limit of file size (ulimit -f)", 2, itertools.chain(
        convert_without_room(large, os.path.join(folder, "limited"), "File too large",
                             **with_limit(1 << 16)),
        answers_without_room([*classify[2], *images[:50]], os.path.join(folder, "answers"),
                             "File too large", **with_limit(1 << 12))))
    mounted = os.path.join(folder, "mounted")
    if not small_file_system(mounted):
        yield "outputs: a full file system", 2, "mount is not permitted"
        return
    subprocess.run(["umount", mounted], check=True)
    filler = pathlib.Path(mounted) / "filler"

    def check(place):
        yield from convert_without_room(large, os.path.join(place, "new"), "No space left")
        filler.write_bytes(b"\0" * (240 << 10))
        yield from answers_without_room(
            [*classify[2], *images[:200], *images[:200]], os.path.join(place, "answers"),
            "No space left")

    yield "outputs: a full file system", 2, on_small_file_system(mounted, check)
