// Sliders for a calibration profile. The server holds the profile; this panel shows its state and sends changes,
// one at a time and in order. Every open page gets the new state, so several people may turn the knobs.

import { Slider, button, element } from "/preview_controls.js";
import { CurveRow } from "/preview_curve.js";

/** Sends changes in order; of a slider on the move only the newest waits. */
class Edits {
  constructor(onState, onError) {
    Object.assign(this, { onState, onError, waiting: [], busy: false });
  }

  send(message, key = null) {
    const last = this.waiting.at(-1);
    if (key !== null && last?.key === key) this.waiting.pop();
    this.waiting.push({ key, message });
    if (!this.busy) this.work();
  }

  async work() {
    this.busy = true;
    while (this.waiting.length) {
      const { message } = this.waiting.shift();
      try {
        const headers = { "Content-Type": "application/json" };
        const answer = await fetch("/edit", { method: "POST", headers, body: JSON.stringify(message) });
        const state = await answer.json();
        if (answer.ok) this.onState(state); else this.onError(state.error);
      } catch {
        this.onError("pmmlink does not answer; is it still running?");
      }
    }
    this.busy = false;
  }
}

export class TuningPanel {
  /** `onRevision` is told when the take looks different. */
  constructor(node, facts, curveNames, onRevision) {
    Object.assign(this, { node, facts, curveNames, onRevision, state: null, linked: true });
    this.edits = new Edits((state) => this.show(state), (text) => this.refused(text));
    this.build();
  }

  set(curve, settings, done = true, key = null) {
    this.edits.send({ do: "set", curve, settings, done }, key);
  }

