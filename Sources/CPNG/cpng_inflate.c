#include "cpng.h"

#include <limits.h>
#include <zlib.h>

long cpng_inflate(const void *bytes, size_t count, void *out, size_t capacity) {
  if (count > UINT_MAX || capacity > UINT_MAX) return -1;
  z_stream stream = {.next_in = (z_const Bytef *)bytes,
                     .avail_in = (uInt)count,
                     .next_out = out,
                     .avail_out = (uInt)capacity};
  if (inflateInit(&stream) != Z_OK) return -1;
  const int status = inflate(&stream, Z_SYNC_FLUSH);
  const long unpacked = (long)(capacity - stream.avail_out);
  inflateEnd(&stream);
  return status == Z_OK || status == Z_STREAM_END || stream.avail_out == 0 ? unpacked : -1;
}
