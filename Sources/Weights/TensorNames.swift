/// Names of parameters, as wrappers around a network leave them.
public enum TensorNames {
  /// What data-parallel training, compilation and training frameworks put before every name.
  private static let wrappers = ["module.", "model.", "_orig_mod."]

  /// The longest run of wrapper prefixes that all of `names` share; empty where there is none.
  ///
  ///     TensorNames.wrapperPrefix(of: ["module.model.fc.weight", "module.model.fc.bias"])
  ///     // "module.model."
  public static func wrapperPrefix(of names: [String]) -> String {
    var prefix = ""
    guard !names.isEmpty else { return prefix }
    while let wrapper = wrappers.first(where: { next in
      names.allSatisfy { $0.utf8.starts(with: (prefix + next).utf8) }
    }) {
      prefix += wrapper
    }
    return prefix
  }

  /// `names` without the prefix they share; names that hold nothing else stay as they are.
  public static func stripped(_ names: [String]) -> [String] {
    let prefix = wrapperPrefix(of: names)
    return names.map { String($0.utf8.dropFirst(prefix.utf8.count)) ?? $0 }
  }
}
