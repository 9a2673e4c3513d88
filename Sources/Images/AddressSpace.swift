import Glibc

/// Whether the system would map that many bytes for this process now.
///
/// Where it would not, because of a limit such as `ulimit -v`, an array of that size ends the process;
/// asked first, it is a picture that cannot be had.
func hasAddressSpace(for bytes: Int) -> Bool {
  let memory = mmap(
    nil, max(bytes, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
  guard let memory, memory != MAP_FAILED else { return false }
  munmap(memory, max(bytes, 1))
  return true
}