  build() {
    const ask = (what) => () => this.edits.send({ do: what });
    this.a = button("A · file", "Show the face with the profile as it is in the file", () => this.edits.send({ do: "compare", on: true }));
    this.b = button("B · edited", "Show the face with your changes", () => this.edits.send({ do: "compare", on: false }));
    this.undo = button("Undo", "Ctrl+Z", ask("undo"));
    this.redo = button("Redo", "Ctrl+Shift+Z", ask("redo"));
    this.revert = button("Revert", "Go back to the file's state; can be undone", ask("revert"));
    this.save = button("Save", "Ctrl+S", () => this.store());
    this.saveAs = button("Save as…", "Save under another name, in the same folder", () => this.askName());
    this.a.id = "show-file"; this.b.id = "show-edited";
    for (const name of ["undo", "redo", "revert", "save", "saveAs"]) this[name].id = name;
    this.title = element("h2");
    this.note = element("p", { className: "note" });
    this.note.setAttribute("role", "status");
    this.named = element("input", { type: "text", placeholder: "name", ariaLabel: "Name of the profile", pattern: "[A-Za-z0-9][A-Za-z0-9_\\-]{0,39}", required: true });
    this.nameForm = element("form", { hidden: true, className: "naming" }, this.named, element("button", { textContent: "Save" }), button("Cancel", "", () => { this.nameForm.hidden = true; }));
    this.nameForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.nameForm.hidden = true;
      this.edits.send({ do: "save", as: this.named.value });
    });
    this.search = element("input", { type: "search", placeholder: "find a curve", ariaLabel: "Find a curve", oninput: () => this.filter() });
    this.link = element("input", { type: "checkbox", checked: true, onchange: () => this.relink() });
    this.onlyChanged = element("input", { type: "checkbox", onchange: () => this.filter() });
    this.list = element("div", { className: "list" });
    this.node.append(
      element("div", { className: "bar" }, this.title, element("div", { className: "row" }, this.a, this.b, this.undo, this.redo),
        element("div", { className: "row" }, this.save, this.saveAs, this.revert), this.nameForm, this.note,
        element("div", { className: "row" }, this.search, element("label", {}, this.link, " both sides"), element("label", {}, this.onlyChanged, " changed"))),
      this.list,
    );
    this.buildFace();
    this.relink();
    document.addEventListener("keydown", (event) => this.shortcut(event));
  }

  buildFace() {
    const { limits } = this.facts;
    this.face = {};
    const labels = { intensity: "intensity", delay_ms: "delay ms" };
    const sliders = Object.entries(labels).map(([key, label]) => {
      const change = (value, done) => this.edits.send({ do: "set", profile: { [key]: value }, done }, `${key} ${done}`);
      const slider = new Slider(key, label, limits[key], key === "intensity" ? 1 : 0, change);
      slider.range.dataset.setting = key;
      this.face[key] = slider;
      return element("label", { className: "slider" }, element("span", { textContent: label }), ...slider.parts);
    });
    this.switches = {};
    const texts = { tie_lips: "lips tied to jaw", symmetric: "symmetric", mirror: "mirror" };
    const switches = Object.entries(texts).map(([key, text]) => {
      const box = element("input", { type: "checkbox", onchange: () => this.edits.send({ do: "set", profile: { [key]: box.checked } }) });
      this.switches[key] = box;
      return element("label", {}, box, ` ${text}`);
    });
    this.faceNode = element("details", { open: true }, element("summary", { textContent: "whole face" }), ...sliders, element("div", { className: "row" }, ...switches));
  }

  /** Lays the rows out anew: a row for each curve, or for each pair. */
  relink() {
    this.linked = this.link.checked;
    const open = new Set([...this.list.querySelectorAll("details[open]")].map((group) => group.dataset.group));
    const first = !this.rows;
    this.rows = [];
    this.smoothing = {};
    const stems = Object.fromEntries(Object.entries(this.facts.pairs).flatMap(([stem, pair]) => pair.map((curve) => [curve, stem])));
    const groups = Object.entries(this.facts.groups).map(([group, names]) => {
      const rows = [];
      for (const name of names) {
        const stem = this.linked ? stems[name] : undefined;
        if (rows.some((row) => row.name === stem)) continue;
        rows.push(new CurveRow(this, stem ?? name, stem ? this.facts.pairs[stem] : [name]));
      }
      this.rows.push(...rows);
      const count = element("em");
      const mute = button("mute all", `Silence ${group}`, (event) => {
        event.preventDefault();
        const silent = !rows.every((row) => row.muted || row.name === "mouthClose");
        for (const row of rows) if (row.name !== "mouthClose" || !this.state.profile.tie_lips) this.set(row.name, { mute: silent });
      });
      const reset = button("reset", `Leave ${group} as the model gives it`, (event) => {
        event.preventDefault();
        this.edits.send({ do: "reset", curves: names });
      });
      const predicted = rows.some((row) => row.predicted);
      const details = element("details", { open: first ? predicted : open.has(group) }, element("summary", {}, group, count, element("span", { className: "tools" }, mute, reset)));
      details.dataset.group = group;
      if (predicted) details.append(this.smoother(group));
      details.append(...rows.map((row) => row.node));
      return { details, rows, count };
    });
    this.groups = groups;
    this.list.replaceChildren(this.faceNode, ...groups.map(({ details }) => details));
    if (this.state) this.show(this.state, true);
    this.filter();
  }

  /** How calm a group is: the filter's cut-off (0: no filter) and how fast it lets go. */
  smoother(group) {
    const sliders = {};
    const send = (done) => {
      const [cutoff, beta] = [sliders.min_cutoff_hz, sliders.beta].map((slider) => Number(slider.number.value));
      this.edits.send({ do: "set", smoothing: group, min_cutoff_hz: cutoff, beta, done }, `smoothing ${group} ${done}`);
    };
    const labels = { min_cutoff_hz: "smooth Hz", beta: "let go" };
    const rows = Object.entries(labels).map(([key, label]) => {
      const [, high] = this.facts.limits[key];
      const slider = new Slider(key, `${group} ${label}`, [0, high], 0, (value, done) => send(done));
      sliders[key] = slider;
      return element("label", { className: "slider", title: "0 Hz: not smoothed; lower is calmer" }, element("span", { textContent: label }), ...slider.parts);
    });
    this.smoothing[group] = sliders;
    return element("div", { className: "smoothing" }, ...rows);
  }

  show(state, again = false) {
    if (!again && this.state && state.revision < this.state.revision) return;
    const moved = !this.state || state.revision !== this.state.revision;
    this.state = state;
    this.title.textContent = state.name;
    this.title.classList.toggle("changed", state.changed);
    this.title.title = state.file ?? "comes with pmmlink; save it under a name of your own";
    this.tell(state.note || (state.changed ? "not saved yet" : state.file ?? "a shipped profile: use Save as…"), false);
    this.a.setAttribute("aria-pressed", String(state.comparing));
    this.b.setAttribute("aria-pressed", String(!state.comparing));
    this.undo.disabled = !state.canUndo;
    this.redo.disabled = !state.canRedo;
    this.a.disabled = this.revert.disabled = !state.changed && !state.comparing;
    this.save.disabled = !state.changed && Boolean(state.file);
    for (const [key, slider] of Object.entries(this.face)) slider.show(state.profile[key]);
    for (const [key, box] of Object.entries(this.switches)) box.checked = state.profile[key];
    for (const [group, sliders] of Object.entries(this.smoothing)) {
      const given = state.smoothing[group] ?? { min_cutoff_hz: 0, beta: 0 };
      for (const [key, slider] of Object.entries(sliders)) slider.show(given[key]);
    }
    for (const row of this.rows) row.show(state);
    for (const { rows, count } of this.groups) {
      const changed = rows.filter((row) => row.changed).length;
      count.textContent = changed ? ` ${changed} changed` : "";
    }
    if (this.onlyChanged.checked) this.filter();
    if (moved) this.onRevision(state.revision);
  }

  /** The levels of the face as it is drawn. */
  levels(values) {
    for (const { bars, curves, node } of this.rows) {
      if (node.hidden) continue;
      bars.forEach((bar, k) => {
        const level = Math.min(1, values[this.curveNames.indexOf(curves[k])]);
        bar.style.transform = `scaleX(${level.toFixed(3)})`;
      });
    }
  }

  filter() {
    const wanted = this.search.value.trim().toLowerCase();
    for (const { details, rows } of this.groups) {
      for (const row of rows) {
        row.node.hidden = !row.name.toLowerCase().includes(wanted) || (this.onlyChanged.checked && !row.changed);
      }
      const found = rows.some((row) => !row.node.hidden);
      details.hidden = !found;
      if (found && wanted) details.open = true;
    }
    this.faceNode.hidden = wanted !== "";
  }

  refused(text) {
    for (const slider of [...this.rows.flatMap((row) => Object.values(row.sliders)), ...Object.values(this.face)]) slider.held = false;
    if (this.state) this.show(this.state, true);
    this.tell(text, true);
  }

  tell(text, wrong) {
    this.note.textContent = text;
    this.note.classList.toggle("wrong", wrong);
  }

  store() {
    if (this.state.file) this.edits.send({ do: "save" }); else this.askName();
  }

  askName() {
    this.nameForm.hidden = false;
    this.named.value = "";
    this.named.focus();
  }

  shortcut(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (event.target.type === "text" || event.target.type === "search") return;
    if (key === "z") this.edits.send({ do: event.shiftKey ? "redo" : "undo" });
    else if (key === "y") this.edits.send({ do: "redo" });
    else if (key === "s") this.store();
    else return;
    event.preventDefault();
  }
}
