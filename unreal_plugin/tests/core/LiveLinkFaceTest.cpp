#include <limits>

#include "PMMLinkCore/LiveLinkFace.h"
#include "Golden.h"
#include "Spec.h"

using namespace pmmlink;

namespace {

bool Parses(const packets::Bytes& data, LiveLinkFaceView& packet) {
  return DecodeLiveLinkFace(data.data(), data.size(), packet);
}

bool Parses(const packets::LiveLinkFields& fields) {
  LiveLinkFaceView packet;
  return Parses(packets::LiveLink(fields), packet);
}

}  // namespace

SPEC("the captured Live Link Face packet decodes: ten characters of eighteen bytes, 10:06:21 at 60 fps") {
  const packets::Bytes data = packets::Golden("livelink_v6.bin");
  CHECK_EQUAL(data.size(), std::size_t{324});
  LiveLinkFaceView packet;
  CHECK(Parses(data, packet));
  CHECK_EQUAL(packet.device.size(), std::size_t{36});
  CHECK_EQUAL(packet.subject.size(), std::size_t{18});
  CHECK_EQUAL(packet.frame_number, 2182883);
  CHECK_NEAR(packet.sub_frame, 0.394, 1e-3);
  CHECK_EQUAL(packet.fps_num, 60);
  CHECK_EQUAL(packet.fps_den, 1);
  CHECK_EQUAL(packet.capture_us / 1000000, std::int64_t{10 * 3600 + 6 * 60 + 21});
  CHECK(packet.values != nullptr);
  CHECK_EQUAL(LoadU32(packet.values), 0x3d036c35u);
}

SPEC("our own Live Link Face packet decodes to the numbers in its table") {
  const packets::Bytes data = packets::Golden("livelink_v6_ours.bin");
  LiveLinkFaceView packet;
  CHECK(Parses(data, packet));
  CHECK_EQUAL(packet.frame_number, 1091430);
  CHECK_EQUAL(packet.sub_frame, 0.375f);
  CHECK_EQUAL(packet.capture_us, std::int64_t{36381012500});
  CHECK_EQUAL(LoadF32(packet.values + 4 * 60), -61.0f / 128.0f);
}

SPEC("a packet that ends after the time block says that no face is in sight") {
  packets::LiveLinkFields fields;
  fields.values.clear();
  const packets::Bytes data = packets::LiveLink(fields);
  LiveLinkFaceView packet;
  CHECK(Parses(data, packet));
  CHECK(packet.values == nullptr);
}

SPEC("every other prefix and every packet with bytes behind it is refused") {
  packets::Bytes data = packets::Golden("livelink_v6.bin");
  const std::size_t time_end = data.size() - 1 - 4 * 61;
  LiveLinkFaceView packet;
  for (std::size_t size = 0; size < data.size(); ++size) {
    const bool parses = DecodeLiveLinkFace(data.data(), size, packet);
    CHECK_EQUAL(parses, size == time_end);
  }
  data.push_back(0);
  CHECK(!Parses(data, packet));
}

SPEC("hostile lengths are refused before they are used") {
  for (const std::int32_t length : {-1, std::numeric_limits<std::int32_t>::min(), 256, 1 << 24,
                                    std::numeric_limits<std::int32_t>::max()}) {
    packets::Bytes data{6};
    packets::PutI32(data, length);
    data.insert(data.end(), 300, 'x');
    LiveLinkFaceView packet;
    CHECK(!Parses(data, packet));
  }
}

SPEC("other versions, counts, rates and sub-frames are refused") {
  CHECK(Parses(packets::LiveLinkFields()));
  packets::LiveLinkFields fields;
  fields.values.resize(60);
  CHECK(!Parses(fields));
  fields = {};
  fields.fps_den = 0;
  CHECK(!Parses(fields));
  fields = {};
  fields.fps_num = -60;
  CHECK(!Parses(fields));
  fields = {};
  fields.frame_number = -1;
  CHECK(!Parses(fields));
  for (const float sub : {-0.1f, 1.1f, std::numeric_limits<float>::quiet_NaN()}) {
    fields = {};
    fields.sub_frame = sub;
    CHECK(!Parses(fields));
  }
  packets::Bytes data = packets::LiveLink(packets::LiveLinkFields());
  data[0] = 5;
  LiveLinkFaceView packet;
  CHECK(!Parses(data, packet));
}

SPEC("a device id that is not UTF-8 is refused, an empty one is not") {
  packets::LiveLinkFields fields;
  fields.device = "";
  CHECK(Parses(fields));
  fields.device = "\xff";
  CHECK(!Parses(fields));
}
