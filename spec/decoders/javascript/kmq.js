/* A decoder of .kmq pictures, an ES module without dependencies, for browsers and Node.

     import { decode } from "./kmq.js";
     const { width, height, rgba } = decode(new Uint8Array(await response.arrayBuffer()));

   Written from spec/SPEC.md; "M7" and "D.4" are its requirements and clauses. It reads the packed and the
   adaptive coding, with any palette. For the others it throws an error of the class "unsupported". */

/** What is wrong with a file: `kind` is "format", "truncated", "unsupported" or "limit" (section 9), `rule` the
 *  requirement that it breaks, or "", and `offset` where. */
export class KmqError extends Error {
  constructor(kind, rule, offset, text) {
    super(`${text} (offset ${offset}${rule && `, spec ${rule}`})`);
    this.name = "KmqError";
    Object.assign(this, { kind, rule, offset });
  }
}

function require(holds, rule, offset, text, kind = "format") {
  if (!holds) throw new KmqError(kind, rule, offset, text);
}

/** Pixels that are decoded unless the caller allows more. */
export const MAX_PIXELS = 89478485;

const CODINGS = ["packed", "zstd", "context", "adaptive"];

/** Decodes a file, a Uint8Array. Returns what `open` does, with `indices` (a Uint8Array, or a Uint16Array above
 *  256 entries, a number for each pixel) and `rgba` (a Uint8ClampedArray for an ImageData).
 *
 *  Throws KmqError; RangeError if there is not enough memory. */
export function decode(bytes, { maxPixels = MAX_PIXELS } = {}) {
  const file = open(bytes, { maxPixels });
  const { width, height, k, coding } = file;
  const indices = k > 256 ? new Uint16Array(width * height) : new Uint8Array(width * height);
  let order = null; // of the adaptive coding: the same for all tiles
  for (const tile of file.tiles) {
    const payload = bytes.subarray(tile.offset, tile.offset + tile.length);
    require(crc32(payload) === tile.crc, "M14", tile.offset, "Tile_CRC is wrong");
    const write = (plane) => {
      for (let row = 0; row < tile.height; row++) {
        const from = row * tile.width;
        indices.set(plane.subarray(from, from + tile.width), (tile.y + row) * width + tile.x);
      }
    };
    if (coding === "packed") write(readPacked(payload, tile, k));
    else {
      order ??= k > 1 ? orderOf(file.palette, k, file.channels) : null;
      write(readAdaptive(payload, tile, k, order));
    }
  }
  return { ...file, indices, rgba: painted(file, indices) };
}

function painted({ palette, k, channels }, indices) {
  const colours = new Uint8ClampedArray(4 * k);
  for (let i = 0; i < k; i++) {
    for (let c = 0; c < 3; c++) colours[4 * i + c] = palette[channels * i + (channels > 1 ? c : 0)];
    colours[4 * i + 3] = channels === 4 ? palette[4 * i + 3] : 255;
  }
  const rgba = new Uint8ClampedArray(4 * indices.length);
  const from = new Uint32Array(colours.buffer), to = new Uint32Array(rgba.buffer);
  for (let i = 0; i < indices.length; i++) to[i] = from[indices[i]];
  return rgba;
}

// Sections 1 and 8.

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ bytes[i]) & 255];
  return (crc ^ 0xffffffff) >>> 0;
}

/** A part of a file, read from `at` on. What it ends within is `missing`, or breaks that requirement. */
class Fields {
  constructor(bytes, at, end, rule = "") {
    Object.assign(this, { bytes, at, end, rule });
  }

  take(size, name) {
    const { at, end, rule } = this;
    require(size <= end - at, rule, rule ? at : this.bytes.length, `${name} at offset ${at} is cut off`,
      rule ? "format" : "truncated");
    this.at += size;
    return this.bytes.subarray(at, at + size);
  }

  u8(name) {
    return this.take(1, name)[0];
  }

  u32(name) {
    const four = this.take(4, name);
    return (four[0] | (four[1] << 8) | (four[2] << 16) | (four[3] << 24)) >>> 0;
  }

  uleb(name) {
    const begin = this.at;
    let value = 0;
    for (let place = 0; ; place++) {
      const byte = this.u8(name);
      require(place < 4 || byte < 16, "M1", begin, `${name} is too large`);
      value += (byte & 127) * 2 ** (7 * place);
      if (byte < 128) {
        require(byte > 0 || place === 0, "M1", begin, `${name} is not in its shortest form`);
        return value;
      }
    }
  }
}

/** Reads everything but the pixels: width, height, channels, k, palette (a Uint8Array, k times `channels`
 *  values), coding, tiles, sections (a Map of Uint8Arrays by tag), and the bytes of each part. Steps 1 to 5 of
 *  section 9. Throws KmqError. */
