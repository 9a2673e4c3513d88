// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// Work on one vector of channels.
public protocol ChannelBody {
  /// Handles the `L.count` channels from `channel`.
  func run<L: Lanes>(_ channel: Int, _: L.Type)
}

/// Runs `body` over `channels`, a multiple of 8, in full vectors and at most one half vector.
///
/// Feature maps are stored with their channels rounded up to a multiple of 8 (all widths in these
/// networks already are), so no kernel needs a scalar tail.
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

/// Runs `body` over `channels`, a multiple of 8, in pairs of pairs, then in pairs, then in vectors.
@inlinable @inline(__always)
public func forEachLongRun<Body: ChannelBody, L: Lanes>(
  of channels: Int, _: L.Type, _ body: Body
) {
  var channel = 0
  while channel + 4 * L.count <= channels {
    body.run(channel, Paired<Paired<L>>.self)
    channel += 4 * L.count
  }
  forEachPair(from: channel, of: channels, L.self, body)
}

/// Runs `body` over the channels from `first`, in pairs, then in vectors.
@inlinable @inline(__always)
public func forEachPair<Body: ChannelBody, L: Lanes>(
  from first: Int = 0, of channels: Int, _: L.Type, _ body: Body
) {
  var channel = first
  while channel + 2 * L.count <= channels {
    body.run(channel, Paired<L>.self)
    channel += 2 * L.count
  }
  while channel + L.count <= channels {
    body.run(channel, L.self)
    channel += L.count
  }
  if L.count > 8 && channel < channels { body.run(channel, L.Half.self) }
}
