"""Confidence intervals, shared by several benchmarks."""

import math


def wilson(correct, count):
    """Wilson's 95 % interval of a share."""
    z = 1.959963984540054
    share = correct / count
    center = share + z * z / (2 * count)
    margin = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (center - margin) / (1 + z * z / count), (center + margin) / (1 + z * z / count)