export function open(bytes, { maxPixels = MAX_PIXELS } = {}) {
  const fields = new Fields(bytes, 0, bytes.length);
  for (const letter of [0x4b, 0x4d, 0x51]) {
    require(fields.u8("Magic") === letter, "M3", 0, "this is no .kmq file: Magic is not KMQ");
  }
  const version = fields.u8("Version");
  require(version === 1, "M4", 3, `Version is ${version}`, "unsupported");
  const flags = fields.u8("Flags");
  require((flags & 3) < 3, "M11", 4, "Channels is 3");
  const number = (flags >> 2) & 7;
  require(number < 4, "M12", 4, `Coding is ${number}`, "unsupported");
  const coding = CODINGS[number], channels = [1, 3, 4][flags & 3];
  const sizes = [];
  for (const [rule, name, most] of [
    ["M5", "Width_Minus_1", 2 ** 31 - 2], ["M6", "Height_Minus_1", 2 ** 31 - 2], ["M7", "Entries_Minus_1", 65535],
  ]) {
    const { at } = fields;
    sizes.push(fields.uleb(name) + 1);
    require(sizes.at(-1) <= most + 1, rule, at, `${name} is ${sizes.at(-1) - 1}`);
  }
  const [width, height, k] = sizes;
  let side = Math.max(width, height);
  const tiled = (flags & 0x40) > 0;
  if (tiled) {
    const exponent = fields.u8("Tile_Exponent");
    require(exponent >= 4 && exponent <= 15, "M8", fields.at - 1, `Tile_Exponent is ${exponent}`);
    side = 2 ** exponent;
  }
  let sectionsSize = 0;
  if (flags & 0x80) {
    sectionsSize = fields.uleb("Sections_Size");
    require(sectionsSize > 0, "M9", fields.at - 1, "Sections_Size is 0");
  }
  const paletteAt = fields.at;
  const coded = (flags & 0x20) > 0;
  const stored = fields.take(coded ? fields.uleb("Palette") : k * channels, "Palette");
  const storedAt = fields.at - stored.length, paletteSize = fields.at - paletteAt;
  const columns = Math.ceil(width / side), rows = Math.ceil(height / side);
  const hasLengths = tiled && coding !== "packed";
  const index = new Fields(bytes, fields.at, bytes.length);
  fields.take(columns * rows * (hasLengths ? 8 : 4), "Tile_Index");
  const actual = crc32(bytes.subarray(0, fields.at));
  require(fields.u32("Header_CRC") === actual, "M10", fields.at - 4, "Header_CRC is wrong");
  const headerSize = fields.at;
  require(width * height <= maxPixels, "", 5, `the picture has ${width} x ${height} pixels`, "limit");
  const lacking = `the coding is ${coding}, which this decoder lacks`;
  require(coding === "packed" || coding === "adaptive", "M12", 4, lacking, "unsupported");
  const palette = coded ? readCodedPalette(stored, k, channels, storedAt) : stored;
  const tiles = [];
  let offset = headerSize + sectionsSize;
  for (let y = 0; y < height; y += side) {
    for (let x = 0; x < width; x += side) {
      const tile = { x, y, width: Math.min(side, width - x), height: Math.min(side, height - y), offset };
      if (coding === "packed") tile.length = Math.ceil((tile.width * tile.height * bitDepth(k)) / 8);
      else tile.length = hasLengths ? index.u32("Tile_Length") : Math.max(0, bytes.length - offset);
      tile.crc = index.u32("Tile_CRC");
      offset += tile.length;
      tiles.push(tile);
    }
  }
  require(offset <= bytes.length, "", bytes.length, `the file should end at ${offset}`, "truncated");
  require(offset === bytes.length, "M2", offset, "bytes follow after the last tile");
  const sections = readSections(bytes, headerSize, sectionsSize);
  return { width, height, channels, k, palette, coding, tile: tiled ? side : null, tiles, sections, headerSize,
    paletteSize, sectionsSize };
}

/** The bit depth: the smallest b with 2^b >= k. */
function bitDepth(k) {
  return 32 - Math.clz32(k - 1);
}

// Section 7. Sections

function readSections(bytes, at, size) {
  const fields = new Fields(bytes, at, at + size, "M21"), found = new Map();
  while (fields.at < fields.end) {
    const begin = fields.at;
    const tag = String.fromCharCode(...fields.take(4, "Tag"));
    require(/^[A-Za-z][ -~]{3}$/.test(tag), "M18", begin, "Tag has a byte that none can have");
    const data = fields.take(fields.uleb("Size"), "Data");
    const actual = crc32(bytes.subarray(begin, fields.at));
    require(fields.u32("Section_CRC") === actual, "M20", fields.at - 4, "Section_CRC is wrong");
    require(!found.has(tag), "M19", begin, `the section ${tag} appears twice`);
    require(tag >= "a", "M22", begin, `the section ${tag} is critical and unknown`, "unsupported");
    found.set(tag, data);
  }
  return found;
}

