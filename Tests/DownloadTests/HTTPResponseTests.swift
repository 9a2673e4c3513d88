import Download
import Testing

struct HTTPResponseTests {
  private func response(_ lines: String...) -> HTTPResponse {
    var response = HTTPResponse()
    for line in lines { response.parse(line + "\r\n") }
    return response
  }

  @Test func fieldsHaveLowerCaseNamesAndTrimmedValues() {
    let response = response(
      "HTTP/1.1 200 OK", "Content-Length: 12", "X-Two:\t a:b \t", "x-two: second", "no colon", "")
    #expect(response.status == 200)
    #expect(response.contentLength == 12)
    #expect(response["x-two"] == "a:b")
    #expect(response["no colon"] == nil)
  }

  /// A proxy's response, or `100 Continue`, precedes the final one.
  @Test func aStatusLineStartsANewResponse() {
    let response = response("HTTP/1.1 100 Continue", "ETag: \"old\"", "HTTP/2 206")
    #expect(response.status == 206)
    #expect(response["etag"] == nil)
  }

  @Test(arguments: ["HTTP/1.1", "HTTP/1.1 abc", ""])
  func malformedStatusLinesHaveStatusZero(line: String) { #expect(response(line).status == 0) }

  @Test func theNumberOfFieldsIsBounded() {
    var response = HTTPResponse()
    for index in 0..<1000 { response.parse("X-\(index): \(index)") }
    #expect(response["x-199"] == "199" && response["x-200"] == nil)
  }

  @Test(arguments: [(200, false), (301, true), (302, true), (303, true), (304, false), (307, true)])
  func redirections(status: Int, isRedirection: Bool) {
    #expect(response("HTTP/1.1 \(status) X").isRedirection == isRedirection)
  }

  private func validators(_ fields: String...) -> Validators? {
    var response = response("HTTP/1.1 200 OK")
    for field in fields { response.parse(field) }
    return Validators(response)
  }

  @Test func onlyStrongValidatorsAllowResuming() {
    let length = "Content-Length: 100"
    #expect(validators(length, "ETag: \"a\"")?.mark == "\"a\"")
    #expect(validators(length, "Last-Modified: Tue")?.mark == "Tue")
    #expect(validators(length, "ETag: \"a\"", "Last-Modified: Tue")?.mark == "\"a\"")
    #expect(validators(length, "ETag: W/\"a\"", "Last-Modified: Tue") == nil)
    #expect(validators(length, "ETag: \"\"") == nil)
    #expect(validators(length) == nil)
    #expect(validators("ETag: \"a\"") == nil)
    #expect(validators("Content-Length: 0", "ETag: \"a\"") == nil)
    #expect(validators(length, "ETag: \"a\"", "Accept-Ranges: none") == nil)
  }

  @Test func keysDifferIfValidatorsDiffer() throws {
    let all = try [
      validators("Content-Length: 100", "ETag: \"a\""),
      validators("Content-Length: 101", "ETag: \"a\""),
      validators("Content-Length: 100", "ETag: \"b\""),
      validators("Content-Length: 100", "Last-Modified: \"a\""),
    ].map { try #require($0) }
    #expect(Set(try all.map { try $0.key() }).count == all.count)
  }

  @Test(arguments: [
    (["HTTP/1.1 206 X", "ETag: \"a\"", "Content-Range: bytes 40-99/100"], true),
    (
      [
        "HTTP/1.1 206 X", "ETag: \"a\"", "Content-Range: bytes 40-99/100", "Content-Length: 60",
      ], true
    ),
    (["HTTP/1.1 200 X", "ETag: \"a\"", "Content-Range: bytes 40-99/100"], false),
    (["HTTP/1.1 206 X", "ETag: \"b\"", "Content-Range: bytes 40-99/100"], false),
    (["HTTP/1.1 206 X", "Content-Range: bytes 40-99/100"], false),
    (["HTTP/1.1 206 X", "ETag: \"a\"", "Content-Range: bytes 39-99/100"], false),
    (["HTTP/1.1 206 X", "ETag: \"a\"", "Content-Range: bytes 40-99/101"], false),
    (["HTTP/1.1 206 X", "ETag: \"a\""], false),
    (
      [
        "HTTP/1.1 206 X", "ETag: \"a\"", "Content-Range: bytes 40-99/100", "Content-Length: 61",
      ], false
    ),
  ])
  func onlyTheRequestedBytesOfTheSameFileContinue(lines: [String], isContinued: Bool) throws {
    let known = try #require(validators("Content-Length: 100", "ETag: \"a\""))
    #expect(known.requestFields(from: 40) == ["Range: bytes=40-", "If-Range: \"a\""])
    var response = HTTPResponse()
    for line in lines { response.parse(line) }
    #expect(known.isContinued(by: response, from: 40) == isContinued)
  }
}
