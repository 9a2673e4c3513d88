import CNNZoo

/// The result of a training run.
struct TrainReport {
  private let trainer: Trainer
  private let epochs: [Trainer.Epoch]
  private let result: Trainer.Result
  private let weights: JSON.Object

  /// - Parameters:
  ///   - epochs: Those that this process trained.
  ///   - weights: Which of a checkpoint's weights training began with.
  init(
    _ trainer: Trainer, _ epochs: [Trainer.Epoch], _ result: Trainer.Result, weights: JSON.Object
  ) {
    (self.trainer, self.epochs, self.result) = (trainer, epochs, result)
    self.weights = weights
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
      "run": .string(plan.runFolder), "report": .string(trainer.reportFiles.plot),
      "classes": .integer(plan.labels.count),
      "training_images": .integer(plan.trainingImages),
      "validation_images": .integer(plan.validationImages),
      "head_accuracy": plan.headAccuracy.map(JSON.number) ?? .null,
      "best_epoch": .integer(result.bestEpoch + 1), "keeps_head": .bool(result.keepsHead),
      "head_top1": result.head.map { .number($0.accuracy) } ?? .null,
      "trained_top1": result.trained.map { .number($0.accuracy) } ?? .null,
      "new_statistics": .bool(result.hasNewStatistics),
      "temperature": result.temperature.map(JSON.number) ?? .null,
      "stopped_at": result.stoppedAt.map(JSON.integer) ?? .null,
    ]
    if let validation = result.validation {
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
      "epoch": .integer(epoch.epoch + 1), "image_size": .integer(epoch.imageSize),
      "train_loss": .number(epoch.loss),
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
    let report = "Report: \(trainer.reportFiles.plot) and \(trainer.reportFiles.summary)"
    guard let validation = result.validation else {
      return [
        "\(trainer.output): \(plan.labels.count) classes; there were no images for validation",
        report,
      ]
    }
    let contents =
      result.keepsHead ? "the closed-form head" : "the weights of epoch \(result.bestEpoch + 1)"
    var notes = ["\(trainer.output): \(plan.labels.count) classes, \(contents)"]
    if let epoch = result.stoppedAt, let patience = plan.configuration.patience {
      notes.append(
        "Stopped after epoch \(epoch): the validation loss did not fall for"
          + " \(NumberText.count(patience, "epoch"))")
    }
    notes.append("Validation: " + Self.figures(validation))
    if result.keepsHead, let trained = result.trained {
      notes.append("After training the whole network: " + Self.figures(trained))
      notes.append(
        "That may be chance, so the head is kept; the trained network is in"
          + " \(plan.runFolder)/result.safetensors")
    } else if let head = result.head {
      notes.append("The closed-form head alone: " + Self.figures(head))
    }
    return notes + [report]
  }

  private static func figures(_ evaluation: Evaluation) -> String {
    "\(evaluation.correct(inTop: 1)) of \(evaluation.count) correct,"
      + " \(TrainingReport.percent(evaluation.accuracy))"
      + " (95 % interval \(TrainingReport.interval(evaluation))),"
      + " log loss \(NumberText.fixed(evaluation.logLoss, 3))"
  }
}
