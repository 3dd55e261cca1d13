// The camera and the canvas: what the drawers with and without a graphics card share.

const BACKGROUND = [0.155, 0.165, 0.185];

export const unit = (v) => v.map((x) => x / Math.hypot(...v));
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

/** Draws a face when it has changed. A drawer makes `render` of it. */
export class View {
  constructor(canvas, face, camera) {
    Object.assign(this, { canvas, face, background: BACKGROUND, stale: true, moved: true, pixelRatio: 1 });
    this.look(camera);
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => event.buttons && this.turn(event.movementX, event.movementY));
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); this.zoom(event.deltaY); }, { passive: false });
    new ResizeObserver(() => { this.stale = true; }).observe(canvas);
  }

  /** Takes one of the server's camera presets. */
  look(camera) {
    const [x, y, z] = unit(camera.direction);
    this.camera = { ...camera, yaw: Math.atan2(x, z), pitch: Math.asin(y) };
    this.stale = true;
  }

  turn(dx, dy) {
    this.camera.yaw -= dx * 0.006;
    this.camera.pitch = Math.min(1.4, Math.max(-1.4, this.camera.pitch + dy * 0.006));
    this.stale = true;
  }

  zoom(step) {
    this.camera.extent_m = Math.min(0.6, Math.max(0.04, this.camera.extent_m * Math.exp(step * 0.001)));
    this.stale = true;
  }

  /** Draws if the face, the camera or the window has changed since the last time; whether it did. */
  draw() {
    if (!this.stale && !this.moved) return false;
    const { canvas, camera } = this;
    const ratio = this.pixelRatio * Math.min(2, window.devicePixelRatio || 1);
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const { yaw, pitch } = camera;
    const back = [Math.sin(yaw) * Math.cos(pitch), Math.sin(pitch), Math.cos(yaw) * Math.cos(pitch)];
    const right = unit(cross([0, 1, 0], back));
    const axes = [right, cross(back, right), back];
    const eye = camera.target.map((x, k) => x + camera.distance_m * back[k]);
    this.render(axes, eye, camera.distance_m / camera.extent_m * Math.min(width, height));
    this.stale = this.moved = false;
    return true;
  }
}
