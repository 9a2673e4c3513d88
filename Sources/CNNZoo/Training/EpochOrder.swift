import Host
import Training

/// The images of an epoch in random order.
///
/// The order depends on the seed and the epoch alone. With balanced sampling, each class provides the
/// same number of images, give or take one: those of large classes are drawn anew in each epoch, those
/// of small classes repeat.
package struct EpochOrder {
  /// An image of an epoch.
  package struct Entry: Hashable, Sendable {
    /// The index of `TrainingImages.images`.
    package let image: Int
    /// How often the epoch has had the image before.
    package let repetition: Int

    package init(image: Int, repetition: Int) {
      (self.image, self.repetition) = (image, repetition)
    }
  }

  private let training: [Int]
  /// The training images of each class; empty without balanced sampling.
  private let classes: [[Int]]

  /// - Parameters:
  ///   - images: At least one of each class is for training.
  package init(_ images: TrainingImages, balance: TrainingConfiguration.Balance) {
    training = images.training
    guard balance == .sampling else {
      classes = []
      return
    }
    var classes = [[Int]](repeating: [], count: images.labels.count)
    for image in training { classes[images.images[image].classIndex].append(image) }
    self.classes = classes
  }

  /// The images of an epoch, as many as there are for training.
  ///
  /// - Parameter key: The key of the seed and the epoch.
  package func callAsFunction(_ key: RandomKey) -> [Entry] {
    let order = key[.order].permutation(training.count)
    guard !classes.isEmpty else {
      return order.map { Entry(image: training[$0], repetition: 0) }
    }
    let chosen = sample(key)
    return order.map { chosen[$0] }
  }

  private func sample(_ key: RandomKey) -> [Entry] {
    let (count, classCount) = (training.count, classes.count)
    var entries: [Entry] = []
    // The classes that provide one image more change from epoch to epoch.
    let shifts = key[.balance].permutation(classCount)
    for (index, members) in classes.enumerated() {
      let place = shifts[index]
      let share = count * (place + 1) / classCount - count * place / classCount
      let order = key[.balance][index].permutation(members.count)
      for number in 0..<share {
        entries.append(
          Entry(
            image: members[order[number % members.count]], repetition: number / members.count))
      }
    }
    return entries
  }
}

extension RandomKey {
  /// The key below this one for an image of an epoch.
  package subscript(entry: EpochOrder.Entry) -> RandomKey {
    entry.repetition == 0 ? self[entry.image] : self[entry.image][entry.repetition]
  }
}

extension TrainingImages {
  /// The weight of each class's images in the loss, n / (classes · n of the class), or empty if
  /// classes are not weighted; the mean over all training images is 1.
  package func classWeights(_ balance: TrainingConfiguration.Balance) -> [Double] {
    guard balance == .weights else { return [] }
    return trainingCounts.map { Double(training.count) / Double(labels.count * $0) }
  }

  /// The number of training images of each class.
  package var trainingCounts: [Int] {
    var counts = [Int](repeating: 0, count: labels.count)
    for image in images where !image.isValidation { counts[image.classIndex] += 1 }
    return counts
  }
}
