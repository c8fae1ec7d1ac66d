// Vectors: base64 unless the caller says otherwise, numbers, fewer dimensions, refusals.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Server } from "./gondola.mjs";

let server, client, model;
before(async () => {
  server = await Server.start();
  client = server.client();
  model = (await client.models.list()).data[0].id;
});
after(() => server?.stop());

const input = ["The cabin climbs to the upper station.", "naïve 🚡"];
const embed = (options = {}) => client.embeddings.create({ model, input, ...options });
const dot = (one, other) => one.reduce((sum, value, index) => sum + value * other[index], 0);

test("vectors are the same numbers in both encodings", async () => {
  const answer = await embed();
  const floats = await embed({ encoding_format: "float" });
  assert.deepEqual(answer.data.map((item) => item.index), [0, 1]);
  for (const [index, { embedding }] of answer.data.entries()) {
    assert.deepEqual(Float32Array.from(embedding), Float32Array.from(floats.data[index].embedding));
    assert.ok(Math.abs(dot(embedding, embedding) - 1) < 1e-5);
  }
  assert.equal(answer.usage.prompt_tokens, answer.usage.total_tokens);
});

test("an input has the same vector in whatever list it stands", async () => {
  const alone = await embed({ input: input[1] });
  const listed = await embed({ input: [...Array(40).fill(input[0]), input[1]] });
  assert.deepEqual(listed.data[40].embedding, alone.data[0].embedding);
  await server.untilIdle();
});

test("dimensions are cut", async () => {
  const [{ embedding }] = (await embed({ dimensions: 32 })).data;
  assert.equal(embedding.length, 32);
  assert.ok(Math.abs(dot(embedding, embedding) - 1) < 1e-5);
});

test("what is wrong is named", async () => {
  await assert.rejects(embed({ input: [] }), { status: 400, code: "array_below_min_length", param: "input" });
  await assert.rejects(embed({ dimensions: 0 }), { status: 400, code: "integer_below_min_value", param: "dimensions" });
});
