#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "PMMLinkCore/CurveTable.h"
#include "PMMLinkCore/Packet.h"
#include "PMMLinkCore/Text.h"

namespace pmmlink {

inline constexpr std::uint8_t kLiveLinkVersion = 6;
inline constexpr std::size_t kMaxDeviceBytes = 255;

/// A Live Link Face packet, version 6, as decoded. Views point into the datagram.
struct LiveLinkFaceView {
  std::string_view device;
  std::string_view subject;
  std::int32_t frame_number = 0;
  float sub_frame = 0.0f;
  std::int32_t fps_num = 0;
  std::int32_t fps_den = 0;
  Micros capture_us = 0;                 ///< Time of day that frame number and sub-frame stand for.
  const std::uint8_t* values = nullptr;  ///< 61 big-endian float32, or nullptr: no face in sight.
};

/// A length-prefixed text of at most `most` bytes. False when the length is negative, larger, or past the end.
inline bool TakeCountedText(ByteReader& reader, std::size_t most, std::string_view& text) {
  const std::int32_t length = reader.I32();
  if (!reader.ok() || length < 0 || static_cast<std::size_t>(length) > most) {
    return false;
  }
  text = reader.Text(static_cast<std::size_t>(length));
  return reader.ok();
}

/// Decodes the packet that Unreal's ARKit face source listens for: version 6, big-endian throughout.
inline bool DecodeLiveLinkFace(const std::uint8_t* data, std::size_t size, LiveLinkFaceView& packet) {
  ByteReader reader(data, size);
  if (reader.U8() != kLiveLinkVersion || !TakeCountedText(reader, kMaxDeviceBytes, packet.device) ||
      !TakeCountedText(reader, kMaxSubjectBytes, packet.subject) || !ValidUtf8(packet.device) ||
      !ValidSubject(packet.subject)) {
    return false;
  }
  packet.frame_number = reader.I32();
  packet.sub_frame = reader.F32();
  packet.fps_num = reader.I32();
  packet.fps_den = reader.I32();
  if (!reader.ok() || packet.frame_number < 0 || packet.fps_num <= 0 || packet.fps_den <= 0 ||
      !(packet.sub_frame >= 0.0f && packet.sub_frame <= 1.0f)) {
    return false;
  }
  const double frames = static_cast<double>(packet.frame_number) + static_cast<double>(packet.sub_frame);
  const double capture = frames * 1e6 * packet.fps_den / packet.fps_num;
  if (capture > static_cast<double>(kMaxCapture)) {
    return false;
  }
  packet.capture_us = std::llround(capture);
  if (reader.left() == 0) {
    packet.values = nullptr;
    return true;
  }
  if (reader.U8() != kLiveLinkCount) {
    return false;
  }
  packet.values = reader.Take(4 * kLiveLinkCount);
  return reader.ok() && reader.left() == 0;
}

}  // namespace pmmlink