// Section 5. Packed coding

function readPacked(payload, tile, k) {
  const bits = bitDepth(k), n = tile.width * tile.height;
  const indices = k > 256 ? new Uint16Array(n) : new Uint8Array(n);
  const left = 8 * payload.length - n * bits;
  require(!(payload.at(-1) & ((1 << left) - 1)), "M16", tile.offset, "bits after the last index are not zero");
  let held = 0, have = 0, at = 0, most = 0;
  for (let i = 0; i < n && bits; i++) {
    while (have < bits) {
      held = (held << 8) | payload[at++];
      have += 8;
    }
    have -= bits;
    most = Math.max(most, (indices[i] = held >> have));
    held &= (1 << have) - 1;
  }
  require(most < k, "M17", tile.offset, `an index is ${most}; there are ${k} entries`);
  return indices;
}

// Annex A. Arithmetic coder

class BitDecoder {
  constructor(stream) {
    Object.assign(this, { stream, shifted: 0, x1: 0, x2: 0xffffffff, x: 0 });
    for (let i = 0; i < 4; i++) this.shift();
  }

  shift() {
    const { stream } = this;
    this.x = ((this.x << 8) | (this.shifted < stream.length ? stream[this.shifted] : 0)) >>> 0;
    this.shifted++;
  }

  /** The next bit, 1 with a chance of p / 2^16. */
  bit(p) {
    const size = this.x2 - this.x1;
    const mid = this.x1 + (size >>> 16) * p + (((size & 65535) * p) >>> 16);
    const bit = this.x <= mid ? 1 : 0;
    if (bit) this.x2 = mid;
    else this.x1 = mid + 1;
    while ((this.x1 ^ this.x2) >>> 24 === 0) {
      this.x1 = (this.x1 << 8) >>> 0;
      this.x2 = ((this.x2 << 8) | 255) >>> 0;
      this.shift();
    }
    return bit;
  }
}

// Annex B. Coded palette

function permutations(items) {
  if (items.length < 2) return [items];
  return items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}

function readCodedPalette(stream, k, channels, offset) {
  const decoder = new BitDecoder(stream);
  const kept = decoder.bit(32768) === 1;
  let number = 0;
  for (let i = [0, 0, 0, 3, 5][channels]; i > 0; i--) number = 2 * number + decoder.bit(32768);
  const orders = permutations([...Array(channels).keys()]);
  require(number < orders.length, "M28", offset, `Channel_Order is ${number}`);
  const entries = new Uint8Array(k * channels); // in the order of `orders[number]`
  const columns = Array.from({ length: channels }, () => new Column());
  for (let i = 0; i < k; i++) {
    let equal = i > 0 && !kept; // whether it begins as the entry before
    for (let t = 0; t < channels; t++) {
      const before = entries[(i - 1) * channels + t];
      const least = equal ? Math.min(255, before + (t === channels - 1 ? 1 : 0)) : 0;
      const value = columns[t].value(decoder, least, neighbours(entries, channels, i, t, k, kept),
        t ? entries[i * channels + t - 1] : 128);
      entries[i * channels + t] = value;
      equal &&= value === before;
    }
  }
  const { shifted } = decoder;
  require(shifted - 4 <= stream.length && stream.length <= shifted, "M29", offset,
    "the coded palette has too few or too many bytes");
  const palette = new Uint8Array(k * channels);
  orders[number].forEach((channel, t) => {
    for (let i = 0; i < k; i++) palette[i * channels + channel] = entries[i * channels + t];
  });
  return palette;
}

/** T(g, n) of B.2. */
function tail(g, n) {
  const r = Math.floor(2 ** (g + 13) / (2 ** g + 2 * n + 1));
  return (r * r) >> 13;
}

/** Masses below the centre + d, from d = -255 on, of kernels of width 2^g. */
const BELLS = Array.from({ length: 13 }, (_, g) =>
  Int32Array.from({ length: 512 }, (_, i) => (i <= 255 ? tail(g, 255 - i) : 2 ** 14 - tail(g, i - 256))));

function bell(g, centre, x) {
  return BELLS[g][x - centre + 255];
}

