#include <limits>
#include <string>

#include "Scene.h"
#include "Spec.h"

using namespace pmmlink;

SPEC("with no frame there is nothing to show") {
  Scene scene;
  scene.Push(0, packets::Names("Face", {"JawOpen"}));
  CHECK_EQUAL(scene.receiver.size(), std::size_t{1});
  CHECK(scene.State(0) == StreamState::Waiting);
  CHECK(scene.values.empty());
}

SPEC("in silence the face holds for 0.25 s, eases for 0.5 s and is neutral at 0.75 s, not before") {
  Scene scene;
  scene.Frame(10000, 7, 0, 0.8f);
  CHECK_NEAR(scene.Face(10000), 0.8, 1e-6);
  CHECK_NEAR(scene.Face(10250), 0.8, 1e-6);
  CHECK(scene.shown.state == StreamState::Live);
  CHECK_NEAR(scene.Face(10375), 0.675, 1e-5);
  CHECK_NEAR(scene.Face(10500), 0.4, 1e-5);
  CHECK(scene.shown.state == StreamState::Easing);
  CHECK(scene.Face(10749) > 0.0f);
  CHECK_EQUAL(scene.Face(10750), 0.0f);
  CHECK(scene.shown.state == StreamState::Neutral);
  CHECK_EQUAL(scene.Face(99000), 0.0f);
}

SPEC("a frame after long silence is shown at once") {
  Scene scene;
  scene.Frame(10000, 7, 0, 0.8f);
  CHECK_EQUAL(scene.Face(20000), 0.0f);
  CHECK(scene.Frame(20000, 7, 300, 0.3f) == Verdict::Accepted);
  CHECK_NEAR(scene.Face(20000), 0.3, 1e-6);
}

SPEC("bye eases at once, and stragglers of that session change nothing") {
  Scene scene;
  scene.Frame(1000, 7, 0, 0.8f);
  CHECK(scene.Bye(1100, 7) == Verdict::Accepted);
  CHECK_NEAR(scene.Face(1100), 0.8, 1e-6);
  CHECK_NEAR(scene.Face(1350), 0.4, 1e-5);
  CHECK(scene.shown.state == StreamState::Easing);
  CHECK_EQUAL(scene.Face(1600), 0.0f);
  CHECK(scene.Frame(1700, 7, 1, 1.0f) == Verdict::Late);
  CHECK_EQUAL(scene.Face(1700), 0.0f);
  CHECK(scene.Bye(1800, 7) == Verdict::Duplicate);
}

SPEC("bye during the ease does not slow it down") {
  Scene scene;
  scene.Frame(0, 7, 0, 0.8f);
  CHECK_NEAR(scene.Face(500), 0.4, 1e-5);
  scene.Bye(500, 7);
  CHECK_NEAR(scene.Face(625), 0.125, 1e-5);
  CHECK_EQUAL(scene.Face(750), 0.0f);
}

SPEC("bye of another session changes nothing") {
  Scene scene;
  scene.Frame(0, 7, 0, 0.8f);
  CHECK(scene.Bye(10, 8) == Verdict::Foreign);
  CHECK_NEAR(scene.Face(200), 0.8, 1e-6);
}

SPEC("frames that were still waiting play on under the ease of a bye") {
  Scene scene(100);
  scene.Frame(0, 7, 0, 0.8f);
  CHECK_NEAR(scene.Face(100), 0.8, 1e-6);
  scene.Frame(101, 7, 3, 0.1f);
  scene.Bye(110, 7);
  CHECK_NEAR(scene.Face(360), 0.05, 1e-5);
  CHECK_EQUAL(scene.Face(610), 0.0f);
}

SPEC("a sender that starts over in the same session is taken up once the face is at neutral") {
  Scene scene;
  scene.Frame(0, 7, 5000, 0.5f);
  CHECK(scene.Frame(700, 7, 1, 0.6f) == Verdict::Late);
  CHECK_EQUAL(scene.Face(750), 0.0f);
  CHECK(scene.Frame(800, 7, 2, 0.7f) == Verdict::Accepted);
  CHECK_NEAR(scene.Face(800), 0.7, 1e-6);
}

SPEC("after a silence the delay is measured anew, since the sender's clock may have stood still") {
  Scene scene(100);
  scene.Frame(0, 7, 0, 0.5f, 0.0);
  scene.Frame(5000, 7, 1, 0.6f, 1000.0);
  scene.Face(5050);
  CHECK_EQUAL(scene.shown.seq, std::int64_t{0});
  CHECK_NEAR(scene.Face(5100), 0.6, 1e-6);
}

