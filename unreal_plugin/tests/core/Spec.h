#pragma once

#include <cmath>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

/// A test framework of one page: SPEC("a sentence") { CHECK(...); CHECK_EQUAL(a, b); CHECK_NEAR(a, b, tolerance); }
namespace spec {

struct Case {
  const char* sentence;
  void (*run)();
};

inline std::vector<Case>& Cases() {
  static std::vector<Case> cases;
  return cases;
}

inline int& Failures() {
  static int failures = 0;
  return failures;
}

struct Registration {
  Registration(const char* sentence, void (*run)()) { Cases().push_back(Case{sentence, run}); }
};

inline void Fail(const char* file, int line, const std::string& what) {
  ++Failures();
  std::fprintf(stderr, "  %s:%d: %s\n", file, line, what.c_str());
}

template <typename A, typename B>
void Equal(const A& a, const B& b, const char* text, const char* file, int line) {
  if (!(a == b)) {
    std::ostringstream what;
    what << text << ": " << +a << " is not " << +b;
    Fail(file, line, what.str());
  }
}

inline void Near(double a, double b, double tolerance, const char* text, const char* file, int line) {
  if (!(std::fabs(a - b) <= tolerance)) {
    std::ostringstream what;
    what.precision(9);
    what << text << ": " << a << " is not within " << tolerance << " of " << b;
    Fail(file, line, what.str());
  }
}

}  // namespace spec

#define SPEC_JOIN_(a, b) a##b
#define SPEC_JOIN(a, b) SPEC_JOIN_(a, b)
#define SPEC(sentence)                                                                    \
  static void SPEC_JOIN(spec_, __LINE__)();                                               \
  static const spec::Registration SPEC_JOIN(registration_, __LINE__)(sentence,            \
                                                                     &SPEC_JOIN(spec_, __LINE__)); \
  static void SPEC_JOIN(spec_, __LINE__)()
#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) spec::Fail(__FILE__, __LINE__, "not true: " #condition); \
  } while (false)
#define CHECK_EQUAL(a, b) spec::Equal((a), (b), #a, __FILE__, __LINE__)
#define CHECK_NEAR(a, b, tolerance) spec::Near((a), (b), (tolerance), #a, __FILE__, __LINE__)
