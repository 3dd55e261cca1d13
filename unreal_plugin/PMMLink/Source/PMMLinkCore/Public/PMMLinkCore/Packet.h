#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "PMMLinkCore/Bytes.h"

namespace pmmlink {

/// Microseconds, signed: the unit of every time in the core.
using Micros = std::int64_t;

inline constexpr std::size_t kMaxCurves = 255;  ///< Curves of one subject; more are refused.

/// The largest capture time, either way: 142 years, so that sums of times stay far from overflow.
inline constexpr Micros kMaxCapture = Micros{1} << 52;

/// What became of a datagram.
enum class Verdict : std::uint8_t {
  Accepted,      ///< A frame that was put into the buffer, names that were taken over, or a bye.
  Malformed,     ///< Not a packet of ours, a length that does not fit, or contradictory content.
  NotFinite,     ///< NaN or infinity among the values.
  Unnamed,       ///< A frame whose curves have no names yet.
  Late,          ///< Older than what is already shown, or of a stream that said bye.
  Duplicate,     ///< Seen before.
  Foreign,       ///< From a session that another one has replaced.
  NoFace,        ///< A Live Link Face packet that says the camera sees no face.
  SubjectLimit,  ///< A further subject than there is room for.
};
inline constexpr std::size_t kVerdictCount = 9;

/// A frame as decoded. Views point into the datagram, which must outlive them.
struct FrameView {
  std::string_view subject;
  std::int32_t session = 0;
  std::int64_t seq = 0;
  Micros capture_us = 0;
  std::int32_t fps_num = 0;
  std::int32_t fps_den = 0;
  bool numbered = true;                  ///< Whether consecutive frames have consecutive numbers.
  const std::uint8_t* values = nullptr;  ///< Big-endian float32.
  std::size_t count = 0;

  float Value(std::size_t index) const { return LoadF32(values + 4 * index); }

  /// Whether no value is NaN or infinite.
  bool Finite() const {
    for (std::size_t i = 0; i < count; ++i) {
      if (!std::isfinite(Value(i))) {
        return false;
      }
    }
    return true;
  }
};

/// The names of a subject's curves as decoded.
struct NamesView {
  std::string_view subject;
  std::array<std::string_view, kMaxCurves> names;
  std::size_t count = 0;
};

/// The end of a stream as decoded.
struct ByeView {
  std::string_view subject;
  std::int32_t session = 0;
};

}  // namespace pmmlink
