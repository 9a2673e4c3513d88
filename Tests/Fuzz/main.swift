import CLibFuzzer
import Glibc

// Usage: fuzz NAME [libFuzzer's arguments]; or --list. Scripts/fuzzing/fuzz builds and calls it.

guard CommandLine.arguments.count > 1, CommandLine.arguments[1] != "--list" else {
  for target in FuzzTarget.all { print("\(target.name)\t\(target.about)") }
  exit(0)
}
let name = CommandLine.arguments[1]
guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
  fatalError("no target is called \(name); --list shows them")
}
// libFuzzer sees its own arguments only; the first is the program's name to it.
var count = CommandLine.argc - 1
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
exit(LLVMFuzzerRunDriver(&count, &arguments, target.body))
