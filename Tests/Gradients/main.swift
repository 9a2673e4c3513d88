import Glibc
import Host
import ModelZoo
import TestSupport
import Training
import Weights

// gradients MODEL SIZE BATCH batch|fixed PARAMETERS OUTPUT: the loss, gradients and running statistics of one
// step, for Scripts/conformance/check_training.
let arguments = CommandLine.arguments
guard arguments.count == 7, let size = Int(arguments[2]), let batch = Int(arguments[3]),
  let statistics = TrainingConfiguration.BatchNorm(rawValue: arguments[4])
else {
  print("usage: gradients MODEL SIZE BATCH batch|fixed PARAMETERS OUTPUT")
  exit(64)
}
let model = try ModelCatalog.model(named: arguments[1])
var configuration = model.defaultConfiguration
(configuration.inputHeight, configuration.inputWidth, configuration.classes) = (size, size, 10)
(configuration.padding, configuration.epsilon) = (.symmetric, 1e-3)
(configuration.stochasticDepth, configuration.dropout) = (0, 0)
let graph = try model.graph(configuration)
let store = try ParameterStore(graph, states: 0)
let parameters = try WeightFile(path: arguments[5])
for entry in store.entries {
  guard let tensor = parameters[entry.parameter.name], tensor.shape == entry.parameter.shape else {
    fatalError("no \(entry.parameter.name) of shape \(entry.parameter.shape)")
  }
  _ = store.floats(entry, of: store.values).update(fromContentsOf: try tensor.floats())
}
var options = TrainingSession.Options(batch: batch, threads: 2)
options.batchNorm = statistics
options.loss = ClassificationLoss(.softmax, labelSmoothing: 0.1)
let session = try TrainingSession(graph, store, options)
let images = SeededImages.make(batch: batch, height: size, width: size)
for (index, image) in images.enumerated() {
  session.withInput(image: index) { _ = $0.update(fromContentsOf: image) }
}
let targets = (0..<batch).map { image in (0..<10).map { $0 == image % 10 ? Float(1) : 0 } }
let result = try session.addGradients(
  targets: targets, keys: (0..<batch).map { RandomKey(seed: 0)[$0] })
var writer = SafetensorsWriter()
writer.append(name: "loss", shape: [1], values: [Float(result.loss)])
for entry in store.entries {
  let buffer = entry.isTrainable ? store.gradients : store.values
  writer.append(
    name: entry.parameter.name, shape: entry.parameter.shape,
    values: Array(store.floats(entry, of: buffer)))
}
try writer.write(to: arguments[6])
