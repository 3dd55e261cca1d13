// The preview page: frames from the stream or from a take, meters, cameras, transport.

import { Face, unpackHead } from "/preview_head.js";
import { View, drawnByProcessor } from "/preview_view.js";

const METERS = [
  "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthPressLeft", "mouthPressRight", "mouthRollLower",
  "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthLowerDownLeft", "mouthLowerDownRight",
  "mouthUpperUpLeft", "mouthUpperUpRight", "mouthStretchLeft", "mouthStretchRight", "mouthSmileLeft",
  "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "cheekPuff",
];
// As every pmmlink receiver does: hold the last frame, then ease to neutral.
const HOLD_MS = 250, EASE_MS = 500;

const at = (id) => document.getElementById(id);
const load = async (path, kind) => {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer[kind]();
};
const clock = (s) => `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, "0")}`;

function buildMeters(curves) {
  return METERS.map((name) => {
    const row = document.createElement("div");
    row.className = "meter";
    row.append(name, document.createElement("i"));
    const bar = row.lastChild.appendChild(document.createElement("b"));
    at("meters").append(row);
    return { bar, index: curves.indexOf(name) };
  });
}

function buildCameras(view, cameras) {
  const buttons = Object.entries(cameras).map(([name, camera]) => {
    const button = document.createElement("button");
    button.textContent = name;
    button.addEventListener("click", () => {
      view.look(camera);
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    });
    return button;
  });
  at("cameras").append(...buttons);
  const wanted = Object.keys(cameras).indexOf(location.hash.slice(1));
  buttons[Math.max(0, wanted)].click();
}

/** Frames as they arrive; nothing is asked for while the page is hidden. */
class Live {
  constructor(count) {
    this.values = new Float32Array(count);
    this.shown = new Float32Array(count);
    this.arrived = -Infinity;
    this.times = [];
    this.received = 0;
    this.text = "";
    document.addEventListener("visibilitychange", () => this.connect());
    this.connect();
  }

  connect() {
    this.source?.close();
    if (document.hidden) return;
    this.source = new EventSource("/stream");
    this.source.onmessage = ({ data }) => {
      const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
      this.values = new Float32Array(bytes.buffer);
      this.arrived = performance.now();
      this.received += 1;
      this.times = [...this.times.filter((time) => time > this.arrived - 2000), this.arrived];
    };
    this.source.addEventListener("status", ({ data }) => { this.text = JSON.parse(data).text; });
    this.source.addEventListener("end", () => { this.arrived = Math.min(this.arrived, performance.now() - HOLD_MS); });
  }

  valuesNow(now) {
    const x = Math.min(1, Math.max(0, (now - this.arrived - HOLD_MS) / EASE_MS));
    const keep = 1 - x * x * (3 - 2 * x);
    for (let k = 0; k < this.shown.length; k++) this.shown[k] = this.values[k] * keep;
    return this.shown;
  }

  status(now) {
    const rate = this.times.filter((time) => time > now - 2000).length / 2;
    const closed = this.source?.readyState === EventSource.CONNECTING ? "waiting for pmmlink" : "waiting for frames";
    return [rate ? `live, ${rate.toFixed(0)} frames a second` : closed, this.text].filter(Boolean).join("\n");
  }
}

/** A take played by this page; its sound is the clock where there is one. */
class Take {
  constructor({ frames, fps, sound }, values, count) {
    Object.assign(this, { frames, fps, values, count, position: 0, playing: false, before: 0 });
    this.duration = frames / fps;
    this.shown = new Float32Array(count);
    this.sound = sound ? at("sound") : null;
    if (this.sound) this.sound.src = "/sound";
    at("transport").hidden = false;
    at("time").max = this.duration;
    at("time").addEventListener("input", () => this.seek(Number(at("time").value)));
    at("play").addEventListener("click", () => this.toggle());
    document.addEventListener("keydown", (event) => {
      if (event.code !== "Space" || event.target instanceof HTMLButtonElement) return;
      event.preventDefault();
      this.toggle();
    });
  }

  toggle() {
    if (!this.playing && this.position >= this.duration) this.seek(0);
    this.playing = !this.playing;
    if (this.playing) this.start(); else this.sound?.pause();
  }

  start() {
    this.before = performance.now();
    this.sound?.play().catch(() => { this.sound = null; });
  }

  seek(seconds) {
    this.position = Math.min(this.duration, Math.max(0, seconds));
    if (this.sound) this.sound.currentTime = this.position;
  }

  valuesNow(now) {
    if (this.playing) {
      const heard = this.sound && !this.sound.ended && this.sound.readyState > 1;
      this.position = heard ? this.sound.currentTime : this.position + (now - this.before) / 1000;
      this.before = now;
      if (this.position >= this.duration) {
        this.seek(at("loop").checked ? 0 : this.duration);
        if (at("loop").checked) this.start(); else this.toggle();
      }
    }
    const frame = Math.min(this.frames - 1, this.position * this.fps);
    const first = Math.floor(frame) * this.count;
    const next = Math.min(this.frames - 1, Math.floor(frame) + 1) * this.count;
    const share = frame - Math.floor(frame);
    for (let k = 0; k < this.count; k++) {
      this.shown[k] = this.values[first + k] + share * (this.values[next + k] - this.values[first + k]);
    }
    return this.shown;
  }

  status() {
    if (document.activeElement !== at("time") || this.playing) at("time").value = this.position;
    at("clock").textContent = `${clock(this.position)} / ${clock(this.duration)}`;
    at("play").textContent = this.playing ? "Pause" : "Play";
    return `take, ${this.frames} frames at ${+this.fps.toFixed(2)} a second`;
  }
}

async function main() {
  const fast = (new URLSearchParams(location.search).get("detail") ?? (drawnByProcessor() ? "coarse" : "fine")) === "coarse";
  const [session, packed] = await Promise.all([
    load("/session.json", "json"),
    load(fast ? "/head.bin?detail=coarse" : "/head.bin", "arrayBuffer"),
  ]);
  const head = unpackHead(packed);
  const face = new Face(head);
  const view = new View(at("view"), face, session.cameras.face, fast);
  const meters = buildMeters(head.curves);
  const count = head.curves.length;
  at("title").textContent = session.title;
  document.title = `${session.title} – pmmlink preview`;
  buildCameras(view, session.cameras);
  const source = session.take
    ? new Take(session.take, new Float32Array(await load("/take.bin", "arrayBuffer")), count)
    : new Live(count);

  let drawn = 0, told = 0;
  const tick = (now) => {
    if (face.pose(source.valuesNow(now))) {
      view.moved = true;
      meters.forEach(({ bar, index }) => { bar.style.transform = `scaleX(${Math.min(1, face.values[index])})`; });
      at("gap").textContent = `${face.lipGapMm().toFixed(1)} mm`;
    }
    view.draw();
    drawn += 1;
    if (now - told > 100) {
      at("status").textContent = source.status(now);
      told = now;
    }
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  // For tests and curious developers.
  window.pmmlink = { face, view, source, get drawn() { return drawn; } };
}

main().catch((error) => {
  at("status").textContent = error.message;
});
