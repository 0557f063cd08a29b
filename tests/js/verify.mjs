// Verifies COSE_Sign1 messages with an implementation of COSE and CBOR that nobody of this project wrote.
//
// In, a JSON line per message:  {"name": string, "cose": hex, "spki": hex of the DER SubjectPublicKeyInfo}
// Out, a JSON line per message: {"name": string, "verified": boolean, "payload": hex or null}, in the same order;
// where verified is false, "reason" says why. A line that is not such JSON ends the program with an error.

import { createPublicKey } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// node 18, which Debian 12 has, cannot take the library's other form: one of its dependencies hides its names
const { Algorithms, Headers, Sign1 } = createRequire(import.meta.url)("@auth0/cose");

const SIGN1_TAG = 0xd2; // tag 18 in one byte; the library would also take a message without it
const SHA_256_64 = -15;

function publicKey(spki) {
  const key = createPublicKey({ key: spki, format: "der", type: "spki" });
  if (key.asymmetricKeyDetails.namedCurve !== "prime256v1") throw new Error("not a P-256 key");
  return key;
}

async function verifiedPayload(cose, spki) {
  if (cose[0] !== SIGN1_TAG) throw new Error("not tagged 18");
  const message = Sign1.decode(cose);
  checkProtected(message.protectedHeaders);
  checkUnprotected(message.unprotectedHeaders);
  await message.verify(publicKey(spki), { algorithms: [Algorithms.ES256] });
  return Buffer.from(message.payload);
}

// {1 (alg): -7 (ES256), 34 (x5t): [-15 (SHA-256/64), 8 bytes]}
function checkProtected(header) {
  const x5t = header.get(Headers.X5T);
  const named = Array.isArray(x5t) && x5t.length === 2 && x5t[0] === SHA_256_64 && x5t[1]?.length === 8;
  if (header.get(Headers.Algorithm) !== Algorithms.ES256 || !named || header.size !== 2) {
    throw new Error("the protected header is not exactly alg ES256 and x5t with SHA-256/64");
  }
}

function checkUnprotected(header) {
  for (const label of header.keys()) {
    if (label !== Headers.X5Chain) throw new Error(`the unprotected header holds ${label}, not only x5chain`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  const { name, cose, spki } = JSON.parse(line);
  let answer;
  try {
    const payload = await verifiedPayload(Buffer.from(cose, "hex"), Buffer.from(spki, "hex"));
    answer = { name, verified: true, payload: payload.toString("hex") };
  } catch (error) {
    answer = { name, verified: false, payload: null, reason: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
