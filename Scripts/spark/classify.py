"""Classifies images under Apache Spark, a process of cnnzoo for each partition.

    spark-submit Scripts/spark/classify.py --model NAME [--cnnzoo FILE] [--weights FILE]
        [--partitions N] [--null] LIST OUTPUT [-- OPTION ...]

LIST is a file of the driver's with a path a line, or with --null a path before each zero byte. OUTPUT
becomes a folder with a file for each partition; read in the order of their names, they hold a line of
JSON for each path, in the order of LIST. A image that cannot be read is answered with a line that
says why. A process that fails or is killed makes Spark run its partition again, and only whole
partitions count. OPTIONs go to `cnnzoo classify`, such as -k 1.

The executable, the weights and the images must have the same paths on every machine. Without
--weights, those are taken that `cnnzoo path` names on the driver's. Each process computes with as many
threads as Spark gives to a task (spark.task.cpus), and sees an empty environment.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys

from pyspark import SparkContext


def paths(file, ended_by_zeros):
    """The paths of a list, as texts.

    Spark gives a process its input in lines of UTF-8. A path that this would change is refused here,
    because the process would answer for another path, or for two.
    """
    with open(file, "rb") as entries:
        data = entries.read()
    end = b"\0" if ended_by_zeros else b"\n"
    entries = data.removesuffix(end).split(end) if data else []
    for number, entry in enumerate(entries, 1):
        if b"\n" in entry:
            sys.exit(f"{file}: path {number}, {entry!r}, holds a newline, which Spark's pipes cannot "
                     "carry; give the image another name")
        try:
            yield entry.decode()
        except UnicodeDecodeError:
            sys.exit(f"{file}: path {number}, {entry!r}, is not UTF-8, which Spark's pipes need; give "
                     "the image another name")


def usual_weights(cnnzoo, model):
    """The file of weights that `cnnzoo classify` would take here."""
    found = subprocess.run([cnnzoo, "path", model], stdout=subprocess.PIPE, text=True)
    if found.returncode != 0:
        sys.exit(found.returncode)
    return found.stdout.removesuffix("\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--cnnzoo", default="cnnzoo")
    parser.add_argument("--weights")
    parser.add_argument("--partitions", type=int)
    parser.add_argument("--null", action="store_true")
    parser.add_argument("list")
    parser.add_argument("output")
    arguments, options = sys.argv[1:], []
    if "--" in arguments:
        place = arguments.index("--")
        arguments, options = arguments[:place], arguments[place + 1:]
    arguments = parser.parse_args(arguments)

    cnnzoo = shutil.which(arguments.cnnzoo)
    if not cnnzoo:
        sys.exit(f"{arguments.cnnzoo}: no such command; give --cnnzoo FILE")
    cnnzoo = os.path.abspath(cnnzoo)
    weights = os.path.abspath(arguments.weights or usual_weights(cnnzoo, arguments.model))
    images = list(paths(arguments.list, arguments.null))

    context = SparkContext(appName="cnnzoo")
    command = [cnnzoo, "classify", "--files-from", "-", "--format", "jsonl", "--on-error", "record",
               "--model", arguments.model, "--weights", weights,
               "--threads", context.getConf().get("spark.task.cpus", "1"), *options]
    # checkCode makes a process that fails a task that fails, instead of one with fewer answers.
    (context.parallelize(images, arguments.partitions)
     .pipe(shlex.join(command), checkCode=True)
     .saveAsTextFile(arguments.output))
    context.stop()


if __name__ == "__main__":
    main()