SPEC("a frame older than the one shown is late, one seen before is a duplicate") {
  Scene scene;
  scene.Frame(0, 7, 0, 0.1f);
  scene.Frame(70, 7, 2, 0.3f);
  CHECK_NEAR(scene.Face(70), 0.3, 1e-6);
  CHECK(scene.Frame(80, 7, 1, 0.2f) == Verdict::Late);
  CHECK(scene.Frame(90, 7, 2, 0.9f) == Verdict::Duplicate);
  CHECK_NEAR(scene.Face(90), 0.3, 1e-6);
  CHECK_EQUAL(scene.stream().counters().lost, std::int64_t{0});
}

SPEC("the buffer plays by capture time and puts reordered frames right") {
  Scene scene(100);
  scene.Frame(5000, 7, 0, 0.1f);
  CHECK(scene.State(5000) == StreamState::Waiting);
  scene.Frame(5070, 7, 2, 0.3f);
  CHECK(scene.Frame(5080, 7, 1, 0.2f) == Verdict::Accepted);
  CHECK(scene.State(5090) == StreamState::Waiting);
  CHECK_NEAR(scene.Face(5101), 0.1, 1e-6);
  CHECK_NEAR(scene.Face(5133), 0.1, 1e-6);
  CHECK_NEAR(scene.Face(5134), 0.2, 1e-6);
  CHECK_NEAR(scene.Face(5168), 0.3, 1e-6);
  CHECK_EQUAL(scene.stream().counters().reordered, std::uint64_t{1});
}

SPEC("gaps in the numbering are counted, also those between sessions") {
  Scene scene;
  scene.Frame(0, 7, 0, 0.1f);
  scene.Frame(100, 7, 3, 0.1f);
  CHECK_EQUAL(scene.stream().counters().lost, std::int64_t{2});
  scene.Frame(200, 8, 10, 0.1f);
  scene.Frame(300, 8, 12, 0.1f);
  CHECK_EQUAL(scene.stream().counters().lost, std::int64_t{3});
}

SPEC("the newer of two sessions wins until it has gone") {
  Scene scene;
  scene.Frame(0, 1, 900, 0.2f);
  CHECK(scene.Frame(10, 2, 0, 0.7f) == Verdict::Accepted);
  CHECK_NEAR(scene.Face(10), 0.7, 1e-6);
  CHECK(scene.Frame(30, 1, 901, 0.2f) == Verdict::Foreign);
  CHECK_NEAR(scene.Face(30), 0.7, 1e-6);
  CHECK(scene.Frame(700, 1, 920, 0.2f) == Verdict::Foreign);
  CHECK_EQUAL(scene.Face(770), 0.0f);
  CHECK(scene.Frame(800, 1, 923, 0.2f) == Verdict::Accepted);
  CHECK_NEAR(scene.Face(800), 0.2, 1e-6);
}

SPEC("after the newer session's bye the older one is taken up again") {
  Scene scene;
  scene.Frame(0, 1, 0, 0.2f);
  scene.Frame(10, 2, 0, 0.7f);
  scene.Bye(20, 2);
  CHECK(scene.Frame(30, 1, 1, 0.25f) == Verdict::Accepted);
  CHECK_NEAR(scene.Face(30), 0.25, 1e-6);
}

SPEC("two senders that start together do not keep each other from being shown") {
  Scene scene(200);
  for (int i = 0; i < 30; ++i) {
    scene.Frame(i * 33.4, 1, i, 0.2f);
    scene.Frame(i * 33.4 + 5, 2, i, 0.7f);
  }
  CHECK_NEAR(scene.Face(980), 0.7, 1e-6);
}

SPEC("values are clamped, angles are not") {
  Scene scene;
  packets::FrameFields fields;
  fields.values.assign(61, 1.5f);
  fields.values[0] = -0.5f;
  fields.values[60] = -0.7f;
  scene.Push(0, packets::Frame(fields));
  CHECK_EQUAL(scene.Face(0), 0.0f);
  CHECK_EQUAL(scene.values[1], 1.0f);
  CHECK_EQUAL(scene.values[60], -0.7f);
}

SPEC("a frame with NaN is dropped and changes nothing") {
  Scene scene;
  scene.Frame(0, 7, 0, 0.5f);
  CHECK(scene.Frame(33, 7, 1, std::numeric_limits<float>::quiet_NaN()) == Verdict::NotFinite);
  CHECK(scene.Frame(33, 8, 0, std::numeric_limits<float>::infinity()) == Verdict::NotFinite);
  CHECK_NEAR(scene.Face(33), 0.5, 1e-6);
  CHECK_EQUAL(scene.stream().counters().Count(Verdict::NotFinite), std::uint64_t{2});
}

