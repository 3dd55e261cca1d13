#include <limits>
#include <string>

#include "PMMLinkCore/CurveTable.h"
#include "PMMLinkCore/OscPackets.h"
#include "Golden.h"
#include "Spec.h"

using namespace pmmlink;

namespace {

bool Parses(const packets::Bytes& data) {
  OscMessage message;
  return DecodeOsc(data.data(), data.size(), message);
}

bool ParsesFrame(const packets::Bytes& data, FrameView& frame) {
  OscMessage message;
  return DecodeOsc(data.data(), data.size(), message) && DecodeFrame(message, frame);
}

bool ParsesFrame(const packets::FrameFields& fields) {
  FrameView frame;
  return ParsesFrame(packets::Frame(fields), frame);
}

bool ParsesNames(const packets::Bytes& data, NamesView& names) {
  OscMessage message;
  return DecodeOsc(data.data(), data.size(), message) && DecodeNames(message, names);
}

packets::FrameFields SomeFrame() {
  packets::FrameFields fields;
  fields.values = {0.25f, 0.5f};
  return fields;
}

}  // namespace

SPEC("the golden frame of 32 curves decodes to the numbers in its table") {
  const packets::Bytes data = packets::Golden("osc_frame_32.bin");
  FrameView frame;
  CHECK(ParsesFrame(data, frame));
  CHECK(frame.subject == "Ada \xE9\xA1\x94");
  CHECK_EQUAL(frame.session, -1234567890);
  CHECK_EQUAL(frame.seq, 216001);
  CHECK_EQUAL(frame.capture_us, std::int64_t{7200033333});
  CHECK_EQUAL(frame.fps_num, 30);
  CHECK_EQUAL(frame.fps_den, 1);
  CHECK_EQUAL(frame.count, std::size_t{32});
  for (std::size_t i = 0; i < frame.count; ++i) {
    CHECK_EQUAL(frame.Value(i), static_cast<float>(i + 1) / 64.0f);
  }
}

SPEC("the golden frame of 61 curves keeps its negative angles and its 59.94 fps") {
  FrameView frame;
  const packets::Bytes data = packets::Golden("osc_frame_61.bin");
  CHECK(ParsesFrame(data, frame));
  CHECK_EQUAL(frame.count, std::size_t{61});
  CHECK_EQUAL(frame.fps_num, 60000);
  CHECK_EQUAL(frame.fps_den, 1001);
  CHECK_EQUAL(frame.Value(60), -61.0f / 128.0f);
}

SPEC("the golden names are the curve table, in its order") {
  NamesView names;
  const packets::Bytes data = packets::Golden("osc_names.bin");
  CHECK(ParsesNames(data, names));
  CHECK_EQUAL(names.count, kLiveLinkCount);
  for (std::size_t i = 0; i < names.count; ++i) {
    CHECK(names.names[i] == kCurves[i].name);
  }
}

SPEC("the golden bye names subject and session") {
  const packets::Bytes data = packets::Golden("osc_bye.bin");
  OscMessage message;
  ByeView bye;
  CHECK(DecodeOsc(data.data(), data.size(), message) && DecodeBye(message, bye));
  CHECK_EQUAL(bye.session, -1234567890);
}

SPEC("every prefix of a packet and every packet with bytes behind it is refused") {
  for (const char* const name : {"osc_frame_32.bin", "osc_names.bin", "osc_bye.bin"}) {
    packets::Bytes data = packets::Golden(name);
    CHECK(data.size() > 0);
    for (std::size_t size = 0; size < data.size(); ++size) {
      CHECK(!Parses(packets::Bytes(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size))));
    }
    CHECK(Parses(data));
    data.insert(data.end(), 4, 0);
    CHECK(!Parses(data));
  }
}

SPEC("a string without an end is refused") {
  packets::Bytes data;
  packets::PutOscString(data, "/pmmlink/1/bye");
  packets::PutOscString(data, ",si");
  data.insert(data.end(), 8, 'x');
  CHECK(!Parses(data));
}

SPEC("a blob that claims more bytes than there are, or fewer than none, is refused") {
  for (const std::int32_t length : {5, 1 << 30, std::numeric_limits<std::int32_t>::max(), -1,
                                    std::numeric_limits<std::int32_t>::min()}) {
    packets::Bytes data;
    packets::PutOscString(data, "/x");
    packets::PutOscString(data, ",b");
    packets::PutI32(data, length);
    packets::PutI32(data, 0);
    CHECK(!Parses(data));
  }
}

