#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "PMMLinkCore/FrameGrid.h"
#include "PMMLinkCore/Profile.h"
#include "PMMLinkCore/Status.h"
#include "../core/Packets.h"

/// The whole way from datagrams to faces. The input is a script: times that pass, raw datagrams, and well-formed
/// ones with a few hostile fields, so that the fuzzer gets past the decoders. Whatever the script, a face is
/// finite, blendshapes are in range, and nothing grows.
namespace {

class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : reader_(data, size) {}
  bool more() const { return reader_.ok() && reader_.left() > 0; }
  std::uint8_t U8() { return reader_.U8(); }
  std::int32_t I32() { return reader_.I32(); }
  float F32() { return reader_.F32(); }
  packets::Bytes Raw() {
    const std::size_t size = std::min<std::size_t>(static_cast<std::size_t>(U8()) * 4 + U8() % 4, reader_.left());
    const std::uint8_t* const at = reader_.Take(size);
    return at ? packets::Bytes(at, at + size) : packets::Bytes();
  }

 private:
  pmmlink::ByteReader reader_;
};

std::string Subject(Script& script) { return "Face" + std::to_string(script.U8() % 20); }

packets::Bytes SomeFrame(Script& script) {
  packets::FrameFields fields;
  fields.subject = Subject(script);
  fields.session = script.U8() % 4;
  fields.seq = script.U8() < 250 ? script.U8() : script.I32();
  fields.capture_us = script.U8() < 250 ? std::int64_t{fields.seq} * 33333 : std::int64_t{script.I32()} * script.I32();
  fields.fps_num = script.U8() < 250 ? 30 : script.I32();
  fields.fps_den = script.U8() < 250 ? 1 : script.I32();
  const std::size_t counts[] = {32, 52, 61, script.U8()};
  fields.values.assign(counts[script.U8() % 4], script.F32());
  if (!fields.values.empty()) {
    fields.values.back() = script.F32();
  }
  return packets::Frame(fields);
}

packets::Bytes SomeLiveLink(Script& script) {
  packets::LiveLinkFields fields;
  fields.subject = Subject(script);
  fields.device = std::string(1, static_cast<char>('A' + script.U8() % 3));
  fields.frame_number = script.U8() < 250 ? script.U8() : script.I32();
  fields.sub_frame = static_cast<float>(script.U8()) / 200.0f;
  fields.values[static_cast<std::size_t>(script.U8() % 61)] = script.F32();
  return packets::LiveLink(fields);
}

packets::Bytes SomeNames(Script& script) {
  std::vector<std::string> names;
  const std::string subject = Subject(script);
  for (int left = script.U8(); left > 0; --left) {
    names.push_back("C" + std::to_string(script.U8()) + std::to_string(left));
  }
  return packets::Names(subject, names);
}

void Look(pmmlink::Receiver& receiver, pmmlink::Micros now) {
  std::vector<float> values;
  for (std::size_t i = 0; i < receiver.size(); ++i) {
    pmmlink::Stream& stream = receiver[i];
    stream.Sample(now, values);
    for (std::size_t k = 0; k < stream.names().size(); ++k) {
      const float value = values[k];
      const bool in_range = value >= 0.0f && value <= 1.000001f;
      if (!in_range && (!std::isfinite(value) || !pmmlink::IsRotation(stream.names()[k]))) {
        std::abort();
      }
    }
    if (stream.buffered() > pmmlink::JitterBuffer::kCapacity || stream.counters().lost < 0 ||
        pmmlink::StatusText(stream, now).empty()) {
      std::abort();
    }
  }
  if (receiver.size() > pmmlink::Receiver::kMaxSubjects ||
      receiver.TakeEvents().size() > pmmlink::Receiver::kMaxEvents) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script(data, size);
  pmmlink::StreamConfig config;
  config.smooth = script.U8() % 2 == 0;
  config.buffer_us = script.U8() * std::int64_t{2000};
  pmmlink::Receiver receiver(config);
  pmmlink::FrameGrid grid(60, 1);
  pmmlink::Micros now = 0;
  while (script.more()) {
    packets::Bytes packet;
    switch (script.U8() % 8) {
      case 0:
        now += script.U8() * std::int64_t{1000};
        grid.Run(now, [&](std::int64_t, pmmlink::Micros at) { Look(receiver, at); });
        continue;
      case 1:
        now += script.U8() * std::int64_t{100000};
        Look(receiver, now);
        continue;
      case 2:
        packet = script.Raw();
        break;
      case 3:
        packet = SomeLiveLink(script);
        break;
      case 4:
        packet = SomeNames(script);
        break;
      case 5: {
        const std::string subject = Subject(script);
        packet = packets::Bye(subject, script.U8() % 4);
        break;
      }
      default:
        packet = SomeFrame(script);
    }
    receiver.Push(packet.data(), packet.size(), now);
  }
  Look(receiver, now);
  pmmlink::Profile profile;
  profile.Set("JawOpen", pmmlink::CurveSetting{2.0f, 0.1f, 0.0f, 0.9f});
  for (std::size_t i = 0; i < receiver.size(); ++i) {
    std::vector<float> values;
    receiver[i].Sample(now, values);
    profile.Compile(receiver[i].names());
    profile.Apply(values.data());
  }
  return 0;
}
