#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

/// Writes packets byte by byte from the format tables, so that no decoder is tested against itself.
namespace packets {

using Bytes = std::vector<std::uint8_t>;

inline void PutU32(Bytes& out, std::uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

inline void PutI32(Bytes& out, std::int32_t value) { PutU32(out, static_cast<std::uint32_t>(value)); }

inline void PutI64(Bytes& out, std::int64_t value) {
  PutU32(out, static_cast<std::uint32_t>(static_cast<std::uint64_t>(value) >> 32));
  PutU32(out, static_cast<std::uint32_t>(static_cast<std::uint64_t>(value)));
}

inline void PutF32(Bytes& out, float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  PutU32(out, bits);
}

inline void PutText(Bytes& out, std::string_view text) {
  for (const char c : text) {
    out.push_back(static_cast<std::uint8_t>(c));
  }
}

inline void PutOscString(Bytes& out, std::string_view text) {
  PutText(out, text);
  do {
    out.push_back(0);
  } while (out.size() % 4 != 0);
}

inline Bytes Names(std::string_view subject, const std::vector<std::string>& names) {
  Bytes out;
  PutOscString(out, "/pmmlink/1/names");
  PutOscString(out, "," + std::string(1 + names.size(), 's'));
  PutOscString(out, subject);
  for (const std::string& name : names) {
    PutOscString(out, name);
  }
  return out;
}

struct FrameFields {
  std::string subject = "Face";
  std::int32_t session = 1;
  std::int32_t seq = 0;
  std::int64_t capture_us = 0;
  std::int32_t fps_num = 30;
  std::int32_t fps_den = 1;
  std::vector<float> values;
};

inline Bytes Frame(const FrameFields& fields) {
  Bytes out;
  PutOscString(out, "/pmmlink/1/frame");
  PutOscString(out, ",siihii" + std::string(fields.values.size(), 'f'));
  PutOscString(out, fields.subject);
  PutI32(out, fields.session);
  PutI32(out, fields.seq);
  PutI64(out, fields.capture_us);
  PutI32(out, fields.fps_num);
  PutI32(out, fields.fps_den);
  for (const float value : fields.values) {
    PutF32(out, value);
  }
  return out;
}

inline Bytes Bye(std::string_view subject, std::int32_t session) {
  Bytes out;
  PutOscString(out, "/pmmlink/1/bye");
  PutOscString(out, ",si");
  PutOscString(out, subject);
  PutI32(out, session);
  return out;
}

struct LiveLinkFields {
  std::string device = "0F8FAD5B-D9CB-469F-A165-70867728950E";
  std::string subject = "Face";
  std::int32_t frame_number = 0;
  float sub_frame = 0.0f;
  std::int32_t fps_num = 60;
  std::int32_t fps_den = 1;
  std::vector<float> values = std::vector<float>(61, 0.0f);
};

inline Bytes LiveLink(const LiveLinkFields& fields) {
  Bytes out{6};
  PutI32(out, static_cast<std::int32_t>(fields.device.size()));
  PutText(out, fields.device);
  PutI32(out, static_cast<std::int32_t>(fields.subject.size()));
  PutText(out, fields.subject);
  PutI32(out, fields.frame_number);
  PutF32(out, fields.sub_frame);
  PutI32(out, fields.fps_num);
  PutI32(out, fields.fps_den);
  if (!fields.values.empty()) {
    out.push_back(static_cast<std::uint8_t>(fields.values.size()));
    for (const float value : fields.values) {
      PutF32(out, value);
    }
  }
  return out;
}

}  // namespace packets
