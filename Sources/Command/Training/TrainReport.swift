import CNNZoo

/// The result of a training run.
struct TrainReport {
  private let trainer: Trainer
  private let epochs: [Trainer.Epoch]
  private let validation: Evaluation?
  private let bestEpoch: Int
  private let weights: JSON.Object

  /// - Parameters:
  ///   - epochs: Those that this process trained.
  ///   - validation: That of the output.
  ///   - weights: Which of a checkpoint's weights training began with.
  init(
    _ trainer: Trainer, _ epochs: [Trainer.Epoch], _ validation: Evaluation?, bestEpoch: Int,
    weights: JSON.Object
  ) {
    (self.trainer, self.epochs, self.weights) = (trainer, epochs, weights)
    (self.validation, self.bestEpoch) = (validation, bestEpoch)
  }

  var report: Report {
    Report(
      document: facts + ["epochs": .array(epochs.map { .object(Self.json($0)) })],
      records: epochs.map { facts + Self.json($0) }, table: table, notes: notes)
  }

  private var facts: JSON.Object {
    let plan = trainer.plan
    var facts: JSON.Object = [
      "output": .string(trainer.output), "model": .string(plan.model),
      "run": .string(plan.runFolder), "classes": .integer(plan.labels.count),
      "training_images": .integer(plan.trainingImages),
      "validation_images": .integer(plan.validationImages),
      "head_accuracy": plan.headAccuracy.map(JSON.number) ?? .null,
      "best_epoch": .integer(bestEpoch + 1),
    ]
    if let validation {
      let interval = validation.accuracyInterval
      facts =
        facts + [
          "top1": .number(validation.accuracy),
          "top1_interval": .array([.number(interval.lowerBound), .number(interval.upperBound)]),
          "log_loss": .number(validation.logLoss),
          "balanced_accuracy": .number(validation.balancedAccuracy),
        ]
    }
    return facts + weights
  }

  private static func json(_ epoch: Trainer.Epoch) -> JSON.Object {
    [
      "epoch": .integer(epoch.epoch + 1), "train_loss": .number(epoch.loss),
      "train_accuracy": .number(epoch.accuracy),
      "validation_top1": epoch.validation.map { .number($0.accuracy) } ?? .null,
      "validation_log_loss": epoch.validation.map { .number($0.logLoss) } ?? .null,
      "best": .bool(epoch.isBest), "seconds": .number(epoch.seconds),
    ]
  }

  private var table: Table {
    var table = Table([
      .number("epoch"), .number("train_loss", heading: "loss"),
      .number("train_accuracy", heading: "accuracy"),
      .number("validation_top1", heading: "validation"),
      .number("validation_log_loss", heading: "log loss"), .number("seconds"),
    ])
    for epoch in epochs {
      table.rows.append([
        .integer(epoch.epoch + 1), .number(epoch.loss, decimals: 4),
        .number(epoch.accuracy, decimals: 4),
        .number(epoch.validation?.accuracy ?? .nan, decimals: 4),
        .number(epoch.validation?.logLoss ?? .nan, decimals: 4),
        .number(epoch.seconds, decimals: 1),
      ])
    }
    return table
  }

  private var notes: [String] {
    let plan = trainer.plan
    guard let validation else {
      return [
        "\(trainer.output): \(plan.labels.count) classes; there were no images for validation"
      ]
    }
    let interval = validation.accuracyInterval
    func percent(_ share: Double) -> String { NumberText.fixed(100 * share, 1) }
    return [
      "\(trainer.output): \(plan.labels.count) classes, the weights of epoch \(bestEpoch + 1)",
      "Validation: \(validation.correct(inTop: 1)) of \(validation.count) correct,"
        + " \(percent(validation.accuracy)) % (95 % interval \(percent(interval.lowerBound)) to"
        + " \(percent(interval.upperBound)) %), log loss \(NumberText.fixed(validation.logLoss, 3))",
    ]
  }
}
