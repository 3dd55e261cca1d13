// Draws a face without a graphics card: triangles into an array of pixels, with a depth for each.
//
// A software WebGL spends most of its time on setting up triangles of a dozen pixels; this loop has nothing to set up
// and takes a third of its time. Light is worked out at the vertices, as the video renderer does (raster.py).

import { View, unit } from "/preview_view.js";

// Longer than this a frame and the picture gets coarser; well below it, finer again.
const LONG_MS = 14, SHORT_MS = 6;
const COARSEST = 0.5;

const srgb = Uint8Array.from({ length: 4097 }, (_, k) => {
  const light = k / 4096;
  return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
});

/** The light of each vertex in sRGB from 0 to 255: lit() of the shader, for a camera with these axes. */
function lightVertices(face, axes, shades) {
  const { normals: n, head: { albedo, materials, lights, ambientUp, ambientDown, catchlight, wetExponent } } = face;
  const inHead = (v) => [0, 1, 2].map((k) => axes[0][k] * v[0] + axes[1][k] * v[1] + axes[2][k] * v[2]);
  const towards = lights.map((light) => unit(light.slice(0, 3)));
  const [[kx, ky, kz], [fx, fy, fz], [rx, ry, rz]] = towards.map(inHead);
  const [key, fill, rim] = lights.map((light) => light.slice(3));
  const [hx, hy, hz] = inHead(unit([towards[0][0], towards[0][1], towards[0][2] + 1]));
  const [wx, wy, wz] = inHead(unit(catchlight));
  const [ux, uy, uz] = inHead([0, 1, 0]);
  for (let at = 0; at < n.length; at += 3) {
    const scale = 1 / (Math.hypot(n[at], n[at + 1], n[at + 2]) || 1);
    const x = n[at] * scale, y = n[at + 1] * scale, z = n[at + 2] * scale;
    const wrap = materials[at + 2], share = 1 / (1 + wrap), up = 0.5 + 0.5 * (x * ux + y * uy + z * uz);
    const a = Math.max(0, (x * kx + y * ky + z * kz + wrap) * share);
    const b = Math.max(0, (x * fx + y * fy + z * fz + wrap) * share);
    const c = Math.max(0, (x * rx + y * ry + z * rz + wrap) * share);
    const mirrored = materials[at + 1] < wetExponent ? x * hx + y * hy + z * hz : x * wx + y * wy + z * wz;
    const gleam = materials[at] * Math.max(0, mirrored) ** materials[at + 1];
    for (let k = 0; k < 3; k++) {
      const diffuse = ambientDown[k] + up * (ambientUp[k] - ambientDown[k]) + a * key[k] + b * fill[k] + c * rim[k];
      shades[at + k] = srgb[Math.min(4096, (4096 * (albedo[at + k] * diffuse + gleam * key[k])) | 0)];
    }
  }
}

export class RasterView extends View {
  constructor(canvas, face, camera) {
    super(canvas, face, camera);
    this.context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    const vertices = face.positions.length / 3;
    Object.assign(this, { x: new Float32Array(vertices), y: new Float32Array(vertices), near: new Float32Array(vertices) });
    this.shades = new Float32Array(3 * vertices);
    this.back = 0xff000000 | this.background.reduce((packed, part, k) => packed | Math.round(255 * part) << 8 * k, 0);
    this.cost = SHORT_MS;
  }

  render(axes, eye, scale) {
    const started = performance.now();
    const { canvas: { width, height }, context } = this;
    if (this.image?.width !== width || this.image?.height !== height) {
      this.image = context.createImageData(width, height);
      this.pixels = new Int32Array(this.image.data.buffer);
      this.depth = new Float32Array(width * height);
    }
    this.pixels.fill(this.back);
    this.depth.fill(0);
    lightVertices(this.face, axes, this.shades);
    this.project(axes, eye, scale, width, height);
    this.fill(width, height);
    context.putImageData(this.image, 0, 0);
    this.adapt(performance.now() - started);
  }

