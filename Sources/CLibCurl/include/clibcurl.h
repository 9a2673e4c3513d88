// libcurl, loaded when it is first needed.
//
// Linked in the ordinary way, it brings some thirty libraries with it, and every start of the
// command pays for them: 4.3 ms instead of 0.6 for an empty program. Loaded by name, it costs those
// who download. The declarations are those of its own header; only the calls go through here, also
// because Swift cannot call functions with variable arguments.
#ifndef CNNZOO_CLIBCURL_H
#define CNNZOO_CLIBCURL_H

#include <curl/curl.h>

/// Loads and initialises libcurl, once for all threads; NULL, or why it cannot be had. Nothing else
/// here may be called before this succeeded.
const char *clibcurl_load(void);

CURL *clibcurl_init(void);
void clibcurl_cleanup(CURL *handle);
/// `curl_easy_reset`: connections stay, options go.
void clibcurl_reset(CURL *handle);
CURLcode clibcurl_perform(CURL *handle);
const char *clibcurl_message(CURLcode code);

CURLcode clibcurl_set_number(CURL *handle, CURLoption option, long value);
/// For texts, lists of texts, and what callbacks are given back.
CURLcode clibcurl_set_pointer(CURL *handle, CURLoption option, const void *value);
/// For `CURLOPT_WRITEFUNCTION` and `CURLOPT_HEADERFUNCTION`.
CURLcode clibcurl_set_receiver(CURL *handle, CURLoption option,
                               size_t (*receive)(char *, size_t, size_t, void *));
CURLcode clibcurl_set_observer(CURL *handle,
                               int (*observe)(void *, curl_off_t, curl_off_t, curl_off_t,
                                              curl_off_t));
/// HTTP and HTTPS, nothing else that libcurl knows.
CURLcode clibcurl_set_web_only(CURL *handle);

/// Where a redirection leads, as a whole address; NULL where there is none. Lives as the handle.
const char *clibcurl_redirection(CURL *handle);

struct curl_slist *clibcurl_list_append(struct curl_slist *list, const char *text);
void clibcurl_list_free(struct curl_slist *list);

/// An address taken apart by libcurl's own parser; NULL where it is none that libcurl takes.
CURLU *clibcurl_parse(const char *address);
void clibcurl_parsed_free(CURLU *address);
/// A part of an address, to be freed with `clibcurl_text_free`; NULL where it has none.
char *clibcurl_part(CURLU *address, CURLUPart part);
void clibcurl_text_free(char *text);

#endif
