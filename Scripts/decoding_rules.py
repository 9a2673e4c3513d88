"""Where the decoders differ from Pillow's on purpose: each rule recognises its files and says why."""

import struct
import zlib


class Rule:
    def __init__(self, name, reason, applies):
        self.name = name
        self.reason = reason
        self.explains = applies


RULES = []