  /** Pixels of each vertex, and one over its distance: that is even across a triangle's picture. */
  project(axes, [ex, ey, ez], scale, width, height) {
    const { face: { positions: p }, x, y, near } = this;
    const [[rx, ry, rz], [ux, uy, uz], [bx, by, bz]] = axes;
    for (let v = 0, at = 0; v < x.length; v++, at += 3) {
      const dx = p[at] - ex, dy = p[at + 1] - ey, dz = p[at + 2] - ez;
      const closeness = -1 / (bx * dx + by * dy + bz * dz);
      near[v] = closeness;
      x[v] = width / 2 + scale * closeness * (rx * dx + ry * dy + rz * dz);
      y[v] = height / 2 - scale * closeness * (ux * dx + uy * dy + uz * dz);
    }
  }

  /** Every triangle that faces the camera: its pixels' centres, where nothing nearer has been drawn. */
  fill(width, height) {
    const { x, y, near, shades: s, pixels, depth, face: { head: { triangles } } } = this;
    for (let k = 0; k < triangles.length; k += 3) {
      const a = triangles[k], b = triangles[k + 1], c = triangles[k + 2];
      const xa = x[a], ya = y[a], abx = x[b] - xa, aby = y[b] - ya, acx = x[c] - xa, acy = y[c] - ya;
      const area = abx * acy - aby * acx;
      if (!(area < 0)) continue;
      const left = Math.max(0, Math.ceil(xa + Math.min(0, abx, acx) - 0.5));
      const right = Math.min(width - 1, Math.floor(xa + Math.max(0, abx, acx) - 0.5));
      const top = Math.max(0, Math.ceil(ya + Math.min(0, aby, acy) - 0.5));
      const bottom = Math.min(height - 1, Math.floor(ya + Math.max(0, aby, acy) - 0.5));
      if (left > right || top > bottom) continue;
      const over = 1 / area;
      const bAcross = acy * over, bDown = -acx * over, cAcross = -aby * over, cDown = abx * over;
      const za = near[a], zb = near[b] - za, zc = near[c] - za;
      const ra = s[3 * a], rb = s[3 * b] - ra, rc = s[3 * c] - ra;
      const ga = s[3 * a + 1], gb = s[3 * b + 1] - ga, gc = s[3 * c + 1] - ga;
      const la = s[3 * a + 2], lb = s[3 * b + 2] - la, lc = s[3 * c + 2] - la;
      for (let row = top; row <= bottom; row++) {
        const dx = left + 0.5 - xa, dy = row + 0.5 - ya;
        let wb = bAcross * dx + bDown * dy, wc = cAcross * dx + cDown * dy;
        let at = row * width + left;
        for (let column = left; column <= right; column++, at++, wb += bAcross, wc += cAcross) {
          // A hair's breadth over the edge, so that no gap opens between neighbours.
          if (wb < -1e-4 || wc < -1e-4 || wb + wc > 1.0001) continue;
          const z = za + wb * zb + wc * zc;
          if (z <= depth[at]) continue;
          depth[at] = z;
          pixels[at] = 0xff000000 | (la + wb * lb + wc * lc) << 16 | (ga + wb * gb + wc * gc) << 8 | (ra + wb * rb + wc * rc);
        }
      }
    }
  }

  /** A coarser picture on a busy processor, a finer one when it is idle again. */
  adapt(spent) {
    this.cost += 0.1 * (spent - this.cost);
    const wanted = this.cost > LONG_MS ? Math.max(COARSEST, this.pixelRatio - 0.125) : this.cost < SHORT_MS ? Math.min(1, this.pixelRatio + 0.125) : this.pixelRatio;
    if (wanted === this.pixelRatio) return;
    this.pixelRatio = wanted;
    this.cost = (LONG_MS + SHORT_MS) / 2;
  }
}