/** B.2: the neighbours of entry i, for channel t: [share, class, centre]. */
function neighbours(entries, channels, i, t, k, kept) {
  const value = (entry, channel) => entries[entry * channels + channel];
  if (t === 0 && !kept) {
    let spacing = 0;
    while (spacing < 8 && 2 ** (spacing + 1) * k <= 256) spacing++;
    return i ? [[4096, spacing, value(i - 1, 0)]] : [];
  }
  const found = [], count = Math.min(i, 32, Math.max(4, Math.floor(2 ** 18 / k)));
  let least = Infinity;
  for (let j = 0; j < count; j++) {
    const other = i - 1 - j;
    let distance = 16 + 2 * j, centre = value(other, 0);
    if (t > 0) {
      let hues = 0;
      for (let s = 1; s < t; s++) {
        hues += Math.abs(value(i, s) - value(i, s - 1) - value(other, s) + value(other, s - 1));
      }
      distance = (Math.abs(value(i, 0) - value(other, 0)) + 8 * hues) >> 3;
      centre = Math.min(255, Math.max(0, value(other, t) - value(other, t - 1) + value(i, t - 1)));
    }
    least = Math.min(least, distance + 4);
    found.push([distance, centre]);
  }
  return found.map(([distance, centre]) => {
    const f = Math.floor((least << 12) / (distance + 4));
    const share = ((f * f) >> 12) ** 2 >> 12;
    return [share, Math.min(8, 31 - Math.clz32((distance >> 2) + 1)), centre];
  }).filter(([share]) => share > 0);
}

/** What is learnt of one channel (B.1). */
class Column {
  constructor() {
    this.weights = [4680, 4680, 4680, 4680, 4680, 4680, 4680];
    this.values = new Uint32Array(256);
    this.steps = new Uint32Array(511); // step s is at 255 + s
    this.last = -1;
  }

  /** The seven experts' masses below x. */
  masses(x, around, before) {
    const masses = [];
    for (let e = 0; e < 3; e++) {
      let sum = 1024 * x;
      for (const [share, width, centre] of around) sum += share * bell(width + 2 * e, centre, x);
      masses.push(sum);
    }
    for (const width of [6, 8]) masses.push(4096 * bell(width, before, x) + 1024 * x);
    let values = x, steps = x;
    const last = Math.max(0, this.last);
    for (let y = 0; y < x; y++) {
      values += 64 * this.values[y];
      steps += 64 * this.steps[255 - last + y];
    }
    masses.push(values, steps);
    return masses;
  }

  value(decoder, least, around, before) {
    let a = 0, below = this.masses(least, around, before), above = this.masses(256, around, before);
    for (let b = 7; b >= 0; b--) {
      const z = a + 2 ** b;
      if (z <= least) {
        a = z;
        continue;
      }
      const middle = this.masses(z, around, before);
      const hits = this.weights.map((w, e) => {
        let part = above[e] - middle[e], whole = above[e] - below[e];
        while (whole >= 65536) {
          part = Math.floor(part / 2);
          whole = Math.floor(whole / 2);
        }
        const p = Math.min(65504, Math.max(32, Math.floor((part * 65536) / whole)));
        return Math.floor((w * p) / 65536);
      });
      const sum = (list) => list.reduce((x, y) => x + y, 0);
      if (decoder.bit(Math.floor((sum(hits) * 65536) / sum(this.weights)))) {
        a = z;
        below = middle;
        this.weights = hits;
      } else {
        above = middle;
        this.weights = this.weights.map((w, e) => w - hits[e]);
      }
      while (sum(this.weights) < 32768) this.weights = this.weights.map((w) => 2 * w);
    }
    this.weights = this.weights.map((w) => w - (w >> 6) + 73);
    this.values[a]++;
    if (this.last >= 0) this.steps[255 + a - this.last]++;
    this.last = a;
    return a;
  }
}

// Annex D. Adaptive coding. D.3: order

const FEW = 0, RAMP = 1, COLOURS = 2, MANY = 3;

/** What follows from a palette alone: the kind, the entries by place, their points, and the nearest place to
 *  each cell, -1 until it is asked for. */
function orderOf(palette, k, channels) {
  const points = Array.from({ length: k }, (_, i) => {
    const entry = palette.subarray(channels * i, channels * (i + 1));
    if (channels === 1) return [entry[0], entry[0], entry[0], 255];
    if (channels === 3) return [...entry, 255];
    return [...Array.from(entry.subarray(0, 3), (c) => Math.floor((c * entry[3] + 127) / 255)), entry[3]];
  });
  const all = [...points.keys()];
  let kind = k <= 256 ? COLOURS : MANY, entries;
  const bySum = [...all].sort((i, j) => sumOf(points[i]) - sumOf(points[j]));
  if (k <= 16) {
    kind = FEW;
    entries = all;
  } else if (k <= 256 && bySum.every((i, n) => n === 0 || points[i].every((c, a) => c >= points[bySum[n - 1]][a]))) {
    kind = RAMP;
    entries = bySum;
  } else {
    entries = split(all, [[3, 4, 3, 0], [4, 0, -4, 0], [-2, 5, -2, 0], [0, 0, 0, 6]].map((axis) =>
      points.map((point) => point.reduce((sum, c, a) => sum + c * axis[a], 0))));
  }
  const placed = Int32Array.from(entries.flatMap((i) => points[i]));
  const opaque = points.every((point) => point[3] === 255);
  return { kind, entries: Uint16Array.from(entries), points: placed, opaque, cells: new Int16Array(opaque ? 1 << 15 : 1 << 20).fill(-1) };
}

