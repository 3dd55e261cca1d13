#include <cstring>

#include "Spec.h"

/// Runs every sentence, or those that contain the argument. The exit code says whether all hold.
int main(int argc, char** argv) {
  int run = 0;
  int failed = 0;
  for (const spec::Case& one : spec::Cases()) {
    if (argc > 1 && std::strstr(one.sentence, argv[1]) == nullptr) {
      continue;
    }
    const int before = spec::Failures();
    one.run();
    ++run;
    if (spec::Failures() != before) {
      ++failed;
      std::fprintf(stderr, "FAILED: %s\n", one.sentence);
    }
  }
  std::printf("%d sentences, %d failed\n", run, failed);
  return run > 0 && failed == 0 ? 0 : 1;
}
