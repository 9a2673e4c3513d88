"""Cases of check_faults: narrow limits, other locales, an empty environment.

The answers must be the same under each of them.
"""

import os
import shutil
import subprocess

import fault_inputs
import fixtures


def same_answers(command, variants, expected):
    """`variants` are names, functions that wrap a command, and options of subprocess.run."""
    for name, variant, options in variants:
        outcome = subprocess.run(variant(command), capture_output=True, timeout=300, **options)
        if (outcome.returncode, outcome.stdout) != expected or outcome.stderr:
            yield f"{name}: status {outcome.returncode}: {outcome.stderr.decode()[-200:]}"


def limit(setting):
    return lambda command: ["bash", "-c", f'ulimit {setting}; exec "$@"', "bash", *command]


def without_threads(command):
    """Runs as a user without permission for another process; root has no such limit."""
    return ["prlimit", "--nproc=1", *fault_inputs.without_privileges(command)]


def environment(**variables):
    return {"env": {**os.environ, **variables}}


def cases(network, images, folder):
    command = [fixtures.TOOL, "classify", "--format", "jsonl", "--threads", "4", "--batch", "3",
               *network, *images[:12]]
    expected = (0, subprocess.run(command, capture_output=True).stdout)
    hosts = [
        ("ulimit -n 8", limit("-n 8"), {}),
        ("ulimit -n 16", limit("-n 16"), {}),
        ("ulimit -s 256", limit("-s 256"), {}),
        ("ulimit -s unlimited", limit("-s unlimited"), {}),
        ("ulimit -c 0 -l 0", limit("-c 0 -l 0"), {}),
        ("one processor", lambda command: ["taskset", "-c", "0", *command], {}),
        ("nice", lambda command: ["nice", "-n", "19", *command], {}),
        ("no controlling terminal", lambda command: ["setsid", "-w", *command], {}),
    ]
    locales = [
        ("env -i", lambda command: ["env", "-i", *command], {}),
        ("LANG=C", lambda command: command, environment(LANG="C", LC_ALL="C")),
        ("tr_TR.UTF-8", lambda command: command, environment(LC_ALL="tr_TR.UTF-8")),
        ("de_DE.UTF-8", lambda command: command, environment(LC_ALL="de_DE.UTF-8")),
        ("an unknown locale", lambda command: command, environment(LC_ALL="xx_XX")),
        ("no HOME", lambda command: ["env", "-u", "HOME", *command], {}),
        ("TZ, TERM", lambda command: command, environment(TZ="Asia/Kathmandu", TERM="dumb")),
    ]
    yield "hosts: limits", len(hosts), same_answers(command, hosts, expected)
    yield "hosts: locales and environments", len(locales), same_answers(command, locales, expected)
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        yield "hosts: no threads (ulimit -u)", 1, "needs root to switch to a limited user"
        return
    # The other user must be able to execute it.
    tool = shutil.copy(fixtures.TOOL, os.path.join(folder, "cnnzoo"))
    variants = [("ulimit -u", without_threads, {})]
    yield ("hosts: no threads (ulimit -u)", 1,
           same_answers([tool, *command[1:]], variants, expected))