function sumOf(numbers) {
  return numbers.reduce((x, y) => x + y, 0);
}

function split(listed, along) {
  const n = listed.length;
  if (n === 1) return listed;
  let most = -1, widest = null;
  for (const values of along) {
    const middle = Math.floor(listed.reduce((sum, i) => sum + values[i], 0) / n);
    const deviation = listed.reduce((sum, i) => sum + Math.abs(values[i] - middle), 0);
    if (deviation > most) [most, widest] = [deviation, values];
  }
  const sorted = [...listed].sort((i, j) => widest[i] - widest[j]);
  const first = n > 16 ? 16 * Math.floor(Math.ceil(n / 16) / 2) : n >> 1;
  return [...split(sorted.slice(0, first), along), ...split(sorted.slice(first), along)];
}

/** The place of the entry nearest to a cell's middle. */
function nearestTo(order, cell) {
  const { cells, points, opaque } = order;
  if (cells[cell] >= 0) return cells[cell];
  const [a, r, g, b] = [15, 10, 5, 0].map((shift) => 8 * ((cell >> shift) & 31) + 4);
  let least = Infinity;
  for (let place = 0; 4 * place < points.length; place++) {
    const p = 4 * place;
    const distance = 2 * (points[p] - r) ** 2 + 4 * (points[p + 1] - g) ** 2 + (points[p + 2] - b) ** 2 +
      (opaque ? 0 : 3 * (points[p + 3] - a) ** 2);
    if (distance < least) [least, cells[cell]] = [distance, place];
  }
  return cells[cell];
}

// D.1 and D.2

function readAdaptive(payload, tile, k, order) {
  const n = tile.width * tile.height, at = tile.offset;
  const indices = k > 256 ? new Uint16Array(n) : new Uint8Array(n);
  if (k === 1) {
    require(!payload.length, "M33", at, "the payload should be empty");
    return indices;
  }
  require(payload.length, "M33", at, "the payload is empty");
  const options = payload[0], rowBits = options & 31;
  require(rowBits >= 4 && rowBits <= Math.min(16, Math.max(4, Math.floor(Math.log2(n)) + 1)), "M33", at, `Rows is ${rowBits}`);
  require(options < 64, "M33", at, `Options is ${options}`);
  let coefficients = [10, 8, 4, 2, -4, -2, -2], begin = 1;
  if (options & 32) {
    require(payload.length >= 8, "M34", at + 1, "Coefficients are cut off");
    coefficients = Array.from(payload.subarray(1, 8), (byte) => (byte << 24) >> 24);
    begin = 8;
    require(sumOf(coefficients.map(Math.abs)) <= 64, "M34", at + 1, "Coefficients are too large");
  }
  const size = payload.length - begin;
  require(size >= 4 && size % 2 === 0, "M35", at + begin, `the stream has ${size} bytes`);
  require(payload[begin] | payload[begin + 1], "M35", at + begin, "the first word is 0");
  const coder = new AdaptiveTile(payload.subarray(begin), tile, k, order, coefficients, rowBits);
  const well = coder.read(indices);
  require(well, "M36", at + begin, "the stream has too few or too many words, or wrong ones");
  return indices;
}

const STEP = Uint8Array.from({ length: 96 }, (_, n) => [1, 2, 3, 4, 5, 7, 10, 16, 24, 32, 64].filter((b) => b <= n).length);
const ROW_RATE = Int32Array.from({ length: 96 }, (_, n) => Math.floor(655360 / (10 * n + 13)));
const ROW_TOP = ROW_RATE.map((rate) => 32639 + Math.ceil(65536 / rate));
const SHARE_RATE = Int32Array.from({ length: 32 }, (_, n) => (n === 31 ? 712 : Math.floor(327680 / (10 * n + 16))));
const FLAT_RATE = Int32Array.from({ length: 32 }, (_, n) => (n === 31 ? 1092 : Math.floor(65536 / (n + 2))));
const CLASS = Uint8Array.from({ length: 512 }, (_, d) => [1, 3, 6, 11, 19, 32, 60].filter((b) => b <= d).length);

/** Contexts of a kind without hash, and with it (D.5). */
const CONTEXTS = [[2, 2], [3, 3], [3, 2], [0, 5]];

