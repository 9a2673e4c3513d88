import Foundation
import ModelZoo
import Pretrained
import Testing
import TestSupport

struct WeightSearchTests {
  private let model = SmallNetwork.model

  @Test func foldersAreSearchedInOrder() throws {
    let folder = try TemporaryFolder()
    let second = try folder.file("b/mobilenetv3-small.safetensors")
    let search = WeightSearch(folders: ["\(folder.path)/a", "\(folder.path)/b"])
    #expect(try search.weights(of: model) == second)
    let first = try folder.file("a/mobilenetv3-small.pth")
    #expect(try search.weights(of: model) == first)
  }

  @Test func convertedFilesArePreferred() throws {
    let folder = try TemporaryFolder()
    let search = WeightSearch(folders: [folder.path])
    for name in [
      "mobilenet_v3_small-047dcff4.pth", "mobilenetv3-small.pth", "mobilenetv3-small.safetensors",
    ] {
      let path = try folder.file(name)
      #expect(try search.weights(of: model) == path)
    }
  }

  @Test func aFolderIsNotAWeightFile() throws {
    let folder = try TemporaryFolder()
    try folder.file("mobilenetv3-small.safetensors/file")
    #expect(throws: PretrainedError.self) {
      try WeightSearch(folders: [folder.path]).weights(of: model)
    }
  }

  @Test(arguments: [
    ("effnetv2-s", "cnnzoo pull effnetv2-s"),
    ("mobilenetv3-large", "cnnzoo pull mobilenetv3-large"),
    ("effnet-lite0", "cnnzoo pull effnet-lite0"), ("effnet-lite4", "--weights"),
    ("effnetv2-b0", "cnnzoo convert FILE /no/weights/effnetv2-b0.safetensors"),
  ])
  func theErrorSaysHowToGetWeights(name: String, advice: String) throws {
    let model = try ModelCatalog.model(named: name)
    let error = #expect(throws: PretrainedError.self) {
      try WeightSearch(folders: ["/no/weights"]).weights(of: model)
    }
    let message = "\(try #require(error))"
    #expect(message.contains(advice))
    #expect(message.contains("/no/weights"))
  }

  @Test func packageFolderIsSearchedFirst() throws {
    let folder = try TemporaryFolder()
    try folder.file("Package.swift")
    let search = WeightSearch.standard(
      executable: "\(folder.path)/.build/release/cnnzoo", user: UserFolders { _ in "/cache" })
    #expect(search.folders == ["\(folder.path)/weights", "/cache", "/usr/share/cnnzoo"])
  }

  @Test(arguments: [
    (["CNNZOO_CACHE": "/own", "XDG_CACHE_HOME": "/xdg", "HOME": "/home/u"], "/own"),
    (["XDG_CACHE_HOME": "/xdg", "HOME": "/home/u"], "/xdg/cnnzoo"),
    (["XDG_CACHE_HOME": "relative", "HOME": "/home/u"], "/home/u/.cache/cnnzoo"),
    (["CNNZOO_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/home/u"], "/home/u/.cache/cnnzoo"),
  ])
  func caches(environment: [String: String], cache: String) {
    #expect(UserFolders { environment[$0] }.cache == cache)
  }

  @Test func homeFallsBackToThePasswordDatabase() {
    let home = getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) }
    #expect(UserFolders { _ in nil }.cache == home.map { "\($0)/.cache/cnnzoo" })
  }
}
