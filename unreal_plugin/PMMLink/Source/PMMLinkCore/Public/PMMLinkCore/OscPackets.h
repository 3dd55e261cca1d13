#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "PMMLinkCore/Osc.h"
#include "PMMLinkCore/Packet.h"
#include "PMMLinkCore/Text.h"

namespace pmmlink {

inline constexpr std::string_view kNamesAddress = "/pmmlink/1/names";
inline constexpr std::string_view kFrameAddress = "/pmmlink/1/frame";
inline constexpr std::string_view kByeAddress = "/pmmlink/1/bye";
inline constexpr std::string_view kFrameHead = "siihii";  ///< Type tags before the values.

/// Datagrams above this are no message of ours: 255 names of usual length fit.
inline constexpr std::size_t kMaxOscBytes = 4096;

/// `/pmmlink/1/names`: subject, then the names of its curves in order, none of them twice.
inline bool DecodeNames(const OscMessage& message, NamesView& names) {
  if (message.address != kNamesAddress || message.tags.size() < 2 ||
      message.tags.size() > 1 + kMaxCurves ||
      message.tags.find_first_not_of('s') != std::string_view::npos) {
    return false;
  }
  ByteReader reader(message.arguments, message.size);
  if (!TakeOscString(reader, names.subject) || !ValidSubject(names.subject)) {
    return false;
  }
  names.count = message.tags.size() - 1;
  for (std::size_t i = 0; i < names.count; ++i) {
    if (!TakeOscString(reader, names.names[i]) || !ValidCurveName(names.names[i])) {
      return false;
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (SameCurveName(names.names[i], names.names[j])) {
        return false;
      }
    }
  }
  return true;
}

/// `/pmmlink/1/frame`: subject, session, seq, capture time in us, frame rate, then the values.
inline bool DecodeFrame(const OscMessage& message, FrameView& frame) {
  if (message.address != kFrameAddress || message.tags.size() <= kFrameHead.size() ||
      message.tags.size() > kFrameHead.size() + kMaxCurves ||
      message.tags.substr(0, kFrameHead.size()) != kFrameHead ||
      message.tags.find_first_not_of('f', kFrameHead.size()) != std::string_view::npos) {
    return false;
  }
  ByteReader reader(message.arguments, message.size);
  if (!TakeOscString(reader, frame.subject) || !ValidSubject(frame.subject)) {
    return false;
  }
  frame.session = reader.I32();
  frame.seq = reader.I32();
  const std::uint8_t* const capture = reader.Take(8);
  frame.fps_num = reader.I32();
  frame.fps_den = reader.I32();
  frame.count = message.tags.size() - kFrameHead.size();
  frame.values = reader.Take(4 * frame.count);
  if (!reader.ok()) {
    return false;
  }
  frame.capture_us = LoadI64(capture);
  return frame.seq >= 0 && frame.capture_us >= -kMaxCapture && frame.capture_us <= kMaxCapture && frame.fps_num > 0 &&
         frame.fps_den > 0;
}

/// `/pmmlink/1/bye`: subject and session of a stream that ended on purpose.
inline bool DecodeBye(const OscMessage& message, ByeView& bye) {
  if (message.address != kByeAddress || message.tags != "si") {
    return false;
  }
  ByteReader reader(message.arguments, message.size);
  if (!TakeOscString(reader, bye.subject) || !ValidSubject(bye.subject)) {
    return false;
  }
  bye.session = reader.I32();
  return reader.ok();
}

}  // namespace pmmlink
