/* Files from standard input, each behind its length of four bytes. For each a line: the class and the
   requirement of its error; or "ok", its width, height, channels and entries, and the CRC-32 of its RGBA pixels. */

import { readFileSync } from "node:fs";
import { decode, KmqError } from "../../spec/decoders/javascript/kmq.js";

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}

const input = readFileSync(0);
const lines = [];
for (let at = 0; at < input.length;) {
  const size = input.readUInt32LE(at);
  const bytes = new Uint8Array(input.subarray(at + 4, at + 4 + size));
  at += 4 + size;
  try {
    const { width, height, channels, k, rgba, indices } = decode(bytes, { maxPixels: Number(process.argv[2]) });
    if (indices.some((index) => index >= k)) throw new Error("an index is too large");
    lines.push(["ok", width, height, channels, k, crc32(rgba)].join(" "));
  } catch (error) {
    if (!(error instanceof KmqError)) throw error;
    lines.push(`${error.kind} ${error.rule}`.trim());
  }
}
console.log(lines.join("\n"));
