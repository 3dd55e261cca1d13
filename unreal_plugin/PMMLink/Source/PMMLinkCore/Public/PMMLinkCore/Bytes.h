#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pmmlink {

/// Big-endian loads from bytes that are known to be there.
inline std::uint32_t LoadU32(const std::uint8_t* at) {
  return (std::uint32_t{at[0]} << 24) | (std::uint32_t{at[1]} << 16) | (std::uint32_t{at[2]} << 8) |
         std::uint32_t{at[3]};
}

inline std::uint64_t LoadU64(const std::uint8_t* at) {
  return (std::uint64_t{LoadU32(at)} << 32) | LoadU32(at + 4);
}

inline std::int32_t LoadI32(const std::uint8_t* at) {
  const std::uint32_t bits = LoadU32(at);
  std::int32_t value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline std::int64_t LoadI64(const std::uint8_t* at) {
  const std::uint64_t bits = LoadU64(at);
  std::int64_t value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline float LoadF32(const std::uint8_t* at) {
  const std::uint32_t bits = LoadU32(at);
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Reads a datagram from front to back. Every length is compared with what is left before it is used;
/// after the first read past the end, ok() is false and all further reads give zero or nothing.
class ByteReader {
 public:
  ByteReader(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  bool ok() const { return ok_; }
  std::size_t left() const { return left_; }
  const std::uint8_t* here() const { return data_; }

  /// Steps over `count` bytes and returns where they begin, or nullptr when there are not that many.
  const std::uint8_t* Take(std::size_t count) {
    if (!ok_ || count > left_) {
      ok_ = false;
      return nullptr;
    }
    const std::uint8_t* const at = data_;
    data_ += count;
    left_ -= count;
    return at;
  }

  std::uint8_t U8() {
    const std::uint8_t* const at = Take(1);
    return at ? *at : std::uint8_t{0};
  }

  std::int32_t I32() {
    const std::uint8_t* const at = Take(4);
    return at ? LoadI32(at) : 0;
  }

  float F32() {
    const std::uint8_t* const at = Take(4);
    return at ? LoadF32(at) : 0.0f;
  }

  /// `count` bytes as text. The view points into the datagram.
  std::string_view Text(std::size_t count) {
    const std::uint8_t* const at = Take(count);
    return at ? std::string_view(reinterpret_cast<const char*>(at), count) : std::string_view();
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
  bool ok_ = true;
};

}  // namespace pmmlink
