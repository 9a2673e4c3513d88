import Host

/// Where a program keeps its values.
///
/// Images are independent until the classifier, so that most values are needed only while one image
/// passes: they share an arena, and every thread that works through an image of its own has one.
/// What must be there for all images of a batch at once is kept apart, once for each image.
struct ValueMemory {
  /// A value's place, in floats.
  enum Place {
    /// In an arena, while one image passes.
    case passing(Int)
    /// In the memory of the batch, where the value's images lie one after another; the offset is
    /// that for a batch of one.
    case kept(Int)
  }

  let places: [Place]
  /// Floats of one arena.
  let passingCount: Int
  /// Floats of the kept values of one image.
  let keptCount: Int
  /// Floats of the largest set of values that are alive at one step, for one image.
  let largestLiveSet: Int

  /// - Parameter isKept: for each record, whether the batch needs it.
  init(_ records: [MemoryPlan.Record], isKept: [Bool]) {
    let passing = records.indices.filter { !isKept[$0] }
    let plan = MemoryPlan(passing.map { records[$0] })
    var places = [Place](repeating: .kept(0), count: records.count)
    for (index, offset) in zip(passing, plan.offsets) { places[index] = .passing(offset) }
    var end = 0
    for index in records.indices where isKept[index] {
      places[index] = .kept(end)
      end += (records[index].count + 15) & ~15
    }
    self.places = places
    passingCount = plan.count
    keptCount = end
    largestLiveSet = MemoryPlan.largestLiveSet(of: records)
  }

  /// Where a value lies for a batch of one, the kept values before the arena.
  func offset(of value: Int) -> Int {
    switch places[value] {
    case .kept(let offset): offset
    case .passing(let offset): keptCount + offset
    }
  }
}
