// The message when a process reads a mapped file that another process has truncated.
//
// The kernel raises SIGBUS. The handler may interrupt any instruction, so it calls only open, read, write
// and _exit, and uses static memory.
#define _GNU_SOURCE
#include "csystem.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

enum { longest_path = 4096 };

static int exit_status;
static char block[4096];
static char message[longest_path + 512];
static unsigned length;
static int taken;

static void say(char byte) {
  if (length < sizeof message) message[length++] = byte;
}

static void say_text(const char *text) {
  while (*text) say(*text++);
}

// The value of a hexadecimal digit, or -1.
static int digit(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  return -1;
}

// Appends the path of the file mapped at `address`; returns false if there is none.
//
// A line is "start-end permissions offset device inode   path"; the kernel escapes newlines in paths.
static int say_mapped_path(uintptr_t address) {
  int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return 0;
  uintptr_t bounds[2] = {0, 0};
  int bound = 0, field = 0, spaces = 0, said = 0;
  ssize_t count;
  while ((count = read(maps, block, sizeof block)) > 0) {
    for (ssize_t at = 0; at < count; at++) {
      char byte = block[at];
      if (byte == '\n') {
        if (said) goto out;
        bounds[0] = bounds[1] = 0;
        bound = field = spaces = 0;
      } else if (field < 5 && byte == ' ') {
        if (!spaces) field++;
        spaces = 1;
      } else if (field == 0 && byte == '-') {
        bound = 1;
      } else if (field == 0) {
        bounds[bound] = bounds[bound] << 4 | (uintptr_t)digit(byte);
      } else if (field < 5) {
        spaces = 0;
      } else if (byte == '/' || said) {
        if (!said && (address < bounds[0] || address >= bounds[1])) {
          // Another mapping: skip the rest of its line.
          field = 6;
        } else if (field == 5) {
          // Names can contain control characters that terminals act on.
          say(byte >= 0x20 && byte < 0x7f ? byte : (byte & 0x80) ? byte : '?');
          said = 1;
        }
      }
    }
  }
out:
  close(maps);
  return said;
}

static void report(int number, siginfo_t *info, void *context) {
  (void)context;
  // One thread reports; others that read the same file wait for the exit.
  while (__atomic_exchange_n(&taken, 1, __ATOMIC_ACQUIRE)) pause();
  if (info->si_code != BUS_ADRERR || !say_mapped_path((uintptr_t)info->si_addr)) {
    // Another kind of fault: the instruction is repeated and kills the process as usual.
    signal(number, SIG_DFL);
    return;
  }
  say_text(": the file became shorter while it was being read, or its disk failed; "
           "try again when no other process writes to it\n");
  ssize_t written = write(STDERR_FILENO, message, length);
  (void)written;
  _exit(exit_status);
}

void csystem_report_mapped_faults(const char *prefix, int status) {
  say_text(prefix);
  exit_status = status;
  struct sigaction action = {.sa_flags = SA_SIGINFO};
  action.sa_sigaction = report;
  // An interrupt must not end the process meanwhile.
  sigfillset(&action.sa_mask);
  sigaction(SIGBUS, &action, NULL);
}
