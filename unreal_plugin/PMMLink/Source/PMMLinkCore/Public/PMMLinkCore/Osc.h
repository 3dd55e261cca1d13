#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "PMMLinkCore/Bytes.h"

namespace pmmlink {

/// One OSC 1.0 message, checked as a whole: every argument that the type tags announce is there, every
/// string ends inside the datagram, and nothing is left over. Views point into the datagram.
struct OscMessage {
  std::string_view address;
  std::string_view tags;  ///< Without the leading comma.
  const std::uint8_t* arguments = nullptr;
  std::size_t size = 0;  ///< Bytes of arguments.
};

/// Reads a zero-terminated string padded to four bytes (OSC-string). False when it has no end.
inline bool TakeOscString(ByteReader& reader, std::string_view& text) {
  const void* const end = reader.left() == 0 ? nullptr : std::memchr(reader.here(), 0, reader.left());
  if (end == nullptr) {
    return false;
  }
  const std::size_t length = static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - reader.here());
  const std::size_t padded = (length / 4 + 1) * 4;
  const std::uint8_t* const at = reader.Take(padded);
  if (at == nullptr) {
    return false;
  }
  text = std::string_view(reinterpret_cast<const char*>(at), length);
  return true;
}

/// Steps over one argument of type `tag`. False when the tag is unknown or the bytes are not there.
inline bool SkipOscArgument(ByteReader& reader, char tag) {
  switch (tag) {
    case 'i':
    case 'f':
    case 'c':
    case 'r':
    case 'm':
      return reader.Take(4) != nullptr;
    case 'h':
    case 'd':
    case 't':
      return reader.Take(8) != nullptr;
    case 's':
    case 'S': {
      std::string_view text;
      return TakeOscString(reader, text);
    }
    case 'b': {
      const std::int32_t length = reader.I32();
      if (!reader.ok() || length < 0) {
        return false;
      }
      const std::size_t padded = (static_cast<std::size_t>(length) + 3) / 4 * 4;
      return reader.Take(padded) != nullptr;
    }
    case 'T':
    case 'F':
    case 'N':
    case 'I':
    case '[':
    case ']':
      return true;
    default:
      return false;
  }
}

/// Decodes one message (OSC 1.0 specification, "OSC Messages"). A bundle is not a message: false.
inline bool DecodeOsc(const std::uint8_t* data, std::size_t size, OscMessage& message) {
  if (size < 8 || size % 4 != 0 || data[0] != '/') {
    return false;
  }
  ByteReader reader(data, size);
  std::string_view tags;
  if (!TakeOscString(reader, message.address) || !TakeOscString(reader, tags) || tags.empty() ||
      tags.front() != ',') {
    return false;
  }
  message.tags = tags.substr(1);
  message.arguments = reader.here();
  message.size = reader.left();
  for (const char tag : message.tags) {
    if (!SkipOscArgument(reader, tag)) {
      return false;
    }
  }
  return reader.left() == 0;
}

}  // namespace pmmlink
