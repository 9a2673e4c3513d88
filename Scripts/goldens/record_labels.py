#!/usr/bin/env python3
"""Writes Sources/CNNZoo/Labels/ImageNetLabels.swift from torchvision's list of ImageNet-1k categories.

Needs torchvision (any release since 0.13). Run from anywhere:

    python3 Scripts/goldens/record_labels.py            # rewrite the file
    python3 Scripts/goldens/record_labels.py --check    # exit 1 where the file differs
"""

import argparse
import pathlib
import sys

TARGET = pathlib.Path(__file__).resolve().parents[2] / "Sources/CNNZoo/Labels/ImageNetLabels.swift"

HEADER = '''\
extension Labels {
  /// The 1000 classes of ImageNet-1k (ILSVRC 2012), named as in torchvision's
  /// `_IMAGENET_CATEGORIES`, in the order of their indices.
  ///
  /// Written by `Scripts/goldens/record_labels.py`.
  public static let imageNet = Labels(lines: imageNetLines, source: "ImageNet-1k")
}

/// One name a line: the compiler takes one literal faster than an array of a thousand.
private let imageNetLines = """
'''


def source() -> str:
    from torchvision.models._meta import _IMAGENET_CATEGORIES as names

    assert len(names) == 1000
    assert all(n.isascii() and n.isprintable() and not set(n) & set('"\\') for n in names)
    return HEADER + "".join(f"  {name}\n" for name in names) + '  """\n'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    arguments = parser.parse_args()
    if arguments.check:
        same = TARGET.read_text() == source()
        print(f"{TARGET.name} is {'up to date' if same else 'out of date'}", file=sys.stderr)
        return 0 if same else 1
    TARGET.write_text(source())
    return 0


if __name__ == "__main__":
    sys.exit(main())
