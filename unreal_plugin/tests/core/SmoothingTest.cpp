#include <algorithm>
#include <cmath>

#include "PMMLinkCore/FrameGrid.h"
#include "Scene.h"
#include "Spec.h"

using namespace pmmlink;

namespace {

float Wave(double seconds) { return static_cast<float>(0.5 + 0.4 * std::sin(seconds * 9.0)); }

}  // namespace

SPEC("between two frames the face is on the straight line between them") {
  Scene scene(50, true);
  int sent = 0;
  for (int step = 0; step < 300; ++step) {
    const double at = step * 7.0;
    for (; sent * 1000.0 / 30.0 <= at; ++sent) {
      scene.Frame(sent * 1000.0 / 30.0, 7, sent, Wave(sent / 30.0));
    }
    if (at < 200.0) {
      continue;
    }
    // Shown 50 ms of buffer and one frame after its capture.
    const double frames = (at - 50.0) / 1000.0 * 30.0 - 1.0;
    const double below = std::floor(frames);
    const double expected = Wave(below / 30.0) + (Wave((below + 1) / 30.0) - Wave(below / 30.0)) * (frames - below);
    CHECK_NEAR(scene.Face(at), expected, 1e-4);
  }
}

SPEC("a frame's own value is on the face one frame after its time") {
  Scene scene(0, true);
  scene.Frame(0, 7, 0, 0.0f);
  scene.Frame(1000, 7, 30, 0.8f);
  CHECK_NEAR(scene.Face(1000), 0.0, 1e-6);
  CHECK_NEAR(scene.Face(1000 + 50.0 / 3.0), 0.4, 1e-4);
  CHECK_NEAR(scene.Face(1000 + 100.0 / 3.0), 0.8, 1e-6);
}

SPEC("a stream that starts, is replaced or comes back moves the face within one frame, without a jump") {
  Scene scene(0, true);
  float before = 0.0f;
  float largest = 0.0f;
  for (int ms = 0; ms < 6000; ++ms) {
    if (ms % 33 == 0 && (ms < 2000 || ms > 4000)) {
      scene.Frame(ms, ms < 1000 ? 1 : 2, ms / 33, ms < 1000 ? 0.9f : 0.2f);
    }
    const float face = scene.Face(ms);
    largest = std::max(largest, std::fabs(face - before));
    before = face;
  }
  CHECK(largest <= 0.9f / 33.0f + 1e-4f);
  CHECK(largest > 0.0f);
}

SPEC("bye in the middle of a move lets it finish under the ease") {
  Scene scene(0, true);
  scene.Frame(0, 7, 0, 0.0f);
  scene.Frame(1000, 7, 30, 0.8f);
  scene.Bye(1000 + 50.0 / 3.0, 7);
  CHECK_NEAR(scene.Face(1000 + 50.0 / 3.0), 0.4, 1e-4);
  CHECK_NEAR(scene.Face(1250 + 50.0 / 3.0), 0.4, 1e-4);
  CHECK_EQUAL(scene.Face(1517), 0.0f);
}

SPEC("whatever is lost, late or doubled, no step is larger than the way to the shown frame allows") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    unsigned state = seed * 2654435761u;
    const auto random = [&state](unsigned below) {
      state = state * 1664525u + 1013904223u;
      return (state >> 8) % below;
    };
    struct Packet {
      int at_ms;
      int seq;
    };
    std::vector<Packet> wire;
    for (int seq = 0; seq < 600; ++seq) {
      const int sent = seq * 100 / 3;
      for (unsigned copies = random(100) < 10 ? 0 : random(100) < 5 ? 2 : 1; copies > 0; --copies) {
        wire.push_back(Packet{sent + static_cast<int>(random(80)), seq});
      }
    }
    std::stable_sort(wire.begin(), wire.end(), [](const Packet& a, const Packet& b) { return a.at_ms < b.at_ms; });
    Scene scene(50, true);
    std::size_t next = 0;
    float before = 0.0f;
    for (int ms = 0; ms < 21500; ++ms) {
      for (; next < wire.size() && wire[next].at_ms <= ms; ++next) {
        scene.Frame(ms, 7, wire[next].seq, Wave(wire[next].seq / 30.0));
      }
      const float face = scene.Face(ms);
      CHECK(face >= 0.0f && face <= 1.0f);
      const float target = scene.shown.seq >= 0 ? Wave(static_cast<double>(scene.shown.seq) / 30.0) : 0.0f;
      const float ease = 1.5f / 500.0f;
      CHECK(std::fabs(face - before) <= std::max(std::fabs(target - before), 0.05f) / 33.0f * 34.0f + ease);
      CHECK(std::fabs(face - before) <= 0.8f / 33.0f + ease);
      before = face;
    }
    CHECK_EQUAL(before, 0.0f);
  }
}

SPEC("a grid of 60 fps samples a stream of 30 fps at its frames and half-way between them") {
  Scene scene(0, true);
  FrameGrid grid(60, 1);
  std::vector<float> out;
  for (int ms = 0; ms < 1000; ++ms) {
    if (ms % 100 == 0 || ms % 100 == 34 || ms % 100 == 67) {
      const int seq = ms / 100 * 3 + (ms % 100 == 34 ? 1 : ms % 100 == 67 ? 2 : 0);
      scene.Frame(ms, 7, seq, static_cast<float>(seq % 2), seq * 1000.0 / 30.0);
    }
    grid.Run(Scene::Us(ms), [&](std::int64_t, Micros at) { out.push_back(scene.Face(static_cast<double>(at) / 1000.0)); });
  }
  CHECK_EQUAL(out.size(), std::size_t{60});
  for (std::size_t i = 6; i < out.size(); ++i) {
    CHECK_NEAR(std::fabs(out[i] - out[i - 1]), 0.5, 0.05);
  }
}