class AdaptiveTile {
  constructor(stream, tile, k, order, coefficients, rowBits) {
    Object.assign(this, { stream, k, order, coefficients, rowBits, width: tile.width, height: tile.height });
    this.taken = 2;
    this.x = this.word(0) * 65536 + this.word(1);
    const [plain, hashed] = CONTEXTS[order.kind];
    Object.assign(this, { plain, contexts: plain + hashed });
    this.symbols = 1;
    while (16 ** this.symbols < k) this.symbols++;
    const keys = order.kind === FEW || order.kind === RAMP ? 256 : k;
    this.levels = Array.from({ length: this.symbols }, (_, l) => {
      const m = l ? 16 : ((k - 1) >> (4 * (this.symbols - 1))) + 1;
      const fresh = Uint16Array.from({ length: 16 }, (_, j) =>
        j === 15 ? 0 : j >= m - 1 ? 32640 : Math.floor((32640 * (j + 1)) / m));
      const tables = Array.from({ length: this.contexts }, (_, i) => {
        const rows = new Uint16Array(16 * (i < plain ? keys * 16 ** l : 2 ** rowBits));
        rows.set(fresh);
        for (let filled = 16; filled < rows.length; filled *= 2) rows.copyWithin(filled, 0, Math.min(filled, rows.length - filled));
        return rows;
      });
      const weights = new Int32Array(12 * this.contexts + 40).fill(1200);
      for (let i = 0; i < this.contexts; i++) {
        weights[12 * i] = 16;
        for (let s = 1; s < 12; s++) {
          const square = Math.floor((230400 * s * 9 ** i) / 4 ** i);
          let root = Math.floor(Math.sqrt(square));
          while (root * root > square) root--;
          while ((root + 1) ** 2 <= square) root++;
          weights[12 * i + s] = Math.min(8000, root);
        }
      }
      return { tables, weights, shares: new Int32Array(4 * 4096).fill(5500), counts: new Uint8Array(4096) };
    });
    this.busy = 0;
    this.keys = new Int32Array(5); // of contexts without hash
    this.hashes = new Uint32Array(5);
    this.near = new Int32Array(4); // W, N, NW, NE
    this.rows = new Int32Array(6);
    this.checks = new Int32Array(6);
    this.candidates = new Int32Array(4);
    this.units = new Int32Array(7);
    this.used = new Int32Array(7);
    this.mixed = new Int32Array(16);
    this.guessed = new Uint16Array(16);
  }

  word(n) {
    return 2 * n < this.stream.length ? this.stream[2 * n] | (this.stream[2 * n + 1] << 8) : 0;
  }

  /** Goes on after the symbol with this interval. */
  took(low, freq) {
    let x = freq * (this.x >>> 15) + (this.x & 32767) - low;
    if (x < 65536) x = x * 65536 + this.word(this.taken++);
    this.x = x >>> 0;
  }

