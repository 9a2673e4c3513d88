// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// Work on every vector of a run of channels.
public protocol ChannelBody {
  /// Handles the `L.count` channels from `channel`.
  func run<L: Lanes>(_ channel: Int, _: L.Type)
}

/// Runs `body` over `channels`, a multiple of 8, in full vectors and at most one half vector.
///
/// Feature maps are stored with their channels rounded up to a multiple of 8 (every width of these
/// networks is one already), so that no kernel needs a scalar tail.
@inlinable @inline(__always)
public func forEachVector<Body: ChannelBody, L: Lanes>(
  of channels: Int, _: L.Type, _ body: Body
) {
  var channel = 0
  while channel + L.count <= channels {
    body.run(channel, L.self)
    channel += L.count
  }
  if L.count > 8 && channel < channels { body.run(channel, L.Half.self) }
}
