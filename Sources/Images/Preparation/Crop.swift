/// The part of an axis that a centre crop keeps, rounded like torchvision's `center_crop`.
struct CropAxis: Equatable {
  /// The positions of the resized image that are kept.
  let kept: Range<Int>
  /// The number of positions of the crop before the first kept one.
  let padding: Int

  init(size: Int, crop: Int) {
    if size < crop {
      kept = 0..<size
      padding = (crop - size) / 2
    } else {
      // Python's `round` rounds halves to even.
      let start = Int((Double(size - crop) / 2).rounded(.toNearestOrEven))
      kept = start..<start + crop
      padding = 0
    }
  }
}

/// A rectangle in an image, in pixels from its upper left corner; it may extend beyond the image.
public struct ImageRegion: Sendable, Equatable {
  /// The left edge.
  public var x: Double
  /// The upper edge.
  public var y: Double
  /// The extent to the right.
  public var width: Double
  /// The extent downwards.
  public var height: Double

  /// A rectangle.
  public init(x: Double, y: Double, width: Double, height: Double) {
    (self.x, self.y, self.width, self.height) = (x, y, width, height)
  }

  /// The rectangle after resizing the image by these factors.
  func scaled(_ horizontal: Double, _ vertical: Double) -> ImageRegion {
    ImageRegion(
      x: x * horizontal, y: y * vertical, width: width * horizontal, height: height * vertical)
  }
}

extension Preprocessing {
  /// The part of an image that the network sees: the crop, in pixels before the resize.
  public func region(ofWidth width: Int, height: Int) -> ImageRegion {
    let resized = resizedSides(width: width, height: height)
    let columns = CropAxis(size: resized.width, crop: crop)
    let rows = CropAxis(size: resized.height, crop: crop)
    return ImageRegion(
      x: Double(columns.kept.lowerBound - columns.padding),
      y: Double(rows.kept.lowerBound - rows.padding), width: Double(crop), height: Double(crop)
    ).scaled(
      Double(width) / Double(resized.width), Double(height) / Double(resized.height))
  }
}
