"""Classifies images under Apache Spark, one cnnzoo process per partition.

    spark-submit Scripts/spark/classify.py --model NAME [--cnnzoo FILE] [--weights FILE]
        [--partitions N] [--null] LIST OUTPUT [-- OPTION ...]

LIST is a local file with one path per line, or with --null NUL-separated paths. OUTPUT becomes a folder
with one file per partition; in the order of their names, they contain one line of JSON per path, in the
order of LIST. For an unreadable image, the line says why. If a process fails or is killed, Spark
runs its partition again; only complete partitions count. OPTIONs go to `cnnzoo classify`, such as -k 1.

The executable, the weights and the images need the same paths on every machine. Without --weights, the
file is the one `cnnzoo path` prints on the driver. Each process uses as many threads as Spark gives a
task (spark.task.cpus), in an empty environment, so CNNZOO_PRECISION has
no effect; give --precision after --.

Tested by Scripts/spark/check_spark with pyspark 3.5.7, 4.0.1 and 4.3.0 on Java 17 and Python 3.11.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys

from pyspark import SparkContext


def paths(file, null):
    """The paths in a list, as strings.

    Spark passes input to a process as lines of UTF-8, which cannot carry every path.
    """
    with open(file, "rb") as entries:
        data = entries.read()
    end = b"\0" if null else b"\n"
    entries = data.removesuffix(end).split(end) if data else []
    for number, entry in enumerate(entries, 1):
        if b"\n" in entry:
            sys.exit(f"{file}: path {number}, {entry!r}, contains a newline, which Spark's pipes "
                     "cannot carry; rename the image")
        try:
            yield entry.decode()
        except UnicodeDecodeError:
            sys.exit(f"{file}: path {number}, {entry!r}, is not UTF-8, which Spark's pipes require; "
                     "rename the image")


def usual_weights(cnnzoo, model):
    """The weight file that `cnnzoo classify` would use on this machine."""
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
        sys.exit(f"{arguments.cnnzoo}: not found; use --cnnzoo FILE")
    cnnzoo = os.path.abspath(cnnzoo)
    weights = os.path.abspath(arguments.weights or usual_weights(cnnzoo, arguments.model))
    images = list(paths(arguments.list, arguments.null))

    context = SparkContext(appName="cnnzoo")
    command = [cnnzoo, "classify", "--files-from", "-", "--format", "jsonl", "--on-error", "record",
               "--model", arguments.model, "--weights", weights,
               "--threads", context.getConf().get("spark.task.cpus", "1"), *options]
    # With checkCode a failed process fails its task, instead of giving fewer answers.
    (context.parallelize(images, arguments.partitions)
     .pipe(shlex.join(command), checkCode=True)
     .saveAsTextFile(arguments.output))
    context.stop()


if __name__ == "__main__":
    main()
