// The preview page: frames from the stream or from a take, meters, cameras, transport, and a profile's sliders.

import { Face, unpackHead } from "/preview_head.js";
import { RasterView } from "/preview_raster.js";
import { Live, Take } from "/preview_source.js";
import { TuningPanel } from "/preview_tuning.js";
import { WebGLView, drawnByProcessor } from "/preview_webgl.js";

// Of the curves with two sides both.
const METERS = [
  "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthPress", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
  "mouthShrugUpper", "mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthSmile", "mouthFrown", "mouthDimple", "cheekPuff",
];
// Figures and bars beside the head. Where the processor draws, each of their changes costs as much as the head.
const SIDE_MS = { fine: 33, coarse: 150 };

const at = (id) => document.getElementById(id);
const load = async (path, kind) => {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer[kind]();
};

function buildMeters(curves) {
  return METERS.flatMap((name) => {
    const row = document.createElement("div");
    row.className = "meter";
    row.append(name, document.createElement("i"));
    at("meters").append(row);
    const sides = curves.includes(name) ? [name] : [`${name}Left`, `${name}Right`];
    return sides.map((side) => ({
      bar: row.lastChild.appendChild(document.createElement("b")),
      index: curves.indexOf(side),
    }));
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

/** Meters of the most important curves, or the sliders of a profile; a function that shows values. */
function buildSide(session, curves, source) {
  if (!session.tuning) {
    const meters = buildMeters(curves);
    return (values) => {
      meters.forEach(({ bar, index }) => { bar.style.transform = `scaleX(${Math.min(1, values[index])})`; });
    };
  }
  document.body.classList.add("tuning");
  let wanted = 0, loading = false;
  const reload = async (revision) => {
    wanted = revision;
    if (loading) return;
    loading = true;
    for (let loaded = -1; loaded !== wanted;) {
      loaded = wanted;
      source.values = new Float32Array(await load(`/take.bin?revision=${loaded}`, "arrayBuffer"));
    }
    loading = false;
  };
  const panel = new TuningPanel(at("tuning"), session.tuning, curves, reload);
  const connect = () => {
    const stream = new EventSource("/stream");
    stream.addEventListener("profile", ({ data }) => panel.show(JSON.parse(data)));
  };
  connect();
  at("loop").checked = true;
  window.addEventListener("beforeunload", (event) => { if (panel.state?.changed) event.preventDefault(); });
  return (values) => panel.levels(values);
}

async function main() {
  const asked = new URLSearchParams(location.search).get("detail");
  const detail = asked === "coarse" || asked === "fine" ? asked : drawnByProcessor() ? "coarse" : "fine";
  const fast = detail === "coarse";
  const [session, packed] = await Promise.all([
    load("/session.json", "json"),
    load(fast ? "/head.bin?detail=coarse" : "/head.bin", "arrayBuffer"),
  ]);
  const head = unpackHead(packed);
  const face = new Face(head);
  const view = new (fast ? RasterView : WebGLView)(at("view"), face, session.cameras.face);
  at("title").textContent = session.title;
  document.title = `${session.title} – pmmlink preview`;
  buildCameras(view, session.cameras);
  const source = session.take
    ? new Take(session.take, new Float32Array(await load("/take.bin", "arrayBuffer")))
    : new Live();
  const showSide = buildSide(session, head.curves, source);

  let drawn = 0, told = -Infinity, showing = true;
  const tick = (now) => {
    if (face.pose(source.valuesNow(now))) view.moved = showing = true;
    if (view.draw()) drawn += 1;
    if (now - told >= SIDE_MS[detail]) {
      told = now;
      const status = source.status(now);
      if (at("status").textContent !== status) at("status").textContent = status;
      if (showing) {
        at("gap").textContent = `${Math.max(0, face.lipGapMm()).toFixed(1)} mm`; // lips that press go into each other
        showSide(face.values);
        showing = false;
      }
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
