#!/usr/bin/env python3
"""Writes the names and WordNet ids of ImageNet-1k's classes as Swift source.

The names are torchvision's, the ids timm's. Needs torchvision (any release since 0.13) and timm.
Run from anywhere:

    python3 Scripts/goldens/record_labels.py            # rewrite the files
    python3 Scripts/goldens/record_labels.py --check    # exit with 1 if a file differs
"""

import argparse
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Sources/Pretrained"

NAMES = '''\
extension Labels {
  /// The 1000 classes of ImageNet-1k (ILSVRC 2012), named as in torchvision's
  /// `_IMAGENET_CATEGORIES`, in the order of their indices.
  ///
  /// Written by `Scripts/goldens/record_labels.py`.
  public static let imageNet = Labels(lines: imageNetLines, source: "ImageNet-1k")
}

/// One name per line, because a single literal compiles faster than an array of a thousand.
private let imageNetLines = """
'''

WORDNET = '''\
/// The WordNet ids of the 1000 classes of ImageNet-1k, in the order of their indices, without `n`.
///
/// Written by `Scripts/goldens/record_labels.py`.
let imageNetWordNetNumbers = """
'''


def names() -> str:
    from torchvision.models._meta import _IMAGENET_CATEGORIES as names

    assert len(names) == 1000
    assert all(n.isascii() and n.isprintable() and not set(n) & set('"\\') for n in names)
    return NAMES + "".join(f"  {name}\n" for name in names) + '  """\n'


def wordnet() -> str:
    import timm.data

    folder = pathlib.Path(timm.data.__file__).parent / "_info"
    ids = (folder / "imagenet_synsets.txt").read_text().split()
    assert len(ids) == 1000 and ids == sorted(ids)  # torchvision sorts its classes by id.
    assert all(i[0] == "n" and len(i) == 9 and i[1:].isdigit() for i in ids)
    rows = [" ".join(i[1:] for i in ids[start:start + 10]) for start in range(0, 1000, 10)]
    return WORDNET + "".join(f"  {row}\n" for row in rows) + '  """\n'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    arguments = parser.parse_args()
    same = True
    for name, source in {"ImageNetLabels.swift": names, "ImageNetWordNet.swift": wordnet}.items():
        target = FOLDER / name
        if not arguments.check:
            target.write_text(source())
        elif target.read_text() != source():
            same = False
            print(f"{name} is out of date", file=sys.stderr)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