SPEC("frames of 32, 52 and 61 values have names from the start, others after a names message") {
  Scene scene;
  packets::FrameFields fields;
  for (const std::size_t count : {std::size_t{32}, std::size_t{52}, std::size_t{61}}) {
    fields.values.assign(count, 0.5f);
    ++fields.seq;
    CHECK(scene.Push(0, packets::Frame(fields)) == Verdict::Accepted);
    CHECK_EQUAL(scene.Face(0), 0.5f);
    CHECK_EQUAL(scene.values.size(), count);
  }
  fields.values.assign(3, 0.5f);
  ++fields.seq;
  CHECK(scene.Push(0, packets::Frame(fields)) == Verdict::Unnamed);
  CHECK(scene.Push(0, packets::Names("Face", {"A", "B", "HeadYaw"})) == Verdict::Accepted);
  fields.values = {2.0f, 2.0f, 2.0f};
  CHECK(scene.Push(0, packets::Frame(fields)) == Verdict::Accepted);
  CHECK_EQUAL(scene.Face(0), 1.0f);
  CHECK_EQUAL(scene.values[2], 2.0f);
}

SPEC("curves that go on keep what they show when the names change") {
  Scene scene(0, true);
  scene.Frame(0, 7, 0, 0.6f);
  CHECK_NEAR(scene.Face(100), 0.6, 1e-6);
  packets::FrameFields fields;
  fields.session = 7;
  fields.seq = 3;
  fields.capture_us = 100000;
  fields.values.assign(61, 0.0f);
  scene.Push(100, packets::Frame(fields));
  scene.Face(100);
  CHECK_EQUAL(scene.values[0], 0.0f);
  CHECK_NEAR(scene.values[17], 0.6, 1e-6);
  CHECK_EQUAL(scene.stream().names_version(), 2u);
}

SPEC("a sender's own names for a known count go before the standard ones") {
  Scene scene;
  std::vector<std::string> names;
  for (int i = 0; i < 32; ++i) {
    names.push_back("Morph" + std::to_string(i));
  }
  scene.Push(0, packets::Names("Face", names));
  scene.Frame(0, 7, 0, 0.5f);
  scene.Face(0);
  CHECK(scene.stream().names()[3] == "Morph3");
}

SPEC("frames of odd lengths do not push known names out of memory") {
  Scene scene;
  scene.Push(0, packets::Names("Face", {"A", "B"}));
  packets::FrameFields fields;
  for (int count = 1; count <= 255; ++count) {
    fields.values.assign(static_cast<std::size_t>(count), 0.5f);
    fields.seq = count;
    const bool known = count == 2 || count == 32 || count == 52 || count == 61;
    CHECK((scene.Push(0, packets::Frame(fields)) == Verdict::Accepted) == known);
  }
}

SPEC("a sender whose clock runs fast or slow is followed for twelve hours") {
  for (const double drift : {200e-6, -200e-6}) {
    Scene scene(50);
    const int hours = drift > 0.0 ? 12 : 1;
    for (int i = 0; i < hours * 3600 * 5; ++i) {
      const double at = i * 200.0;
      scene.Frame(at + 1.0, 7, i, 0.5f, at * (1.0 + drift));
      if (i > 60) {
        // Shown 50 ms after it came, whatever the clocks have done since the start.
        scene.Face(at + 1.0 + 45.0);
        CHECK_EQUAL(scene.shown.seq, std::int64_t{i} - 1);
        scene.Face(at + 1.0 + 52.0);
        CHECK_EQUAL(scene.shown.seq, std::int64_t{i});
      }
    }
    CHECK_EQUAL(scene.stream().counters().lost, std::int64_t{0});
    CHECK_EQUAL(scene.stream().counters().Count(Verdict::Late), std::uint64_t{0});
  }
}

SPEC("a time before the last one counts as the last one") {
  Scene scene(0, true);
  scene.Frame(1000, 7, 0, 0.5f);
  scene.Frame(1100, 7, 3, 0.7f);
  CHECK_NEAR(scene.Face(1050), 0.5, 1e-6);
  CHECK_NEAR(scene.Face(1150), 0.7, 1e-6);
}

SPEC("a buffer that is full shows its oldest frame early and never grows") {
  Scene scene(2000000);
  for (int i = 0; i < 1000; ++i) {
    CHECK(scene.Frame(i, 7, i, 0.5f) == Verdict::Accepted);
  }
  CHECK_EQUAL(scene.stream().buffered(), JitterBuffer::kCapacity);
  CHECK_EQUAL(scene.stream().counters().overflow, 1000 - JitterBuffer::kCapacity);
  CHECK_NEAR(scene.Face(1000), 0.5, 1e-6);
}
