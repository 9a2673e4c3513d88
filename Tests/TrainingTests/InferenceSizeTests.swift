import Testing
import Training

/// The size of the images that a result is for.
struct InferenceSizeTests {
  /// The weights' size unless training images are smaller than three quarters of it, or larger.
  @Test(arguments: [
    (training: 224, weights: 224, expected: 224), (168, 224, 224), (167, 224, 167), (128, 224, 128),
    (225, 224, 225), (288, 384, 384),
  ])
  func defaultsFollowTheTrainingSize(training: Int, weights: Int, expected: Int) {
    var configuration = TrainingConfiguration.fineTuning
    configuration.imageSize = training
    #expect(configuration.inferenceSize(ofWeights: weights) == expected)
    configuration.inferenceSize = 96
    #expect(configuration.inferenceSize(ofWeights: weights) == 96)
  }
}