SPEC("messages of other programs with any OSC type are stepped through") {
  packets::Bytes data;
  packets::PutOscString(data, "/other");
  packets::PutOscString(data, ",ihfdsSbtcrmTFNI[i]");
  packets::PutI32(data, 1);
  packets::PutI64(data, 2);
  packets::PutF32(data, 3.0f);
  packets::PutI64(data, 4);
  packets::PutOscString(data, "five");
  packets::PutOscString(data, "");
  packets::PutI32(data, 3);
  packets::PutI32(data, 0x01020300);
  packets::PutI64(data, 8);
  packets::PutI32(data, 'c');
  packets::PutI32(data, 0);
  packets::PutI32(data, 0);
  packets::PutI32(data, 7);
  CHECK(Parses(data));
}

SPEC("an unknown type tag, a missing comma and a bundle are refused") {
  packets::Bytes unknown;
  packets::PutOscString(unknown, "/x");
  packets::PutOscString(unknown, ",q");
  CHECK(!Parses(unknown));
  packets::Bytes no_comma;
  packets::PutOscString(no_comma, "/x");
  packets::PutOscString(no_comma, "i");
  packets::PutI32(no_comma, 1);
  CHECK(!Parses(no_comma));
  packets::Bytes bundle;
  packets::PutOscString(bundle, "#bundle");
  packets::PutI64(bundle, 1);
  CHECK(!Parses(bundle));
}

SPEC("a frame with a negative number, a rate of zero or an absurd time is refused") {
  CHECK(ParsesFrame(SomeFrame()));
  packets::FrameFields fields = SomeFrame();
  fields.seq = -1;
  CHECK(!ParsesFrame(fields));
  fields = SomeFrame();
  fields.fps_num = 0;
  CHECK(!ParsesFrame(fields));
  fields = SomeFrame();
  fields.fps_den = -1;
  CHECK(!ParsesFrame(fields));
  fields = SomeFrame();
  fields.capture_us = std::numeric_limits<std::int64_t>::max();
  CHECK(!ParsesFrame(fields));
  fields.capture_us = std::numeric_limits<std::int64_t>::min();
  CHECK(!ParsesFrame(fields));
}

SPEC("a frame carries 1 to 255 curves") {
  packets::FrameFields fields = SomeFrame();
  fields.values.assign(255, 0.5f);
  CHECK(ParsesFrame(fields));
  fields.values.assign(256, 0.5f);
  CHECK(!ParsesFrame(fields));
  fields.values.clear();
  CHECK(!ParsesFrame(fields));
}

SPEC("a frame with NaN or infinity is not finite") {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
    packets::FrameFields fields = SomeFrame();
    fields.values[1] = value;
    const packets::Bytes data = packets::Frame(fields);
    FrameView frame;
    CHECK(ParsesFrame(data, frame));
    CHECK(!frame.Finite());
  }
}

SPEC("a subject is 1 to 255 bytes of UTF-8 without control characters") {
  CHECK(ValidSubject("Ada"));
  CHECK(ValidSubject("\xE4\xBE\x8B\xF0\x9F\x98\x80"));
  CHECK(ValidSubject(std::string(255, 'a')));
  CHECK(!ValidSubject(std::string(256, 'a')));
  for (const char* const bad : {"", "a\nb", "\x7f", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xff", "\xC3",
                                "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE0\x80\x80", "\x80"}) {
    CHECK(!ValidSubject(bad));
  }
}

SPEC("names are words of 1 to 64 ASCII characters and none comes twice, whatever its case") {
  NamesView names;
  CHECK(ParsesNames(packets::Names("Face", {"JawOpen", "x_1"}), names));
  CHECK(ParsesNames(packets::Names("Face", {std::string(64, 'a')}), names));
  CHECK(!ParsesNames(packets::Names("Face", {std::string(65, 'a')}), names));
  CHECK(!ParsesNames(packets::Names("Face", {"1x"}), names));
  CHECK(!ParsesNames(packets::Names("Face", {"Jaw Open"}), names));
  CHECK(!ParsesNames(packets::Names("Face", {""}), names));
  CHECK(!ParsesNames(packets::Names("Face", {"JawOpen", "jawopen"}), names));
  CHECK(!ParsesNames(packets::Names("Face", {}), names));
}
