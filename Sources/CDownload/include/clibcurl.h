// libcurl, loaded on first use.
//
// Linking it would load some thirty libraries at every start: 4.3 ms instead of 0.6 ms for an empty
// program. Loaded by name, it costs time only for downloads. The declarations are those of its own
// header; calls go through here also because Swift cannot call variadic functions.
#ifndef CNNZOO_CLIBCURL_H
#define CNNZOO_CLIBCURL_H

#include <curl/curl.h>

/// Loads and initialises libcurl once for all threads. Returns NULL, or the reason for failure. Must
/// succeed before any other function here is called.
const char *clibcurl_load(void);

CURL *clibcurl_init(void);
void clibcurl_cleanup(CURL *handle);
/// `curl_easy_reset`: keeps connections, clears options.
void clibcurl_reset(CURL *handle);
CURLcode clibcurl_perform(CURL *handle);
const char *clibcurl_message(CURLcode code);

CURLcode clibcurl_set_number(CURL *handle, CURLoption option, long value);
/// For strings, string lists and callback contexts.
CURLcode clibcurl_set_pointer(CURL *handle, CURLoption option, const void *value);
/// For `CURLOPT_WRITEFUNCTION` and `CURLOPT_HEADERFUNCTION`.
CURLcode clibcurl_set_receiver(CURL *handle, CURLoption option,
                               size_t (*receive)(char *, size_t, size_t, void *));
CURLcode clibcurl_set_observer(CURL *handle,
                               int (*observe)(void *, curl_off_t, curl_off_t, curl_off_t,
                                              curl_off_t));
/// Allows HTTP and HTTPS only.
CURLcode clibcurl_set_web_only(CURL *handle);

/// The absolute URL of a redirection, or NULL. Lives as long as the handle.
const char *clibcurl_redirection(CURL *handle);

struct curl_slist *clibcurl_list_append(struct curl_slist *list, const char *text);
void clibcurl_list_free(struct curl_slist *list);

/// A URL parsed by libcurl itself; NULL if libcurl rejects it.
CURLU *clibcurl_parse(const char *address);
void clibcurl_parsed_free(CURLU *address);
/// A part of a URL, to be freed with `clibcurl_text_free`; NULL if it has none.
char *clibcurl_part(CURLU *address, CURLUPart part);
void clibcurl_text_free(char *text);

#endif
