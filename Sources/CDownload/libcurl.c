#include "clibcurl.h"

#include <dlfcn.h>
#include <pthread.h>

// One pointer per function, with the type that curl.h declares. The parentheses bypass curl.h's
// type-checking macros.
#define FUNCTIONS(X)                                                                              \
  X(curl_global_init) X(curl_easy_init) X(curl_easy_cleanup) X(curl_easy_reset)                   \
  X(curl_easy_perform) X(curl_easy_strerror) X(curl_easy_setopt) X(curl_easy_getinfo)             \
  X(curl_slist_append) X(curl_slist_free_all) X(curl_url) X(curl_url_cleanup) X(curl_url_set)     \
  X(curl_url_get) X(curl_free)

#define POINTER(name) __typeof__(&(name)) name##_;
static struct {
  FUNCTIONS(POINTER)
} curl;

static const char *failure;

static void load(void) {
  // The number of the binary interface has not changed since 2006.
  void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!library) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    failure = "libcurl.so.4 is not installed (Debian: libcurl4)";
    return;
  }
#define RESOLVE(name)                                                                             \
  if (!(curl.name##_ = (__typeof__(&(name)))dlsym(library, #name))) {                             \
    failure = "the libcurl.so.4 installed is too old: it lacks " #name;                           \
    return;                                                                                       \
  }
  FUNCTIONS(RESOLVE)
  if (curl.curl_global_init_(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    failure = "libcurl.so.4 cannot be initialised";
}

const char *clibcurl_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return failure;
}

CURL *clibcurl_init(void) { return curl.curl_easy_init_(); }
void clibcurl_cleanup(CURL *handle) { curl.curl_easy_cleanup_(handle); }
void clibcurl_reset(CURL *handle) { curl.curl_easy_reset_(handle); }
CURLcode clibcurl_perform(CURL *handle) { return curl.curl_easy_perform_(handle); }
const char *clibcurl_message(CURLcode code) { return curl.curl_easy_strerror_(code); }

CURLcode clibcurl_set_number(CURL *handle, CURLoption option, long value) {
  return curl.curl_easy_setopt_(handle, option, value);
}

CURLcode clibcurl_set_pointer(CURL *handle, CURLoption option, const void *value) {
  return curl.curl_easy_setopt_(handle, option, value);
}

CURLcode clibcurl_set_receiver(CURL *handle, CURLoption option,
                               size_t (*receive)(char *, size_t, size_t, void *)) {
  return curl.curl_easy_setopt_(handle, option, receive);
}

CURLcode clibcurl_set_observer(CURL *handle,
                               int (*observe)(void *, curl_off_t, curl_off_t, curl_off_t,
                                              curl_off_t)) {
  return curl.curl_easy_setopt_(handle, CURLOPT_XFERINFOFUNCTION, observe);
}

CURLcode clibcurl_set_web_only(CURL *handle) {
#if LIBCURL_VERSION_NUM >= 0x075500
  return curl.curl_easy_setopt_(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  return curl.curl_easy_setopt_(handle, CURLOPT_PROTOCOLS,
                                (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

const char *clibcurl_redirection(CURL *handle) {
  const char *address = NULL;
  curl.curl_easy_getinfo_(handle, CURLINFO_REDIRECT_URL, &address);
  return address;
}

struct curl_slist *clibcurl_list_append(struct curl_slist *list, const char *text) {
  return curl.curl_slist_append_(list, text);
}

void clibcurl_list_free(struct curl_slist *list) { curl.curl_slist_free_all_(list); }

CURLU *clibcurl_parse(const char *address) {
  CURLU *parsed = curl.curl_url_();
  if (parsed && curl.curl_url_set_(parsed, CURLUPART_URL, address, 0) != CURLUE_OK) {
    curl.curl_url_cleanup_(parsed);
    return NULL;
  }
  return parsed;
}

void clibcurl_parsed_free(CURLU *address) { curl.curl_url_cleanup_(address); }

char *clibcurl_part(CURLU *address, CURLUPart part) {
  char *text = NULL;
  return curl.curl_url_get_(address, part, &text, 0) == CURLUE_OK ? text : NULL;
}

void clibcurl_text_free(char *text) { curl.curl_free_(text); }
