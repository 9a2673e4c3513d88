import Download
import Testing

struct WebAddressTests {
  @Test(arguments: [
    "https://example.org/weights.pth", "http://localhost:8000/x", "http://127.0.0.1/x",
    "http://127.255.3.4:80/x", "http://[::1]/x",
  ])
  func encryptedOrLocalAddressesAreAccepted(text: String) throws {
    #expect(try WebAddress(text, policy: .encrypted).text == text)
  }

  @Test(arguments: [
    "http://example.org/x", "http://127.0.0.1.example.org/x", "http://128.0.0.1/x",
    "http://localhost.example.org/x",
  ])
  func openConnectionsNeedAHash(text: String) throws {
    #expect(throws: DownloadError.self) { try WebAddress(text, policy: .encrypted) }
    #expect(try WebAddress(text, policy: .known).text == text)
  }

  @Test(arguments: [
    "", "weights.pth", "ftp://example.org/x", "file:///etc/passwd", "https://", "https://a b/",
    "https://example.org/x\u{0}y", "https://example.org/" + String(repeating: "x", count: 9000),
  ])
  func otherAddressesAreRejected(text: String) {
    #expect(throws: DownloadError.self) { try WebAddress(text, policy: .known) }
  }

  @Test(arguments: ["https://user@example.org/x", "https://user:secret@example.org/x"])
  func credentialsAreRejectedWithoutRepeatingThem(text: String) throws {
    let error = #expect(throws: DownloadError.self) { try WebAddress(text, policy: .known) }
    let message = "\(try #require(error))"
    #expect(message.contains("example.org"))
    #expect(!message.contains("user@") && !message.contains("secret"))
  }

  @Test(arguments: [
    ("https://example.org/a/b.pth", "b.pth"), ("https://example.org/a/b.pth?x=/c#d", "b.pth"),
    ("https://example.org/a/", "a"), ("https://example.org", ""),
  ])
  func fileNamesAreTheLastPartOfThePath(text: String, name: String) throws {
    #expect(try WebAddress(text, policy: .known).fileName == name)
  }

  @Test(arguments: WebAddress.Policy.allCases)
  func redirectionsNeverLoseEncryption(policy: WebAddress.Policy) throws {
    let address = try WebAddress("https://example.org/x", policy: policy)
    #expect(try address.redirected(to: "https://mirror.org/y").host == "mirror.org")
    for target in ["http://mirror.org/y", "http://localhost/y", "ftp://mirror.org/y"] {
      let error = #expect(throws: DownloadError.self) { try address.redirected(to: target) }
      guard case .badRedirection("https://example.org/x", _)? = error else {
        Issue.record("\(target): \(String(describing: error))")
        continue
      }
    }
  }

  @Test func redirectionsMayGainEncryption() throws {
    let address = try WebAddress("http://example.org/x", policy: .known)
    #expect(try address.redirected(to: "https://example.org/x").text == "https://example.org/x")
    #expect(try address.redirected(to: "http://example.org/y").text == "http://example.org/y")
  }
}
