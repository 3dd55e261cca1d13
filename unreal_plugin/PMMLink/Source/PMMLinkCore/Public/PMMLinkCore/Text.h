#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pmmlink {

inline constexpr std::size_t kMaxSubjectBytes = 255;  ///< UTF-8 bytes of a subject's name.
inline constexpr std::size_t kMaxNameBytes = 64;      ///< ASCII characters of a curve's name.

/// Takes one code point from the front of `text`. False when it does not begin with well-formed UTF-8
/// (RFC 3629: shortest form, no surrogates, nothing above U+10FFFF).
inline bool TakeCodePoint(std::string_view& text, std::uint32_t& code) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(0);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || length > text.size()) {
    return false;
  }
  constexpr std::uint32_t kLeadBits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  code = lead & kLeadBits[length];
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return false;
    }
    code = (code << 6) | (byte(i) & 0x3f);
  }
  if (code < kSmallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    return false;
  }
  text.remove_prefix(length);
  return true;
}

inline bool ValidUtf8(std::string_view text) {
  std::uint32_t code;
  while (!text.empty()) {
    if (!TakeCodePoint(text, code)) {
      return false;
    }
  }
  return true;
}

/// Whether `subject` is 1 to 255 bytes of UTF-8 without control characters or line separators.
inline bool ValidSubject(std::string_view subject) {
  if (subject.empty() || subject.size() > kMaxSubjectBytes) {
    return false;
  }
  std::uint32_t code;
  while (!subject.empty()) {
    if (!TakeCodePoint(subject, code)) {
      return false;
    }
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029) {
      return false;
    }
  }
  return true;
}

inline bool IsLetter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/// Whether `name` is a letter followed by letters, digits and underscores, 64 characters at most.
inline bool ValidCurveName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes || !IsLetter(name.front())) {
    return false;
  }
  for (const char c : name) {
    if (!IsLetter(c) && !(c >= '0' && c <= '9') && c != '_') {
      return false;
    }
  }
  return true;
}

/// Equality without regard to case, for names that are ValidCurveName(): Unreal compares names so.
inline bool SameCurveName(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    if (lower(a[i]) != lower(b[i])) {
      return false;
    }
  }
  return true;
}

}  // namespace pmmlink
