import Foundation
import PackagePlugin

/// Adds the constant `sourceCommit` to a target: the commit of the checkout that is being built.
///
/// The manifest could ask git as well (`Context.gitInformation`), but the result is cached until the
/// manifest changes. This plugin updates it when HEAD moves or a source of the package changes.
@main
struct SourceCommit: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) -> [Command] {
    let package = context.package.directoryURL
    let script = package.appending(path: "Scripts/packaging/write_commit")
    let output = context.pluginWorkDirectoryURL.appending(path: "SourceCommit.swift")
    let sources = context.package.targets.compactMap { $0 as? any SourceModuleTarget }
      .flatMap { $0.sourceFiles.map(\.url) }
    let causes = [script, package.appending(path: "Package.swift"), historyOfHead(in: package)]
    return [
      .buildCommand(
        displayName: "Asking git for the commit", executable: script,
        arguments: [output.path(percentEncoded: false)],
        inputFiles: causes.compactMap(\.self) + sources, outputFiles: [output])
    ]
  }

  /// The file that git appends to whenever HEAD moves; `nil` if there is none.
  private func historyOfHead(in package: URL) -> URL? {
    var folder = package.appending(path: ".git")
    // In a linked working tree, `.git` is a file that contains the path of the folder.
    if let link = try? String(contentsOf: folder, encoding: .utf8), link.hasPrefix("gitdir: ") {
      let path = link.dropFirst("gitdir: ".count).prefix { $0 != "\n" }
      folder = URL(filePath: String(path), relativeTo: package)
    }
    let history = folder.appending(path: "logs/HEAD")
    return FileManager.default.fileExists(atPath: history.path(percentEncoded: false))
      ? history : nil
  }
}