  /** Writes the indices; returns whether the stream ends as it has to (M36). */
  read(indices) {
    const { width, height, order, k, coefficients: c, symbols, near } = this;
    const { kind, points, opaque, entries } = order;
    const pitch = width + 8, places = new Uint16Array(3 * pitch); // the two rows above, and the one being read
    const errors = kind === RAMP ? new Uint16Array(3 * pitch) : null;
    const chances = new Int32Array(4096).fill(60000), counts = new Uint8Array(4096);
    const middle = 16 * (k >> 5) + 8, words = this.stream.length / 2;
    let out = 0;
    for (let y = 0; y < height; y++) {
      places.copyWithin(0, pitch);
      errors?.copyWithin(0, pitch).fill(0, 2 * pitch);
      let at = 2 * pitch + 4;
      places.fill(places[at - pitch], at - 4, at);
      for (let x = 0; x < width; x++, at++, out++) {
        const up = at - pitch;
        const w = places[at - 1], n = places[up], nw = places[up - 1], ne = places[up + 1];
        const ww = places[at - 2], nee = places[up + 2], nn = places[up - pitch];
        const nww = places[up - 2];
        if (w === n && w === nw && w === ne) {
          const www = places[at - 3];
          const i = 16 * (w & 255) + (nee === w) + 2 * (ww === w) + 4 * (nn === w) + 8 * (www === w || nww === w);
          const half = chances[i] >> 1, flat = (this.x & 32767) < half;
          this.took(flat ? 0 : half, flat ? half : 32768 - half);
          chances[i] += (((flat ? 65500 : 30) - chances[i]) * FLAT_RATE[counts[i]]) >> 16;
          if (counts[i] < 31) counts[i]++;
          if (flat) {
            places[at] = w;
            indices[out] = entries[w];
            continue;
          }
        }
        this.busy++;
        near[0] = w;
        near[1] = n;
        near[2] = nw;
        near[3] = ne;
        const quad = (Math.imul(2654435761, w) + Math.imul(2246822507, n) + Math.imul(3266489909, nw) + Math.imul(668265263, ne)) | 0;
        const ten = (quad + Math.imul(374761393, ww) + Math.imul(3550635117, nn) + Math.imul(4251993797, nee) + Math.imul(3042594569, nww)) | 0;
        let guess = 0, base = 0;
        if (kind === RAMP) {
          const g = c[0] * w + c[1] * n + c[2] * ne + c[3] * nee + c[4] * nw + c[5] * ww + c[6] * nn;
          guess = Math.min(k - 1, Math.max(0, (g + 8) >> 4));
          base = guess - middle;
          const a = Math.abs(w - nw) + Math.abs(n - nw) + Math.abs(n - ne) + 2 * errors[at - 1] + 2 * errors[up] + errors[up - 1] + errors[up + 1];
          const active = Math.min(15, 31 - Math.clz32((a + 4) ** 2 >> 4));
          const q = (place) => (place < guess ? 8 - CLASS[guess - place] : 8 + CLASS[place - guess]);
          const qw = q(w), qn = q(n);
          this.keys[0] = 16 * active + qw;
          this.keys[1] = guess;
          this.keys[2] = 16 * qn + qw;
          const halves = ((((qw >> 1) * 8 + (qn >> 1)) * 8 + (q(nw) >> 1)) * 8 + (q(ne) >> 1)) * 8 + (active >> 1);
          this.hashes[0] = Math.imul(2246822507, halves) + 5;
          this.hashes[1] = Math.imul(2246822507, ((guess * 16 + qw) * 16 + qn) * 16 + active);
          this.hashes[2] = ten;
        } else {
          let cell = 0;
          for (const axis of [3, 0, 1, 2]) {
            const g = c[0] * points[4 * w + axis] + c[1] * points[4 * n + axis] + c[2] * points[4 * ne + axis] +
              c[3] * points[4 * nee + axis] + c[4] * points[4 * nw + axis] + c[5] * points[4 * ww + axis] + c[6] * points[4 * nn + axis];
            const level = Math.min(255, Math.max(0, g >> 4)) >> 3;
            cell = 32 * cell + (axis === 3 && opaque ? 0 : level);
          }
          if (kind === MANY) {
            this.hashes[0] = Math.imul(2654435761, w) + 1;
            this.hashes[1] = Math.imul(2654435761, n) + 2;
            this.hashes[2] = Math.imul(2654435761, cell) + 3;
            this.hashes[3] = quad;
            this.hashes[4] = ten;
          } else {
            guess = nearestTo(order, cell);
            this.keys[0] = kind === FEW ? 16 * guess + w : w;
            this.keys[1] = kind === FEW ? 16 * guess + n : n;
            this.keys[2] = guess;
            this.hashes[0] = quad;
            this.hashes[1] = ten;
          }
        }
        const pattern = (w === n) + 2 * (n === ne) + 4 * (w === nw) + 8 * (n === nw) + 16 * (w === ne) + 32 * (nw === ne) + 64 * (w === ww) + 128 * (n === nn);
        let v = 0;
        for (let l = 0; l < symbols; l++) v = 16 * v + this.symbol(l, v, base, pattern);
        let place = v + base;
        if (place < 0) place += k;
        else if (place >= k) place -= k;
        places[at] = place;
        if (errors) errors[at] = Math.abs(place - guess);
        indices[out] = entries[place];
        if (this.taken > words) return false;
      }
      places.fill(places[at - 1], at, at + 4);
    }
    return this.x === 65536 && this.taken === words;
  }

