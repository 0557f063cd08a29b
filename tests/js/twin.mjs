// Lets the tests in Python ask the protocol of the pages (relay/web/pages/src/protocol), as Vite gives it to a browser.
//
// In, a JSON line per question: {"ask": name of a function below, …}. Out, a JSON line per answer, in the same order.
// Bytes are hexadecimal, times Unix seconds. What is refused is answered {"code": …}; anything else ends the program.

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const PAGES = resolve(import.meta.dirname, "../../relay/web/pages");
const vite = await import(pathToFileURL(createRequire(`${PAGES}/package.json`).resolve("vite")).href);

const server = await vite.createServer({
  root: PAGES,
  configFile: `${PAGES}/vite.config.ts`,
  logLevel: "error",
  appType: "custom",
  optimizeDeps: { noDiscovery: true, include: [] },
  server: { middlewareMode: true, ws: false, hmr: false, watch: null },
});
const load = (name) => server.ssrLoadModule(`/src/protocol/${name}.ts`);
const [bytes, cose, enrolment, errors, forms, login, notes, statements, trust] = await Promise.all(
  ["bytes", "cose", "enrolment", "errors", "forms", "login", "notes", "statements", "trust"].map(load),
);
const { fromHex, toHex } = bytes;
const P256 = { name: "ECDSA", namedCurve: "P-256" };

const PAYLOADS = {
  tally: (said) => statements.tally({ ...said, figures: forms.pack(said.figures) }),
  documents: (said) =>
    statements.documents({ ...said, pages: said.pages.map((page) => ({ ...page, document: fromHex(page.document) })) }),
  note: (said) =>
    notes.note({ ...said, about: said.about.map(fromHex), favours: said.favours && fromHex(said.favours) }),
  login: (said) => login.login({ ...said, challenge: fromHex(said.challenge) }),
};

const ANSWERS = {
  flags({ form: code, figures }) {
    const form = forms.catalogue.get(code);
    const packed = forms.pack(figures);
    return { packed: toHex(packed), unpacked: forms.unpack(form, packed), flags: forms.flags(form, figures) };
  },
  fields: ({ form }) => forms.catalogue.get(form),
  async sign({ kind, said, key, certificate, chain }) {
    const signer = {
      key: await crypto.subtle.importKey("pkcs8", fromHex(key), P256, false, ["sign"]),
      certificate: fromHex(certificate),
    };
    const signed = await cose.sign(signer, PAYLOADS[kind](said));
    return { bare: toHex(signed.bare), whole: toHex(cose.withChain(signed, chain.map(fromHex))), id: toHex(signed.id) };
  },
  async request({ name, code }) {
    const keys = await crypto.subtle.generateKey(P256, false, ["sign", "verify"]);
    const { id, der } = await enrolment.request(keys, name, code);
    return { id, der: toHex(der) };
  },
  async proof({ code, leaf, root, proof }) {
    return { holds: await enrolment.answerHolds(code, fromHex(leaf), fromHex(root), fromHex(proof)) };
  },
  async identify({ root, authorities, crls, chain, at }) {
    const pinned = await trust.pin(fromHex(root));
    const { trust: known } = await pinned.learn(authorities.map(fromHex), crls.map(fromHex));
    const found = await known.identify(chain.map(fromHex), at);
    const { role, scope, name, x5t, notBefore, notAfter } = found;
    return { role, scope, name, x5t: toHex(x5t), notBefore, notAfter, chain: found.chain.map(toHex) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let answer;
  try {
    answer = await ANSWERS[question.ask](question);
  } catch (error) {
    if (!(error instanceof errors.Rejected)) throw error;
    answer = { code: error.code };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await server.close();
