import CSystem
import Glibc

/// The processor that this process runs on.
package enum Processor {
  /// The number of processors that this process may use at once.
  ///
  /// The affinity mask or the control group's quota (rounded up), whichever is lower, but at least
  /// 1. The number of online processors ignores both, and excess threads cost more than they gain.
  package static let allowedThreads: Int = {
    let mask = Int(csystem_affinity_count())
    let affinity = mask > 0 ? mask : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    guard let quota = controlGroupQuota() else { return affinity }
    return max(1, min(affinity, Int(quota.rounded(.up))))
  }()

  /// The processors in the affinity mask, such as `0-3,8`; nil if unknown.
  package static var allowedProcessors: String? { status("Cpus_allowed_list") }

  /// The peak resident memory of this process; nil if unknown.
  ///
  /// `getrusage` would also count the memory of the program that started this one.
  package static var peakResidentBytes: Int? {
    status("VmHWM").flatMap { Int($0) }.map { $0 << 10 }
  }

  /// The first word of a field of `/proc/self/status`.
  private static func status(_ field: String) -> String? {
    for line in (readText("/proc/self/status") ?? "").split(separator: "\n")
    where line.hasPrefix("\(field):") {
      return line.split(whereSeparator: \.isWhitespace).dropFirst().first.map(String.init)
    }
    return nil
  }

  /// The machine's load average over the last minute; nil if unknown.
  package static var load: Double? {
    var averages = [Double](repeating: 0, count: 1)
    return getloadavg(&averages, 1) == 1 ? averages[0] : nil
  }

  /// The model name that the kernel reports, or the architecture.
  package static var modelName: String {
    for line in (readText("/proc/cpuinfo") ?? "").split(separator: "\n")
    where line.hasPrefix("model name") {
      if let colon = line.firstIndex(of: ":") {
        return String(line[line.index(after: colon)...].drop { $0 == " " })
      }
    }
    #if arch(x86_64)
      return "x86-64"
    #else
      return "unknown"
    #endif
  }

  /// The quota in processors, for either version of control groups.
  ///
  /// The quotas of the process's group and of all its ancestors apply; the smallest counts.
  private static func controlGroupQuota() -> Double? {
    var smallest: Double?
    for line in (readText("/proc/self/cgroup") ?? "").split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isUnified = fields[0] == "0"
      guard isUnified || fields[1].split(separator: ",").contains("cpu") else { continue }
      var path = fields[2][...]
      while true {
        let quota = isUnified ? unifiedQuota(path) : legacyQuota(path)
        if let quota { smallest = min(smallest ?? quota, quota) }
        guard let slash = path.lastIndex(of: "/") else { break }
        path = path[..<slash]
      }
    }
    return smallest
  }

  private static func unifiedQuota(_ group: Substring) -> Double? {
    guard let text = readText("/sys/fs/cgroup\(group)/cpu.max") else { return nil }
    let fields = text.split(whereSeparator: \.isWhitespace)
    guard fields.count == 2, let quota = Double(fields[0]), let period = Double(fields[1]),
      quota > 0, period > 0
    else { return nil }
    return quota / period
  }

  private static func legacyQuota(_ group: Substring) -> Double? {
    func number(_ name: String) -> Double? {
      readText("/sys/fs/cgroup/cpu\(group)/\(name)").flatMap {
        Double($0.filter { !$0.isWhitespace })
      }
    }
    guard let quota = number("cpu.cfs_quota_us"), let period = number("cpu.cfs_period_us"),
      quota > 0, period > 0
    else { return nil }
    return quota / period
  }

  /// The text of one of the kernel's small files.
  private static func readText(_ path: String) -> String? {
    guard let bytes = try? Files.read(path, limit: 1 << 20), !bytes.isEmpty else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }
}