  /** The next symbol of v, at a level, `part` being those before it (D.4 to D.7). */
  symbol(l, part, base, pattern) {
    const { k, plain, contexts, rowBits, rows, checks, near, candidates, used, units, mixed, guessed } = this;
    const { tables, weights, shares, counts: seenBefore } = this.levels[l];
    const s = 4 * (this.symbols - 1 - l);
    const m = Math.min(16, ((k - 1 - ((part * 16) << s)) >> s) + 1);
    if (m === 1) return 0;
    for (let i = 0; i < plain; i++) {
      rows[i] = 16 * (this.keys[i] * 16 ** l + part);
      checks[i] = 0;
    }
    for (let i = plain; i < contexts; i++) {
      const table = tables[i];
      let h = this.hashes[i - plain] + (l ? Math.imul(625341585, part + 1) : 0);
      h = Math.imul(h ^ (h >>> 15), 2654435761);
      const check = ((h >>> 2) & 2047) | 1;
      let row = 16 * (h >>> (32 - rowBits));
      const other = row ^ 16;
      if (table[row + 15] >> 5 !== check && (table[other + 15] >> 5 === check || (table[other + 15] & 31) < (table[row + 15] & 31))) row = other;
      if (table[row + 15] >> 5 !== check) table[row + 15] = 0;
      rows[i] = row;
      checks[i] = check << 5;
    }
    // The candidates, and their distribution.
    let counted = 0;
    for (let i = 0; i < 4; i++) {
      const place = near[i];
      const seen = (i > 0 && place === near[0]) || (i > 1 && place === near[1]) || (i > 2 && place === near[2]);
      let v = place - base; // from -k to 2k
      if (v < 0) v += k;
      else if (v >= k) v -= k;
      const counts = !seen && v >> (s + 4) === part;
      candidates[i] = counts ? (v >> s) & 15 : -1;
      if (counts) {
        counted++;
        if (l) pattern += 256 << i;
      }
    }
    const quadruple = 4 * pattern;
    let shared = 0;
    for (let i = 0; i < 4; i++) if (candidates[i] >= 0) shared += shares[quadruple + i];
    const rest = 65000 - 2 * shared, first = tables[0], at = rows[0];
    for (let j = 0; j < 15; j++) guessed[j] = (first[at + j] * rest) >> 16;
    for (let i = 0; i < 4; i++) {
      if (candidates[i] < 0) continue;
      const share = shares[quadruple + i];
      for (let j = candidates[i]; j < 15; j++) guessed[j] += share;
    }
    // The mixture.
    let sum = 0;
    for (let i = 0; i < contexts; i++) {
      const last = tables[i][rows[i] + 15];
      used[i] = 12 * i + STEP[i < plain ? last : last & 31];
      sum += weights[used[i]];
    }
    used[contexts] = 12 * contexts + 8 * counted + (seenBefore[pattern] >> 2);
    sum += weights[used[contexts]];
    const z = Math.floor(4293918720 / sum);
    for (let i = 0; i <= contexts; i++) units[i] = Math.floor((weights[used[i]] * z) / 65536);
    const last = units[contexts];
    for (let j = 0; j < 15; j++) mixed[j] = j + 1 + ((guessed[j] * last) >> 16);
    for (let i = 0; i < contexts; i++) {
      const table = tables[i], unit = units[i];
      for (let j = 0, lane = rows[i]; j < 15; j++, lane++) mixed[j] += (table[lane] * unit) >> 16;
    }
    const number = this.x & 32767;
    let found = 0;
    while (found < m - 1 && mixed[found] <= number) found++;
    const low = found ? mixed[found - 1] : 0, freq = (found < m - 1 ? mixed[found] : 32768) - low;
    this.took(low, freq);
    if (this.busy <= 20000 || this.busy & 1) this.learnWeights(this.levels[l], found, found === m - 1, freq);
    this.learn(this.levels[l], pattern, found);
    return found;
  }

  learnWeights({ tables, weights }, s, isLast, freq) {
    const { contexts, rows, guessed, units, used } = this;
    const z = Math.max(0, Math.clz32(freq) - 17), g = Math.min(32767, freq << z);
    for (let i = 0; i <= contexts; i++) {
      const table = i < contexts ? tables[i] : guessed, row = i < contexts ? rows[i] : 0, u = units[i];
      const mass = (isLast ? 32767 : table[row + s]) - (s ? table[row + s - 1] : 0);
      const d = (((u * mass) >> 16) << z) - ((u * g) >> 16), w = weights[used[i]];
      weights[used[i]] = Math.min(8000, Math.max(16, w + ((((w * d) >> 16) + 1) >> 1)));
    }
  }

  learn({ tables, shares, counts }, pattern, s) {
    const { contexts, plain, rows, checks, mixed, candidates } = this;
    const most = this.order.kind === RAMP ? 95 : 31;
    for (let i = 0; i < contexts; i++) {
      const table = tables[i], row = rows[i];
      const count = i < plain ? table[row + 15] : table[row + 15] & 31;
      if (count) {
        const rate = ROW_RATE[count], top = ROW_TOP[count];
        let lane = row;
        for (const end = row + s; lane < end; lane++) table[lane] += (-table[lane] * rate) >> 16;
        for (const end = row + 15; lane < end; lane++) table[lane] += ((top - table[lane]) * rate) >> 16;
      } else {
        for (let j = 0; j < 15; j++) {
          const goal = j < s ? 0 : 32640, half = mixed[j] + ((goal - mixed[j]) >> 1);
          table[row + j] = half + ((goal - half) >> 1);
        }
      }
      table[row + 15] = checks[i] + Math.min(i < plain ? most : 31, count + 1);
    }
    const rate = SHARE_RATE[counts[pattern]];
    let right = candidates.indexOf(s);
    for (let i = 0; i < 4; i++) {
      const at = 4 * pattern + i;
      shares[at] += (((i === right ? 32400 : 0) - shares[at]) * rate) >> 16;
    }
    if (counts[pattern] < 31) counts[pattern]++;
  }
}
