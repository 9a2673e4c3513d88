import Testing
import Weights

@Suite struct TensorNamesTests {
  @Test(arguments: [
    (["a.w", "a.b"], ""),
    (["module.a.w", "module.a.b"], "module."),
    (["module.a.w", "a.b"], ""),
    (["_orig_mod.module.model.a", "_orig_mod.module.model.b"], "_orig_mod.module.model."),
    (["module.module.a"], "module.module."),
    (["models.a", "models.b"], ""),
    ([], ""),
  ])
  func prefix(_ names: [String], _ expected: String) {
    #expect(TensorNames.wrapperPrefix(of: names) == expected)
    #expect(TensorNames.stripped(names) == names.map { String($0.dropFirst(expected.count)) })
  }
}
