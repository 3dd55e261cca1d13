// The head in the browser: adds up curve offsets and works out normals.

const ARRAYS = { f4: Float32Array, u4: Uint32Array, i2: Int16Array };

/** Reads what pmmlink/preview/pack.py wrote. */
export function unpackHead(buffer) {
  const jsonLength = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, jsonLength)));
  for (const [name, { offset, length, type }] of Object.entries(head.arrays)) {
    head[name] = new ARRAYS[type](buffer, 4 + jsonLength + offset, length);
  }
  return head;
}

export class Face {
  constructor(head) {
    this.head = head;
    this.positions = head.positions.slice();
    this.normals = new Float32Array(head.positions.length);
    this.values = new Float32Array(head.curves.length);
    this.starts = [];
    let start = 0;
    for (const count of head.deltaCount) {
      this.starts.push(start);
      start += count;
    }
    this.updateNormals();
  }

  /** Moves the mesh to curve values (0 to 1, ARKit order); false when nothing changed. */
  pose(values) {
    if (values.every((value, k) => Math.abs(value - this.values[k]) < 1e-5)) return false;
    const { head, positions } = this;
    this.values.set(values);
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
    this.updateNormals();
    return true;
  }

  /** Sums of the area-weighted normals around each vertex; the shader gives them length 1. */
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

  /** Height of the opening between the lips, measured on the mesh as it is drawn. */
  lipGapMm() {
    const { lipUpper, lipLower } = this.head;
    return 1000 * (this.positions[3 * lipUpper + 1] - this.positions[3 * lipLower + 1]);
  }
}
