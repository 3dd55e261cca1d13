// The head in the browser: adds up curve offsets, turns head and eyes, and works out normals.

const ARRAYS = { f4: Float32Array, u4: Uint32Array, i2: Int16Array };
const LARGEST_RAD = 1.2, RESTING = 1e-3;

/** Reads what pmmlink/preview/pack.py wrote. */
export function unpackHead(buffer) {
  const jsonLength = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, jsonLength)));
  for (const [name, { offset, length, type }] of Object.entries(head.arrays)) {
    head[name] = new ARRAYS[type](buffer, 4 + jsonLength + offset, length);
  }
  return head;
}

/** Rows of the matrix for yaw, pitch and roll in radians, as pmmlink/preview/turn.py makes it. */
function rotation(angles) {
  const [yaw, pitch, roll] = Array.from(angles, (x) => Math.min(LARGEST_RAD, Math.max(-LARGEST_RAD, x)));
  const [sy, cy, sp, cp, sr, cr] = [yaw, pitch, roll].flatMap((x) => [Math.sin(x), Math.cos(x)]);
  return [
    [cy * cr + sy * sp * sr, sy * sp * cr - cy * sr, sy * cp],
    [cp * sr, cp * cr, -sp],
    [cy * sp * sr - sy * cr, sy * sr + cy * sp * cr, cy * cp],
  ];
}

export class Face {
  constructor(head) {
    this.head = head;
    this.positions = head.positions.slice();
    this.normals = new Float32Array(head.positions.length);
    this.values = new Float32Array(head.curves.length + 9);
    this.eyes = [[head.eyeLeft, "Left", 3], [head.eyeRight, "Right", 6]].map(([ball, side, first]) => ({
      ball,
      first: head.curves.length + first,
      looks: ["In", "Out", "Up", "Down"].map((way) => head.curves.indexOf(`eyeLook${way}${side}`)),
    }));
    this.starts = [];
    let start = 0;
    for (const count of head.deltaCount) {
      this.starts.push(start);
      start += count;
    }
    this.updateNormals();
  }

  /** Moves the mesh to 52 curve values (0 to 1, ARKit order), perhaps with nine angles; false when nothing changed. */
  pose(values) {
    if (values.every((value, k) => Math.abs(value - this.values[k]) < 1e-5)) return false;
    const { head, positions } = this;
    this.values.fill(0).set(values);
    positions.set(head.positions);
    for (let curve = 0; curve < this.starts.length; curve++) {
      const weight = values[curve] * head.deltaScale[curve];
      if (Math.abs(weight) < 1e-12) continue;
      const stop = this.starts[curve] + head.deltaCount[curve];
      for (let k = this.starts[curve]; k < stop; k++) {
        const to = 3 * head.deltaVertex[k];
        positions[to] += weight * head.deltaValue[3 * k];
        positions[to + 1] += weight * head.deltaValue[3 * k + 1];
        positions[to + 2] += weight * head.deltaValue[3 * k + 2];
      }
    }
    if (this.values.subarray(this.starts.length).some((angle) => angle !== 0)) this.turn();
    this.updateNormals();
    return true;
  }

  /** Eyes first, in the head; then the head on its neck, which follows less and less towards its base. */
  turn() {
    const { head, positions: p, values } = this;
    for (const { ball, first, looks } of this.eyes) {
      const angles = values.subarray(first, first + 3);
      if (!angles.some((angle) => angle !== 0) || looks.some((k) => values[k] >= RESTING)) continue;
      const middle = [0, 0, 0];
      for (const vertex of ball) for (let k = 0; k < 3; k++) middle[k] += p[3 * vertex + k] / ball.length;
      const rows = rotation(angles);
      for (const vertex of ball) {
        const from = middle.map((m, k) => p[3 * vertex + k] - m);
        rows.forEach((row, k) => { p[3 * vertex + k] = middle[k] + row[0] * from[0] + row[1] * from[1] + row[2] * from[2]; });
      }
    }
    const first = this.starts.length;
    const [r0, r1, r2] = rotation(values.subarray(first, first + 3));
    const [px, py, pz] = head.neckPivot;
    for (let v = 0; v < head.neckWeight.length; v++) {
      const weight = head.neckWeight[v], at = 3 * v;
      if (weight === 0) continue;
      const x = p[at] - px, y = p[at + 1] - py, z = p[at + 2] - pz;
      p[at] += weight * (r0[0] * x + r0[1] * y + r0[2] * z - x);
      p[at + 1] += weight * (r1[0] * x + r1[1] * y + r1[2] * z - y);
      p[at + 2] += weight * (r2[0] * x + r2[1] * y + r2[2] * z - z);
    }
  }

  /** Sums of the area-weighted normals around each vertex; whoever lights them gives them length 1. */
  updateNormals() {
    const { normals, positions: p, head: { triangles: t } } = this;
    normals.fill(0);
    for (let k = 0; k < t.length; k += 3) {
      const a = 3 * t[k], b = 3 * t[k + 1], c = 3 * t[k + 2];
      const ux = p[b] - p[a], uy = p[b + 1] - p[a + 1], uz = p[b + 2] - p[a + 2];
      const vx = p[c] - p[a], vy = p[c + 1] - p[a + 1], vz = p[c + 2] - p[a + 2];
      const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
      normals[a] += x; normals[a + 1] += y; normals[a + 2] += z;
      normals[b] += x; normals[b + 1] += y; normals[b + 2] += z;
      normals[c] += x; normals[c + 1] += y; normals[c + 2] += z;
    }
  }

  /** Height of the opening between the lips in the head's own frame, measured on the mesh as it is drawn. */
  lipGapMm() {
    const { lipUpper, lipLower } = this.head;
    const [dx, dy, dz] = [0, 1, 2].map((k) => this.positions[3 * lipUpper + k] - this.positions[3 * lipLower + k]);
    const turn = rotation(this.values.subarray(this.starts.length, this.starts.length + 3));
    return 1000 * (turn[0][1] * dx + turn[1][1] * dy + turn[2][1] * dz);
  }
}
