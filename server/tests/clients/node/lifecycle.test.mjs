// Leaving early, running out of time, and a server that ends: never a hang, never a leaked block.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import OpenAI from "openai";

import { Server } from "./gondola.mjs";

let server, client, model;
before(async () => {
  server = await Server.start();
  client = server.client();
  model = (await client.models.list()).data[0].id;
});
after(() => server?.stop());

const endless = () => ({ model, prompt: "On and on", max_tokens: 2000, ignore_eos: true });
const stream = (from = client) => from.completions.create({ ...endless(), stream: true });

test("breaking out of a stream frees its blocks", async () => {
  let pieces = 0;
  for await (const chunk of await stream()) {
    assert.equal(chunk.choices[0].finish_reason, null);
    if (++pieces === 3) break;
  }
  await server.untilIdle();
});

test("aborting many streams frees their blocks", async () => {
  const leave = async () => {
    const chunks = await stream();
    for await (const chunk of chunks) {
      assert.ok(chunk);
      chunks.controller.abort();
    }
  };
  await Promise.all(Array.from({ length: 8 }, leave));
  await server.untilIdle();
});

test("a timeout is raised and frees its blocks", async () => {
  const late = client.completions.create(endless(), { timeout: 500 });
  await assert.rejects(late, (error) => error instanceof OpenAI.APIConnectionTimeoutError);
  await server.untilIdle();
});

test("the end of the grace is an error in the stream, and exit code 0", async () => {
  const ending = await Server.start({ flags: ["--shutdown-timeout", "500ms"] });
  try {
    const chunks = (await stream(ending.client()))[Symbol.asyncIterator]();
    await chunks.next();
    ending.child.kill("SIGTERM");
    const drained = (async () => {
      while (!(await chunks.next()).done);
    })();
    await assert.rejects(drained, (error) => error instanceof OpenAI.APIError && error.code === "shutting_down");
    assert.deepEqual(await ending.exit, [0, null]);
  } finally {
    await ending.stop();
  }
});
