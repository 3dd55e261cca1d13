#include <cstdio>
#include <iostream>
#include <string>

#include "Hex.h"
#include "PMMLinkCore/LiveLinkFace.h"
#include "PMMLinkCore/OscPackets.h"

using namespace pmmlink;

namespace {

void PrintHex(std::string_view text) {
  std::printf(" %zu:", text.size());
  for (const char c : text) {
    std::printf("%02x", static_cast<unsigned char>(c));
  }
}

void PrintValues(const std::uint8_t* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    std::printf(" %08x", LoadU32(values + 4 * i));
  }
}

bool PrintLiveLinkFace(const std::vector<std::uint8_t>& data) {
  LiveLinkFaceView packet;
  if (!DecodeLiveLinkFace(data.data(), data.size(), packet)) {
    return false;
  }
  FrameView frame;
  frame.values = packet.values;
  frame.count = packet.values == nullptr ? 0 : kLiveLinkCount;
  if (!frame.Finite()) {
    return false;
  }
  std::printf("livelink");
  PrintHex(packet.device);
  PrintHex(packet.subject);
  std::printf(" %d %.9g %d %d %lld", packet.frame_number, static_cast<double>(packet.sub_frame), packet.fps_num,
              packet.fps_den, static_cast<long long>(packet.capture_us));
  PrintValues(frame.values, frame.count);
  return true;
}

bool PrintOsc(const std::vector<std::uint8_t>& data) {
  OscMessage message;
  if (!DecodeOsc(data.data(), data.size(), message)) {
    return false;
  }
  FrameView frame;
  NamesView names;
  ByeView bye;
  if (DecodeFrame(message, frame) && frame.Finite()) {
    std::printf("frame");
    PrintHex(frame.subject);
    std::printf(" %d %lld %lld %d %d", frame.session, static_cast<long long>(frame.seq),
                static_cast<long long>(frame.capture_us), frame.fps_num, frame.fps_den);
    PrintValues(frame.values, frame.count);
  } else if (DecodeNames(message, names)) {
    std::printf("names");
    PrintHex(names.subject);
    for (std::size_t i = 0; i < names.count; ++i) {
      PrintHex(names.names[i]);
    }
  } else if (DecodeBye(message, bye)) {
    std::printf("bye");
    PrintHex(bye.subject);
    std::printf(" %d", bye.session);
  } else {
    return false;
  }
  return true;
}

}  // namespace

/// Decodes one packet a line, given in hexadecimal, and prints its fields, or "refused".
int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const std::vector<std::uint8_t> data = FromHex(line);
    const bool livelink = !data.empty() && data[0] == kLiveLinkVersion;
    if (!(livelink ? PrintLiveLinkFace(data) : PrintOsc(data))) {
      std::printf("refused");
    }
    std::printf("\n");
  }
  return 0;
}
