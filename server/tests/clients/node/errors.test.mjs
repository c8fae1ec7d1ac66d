// Refusals arrive as the right exception class, with code and param.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import OpenAI from "openai";

import { Server } from "./gondola.mjs";

const KEY = "cabin-key-0123456789";
let server, client, model;
before(async () => {
  server = await Server.start({ key: KEY });
  client = server.client();
  model = (await client.models.list()).data[0].id;
});
after(() => server?.stop());

const messages = [{ role: "user", content: "Hello" }];
const ask = (options) => client.chat.completions.create({ model, messages, max_tokens: 2, ...options });

for (const [options, code, param] of [
  [{ temperature: 3 }, "decimal_above_max_value", "temperature"],
  [{ n: 99 }, "integer_above_max_value", "n"],
  [{ frobnicate: 1 }, "unknown_parameter", "frobnicate"],
  [{ messages: [{ role: "wizard", content: "x" }] }, "invalid_value", "messages[0].role"],
  [{ max_tokens: 10_000_000 }, "context_length_exceeded", "messages"],
]) {
  for (const stream of [false, true]) {
    test(`${code}${stream ? ", streamed" : ""}`, async () => {
      await assert.rejects(ask({ ...options, stream }), (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError);
        assert.deepEqual([error.status, error.code, error.param], [400, code, param]);
        return true;
      });
    });
  }
}

test("an unknown model is not found", async () => {
  await assert.rejects(ask({ model: "no-such-model" }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.deepEqual([error.code, error.param], ["model_not_found", "model"]);
    return true;
  });
});

test("a wrong key is an authentication error that does not show it", async () => {
  await assert.rejects(server.client({ apiKey: "wrong-key" }).models.list(), (error) => {
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.equal(error.code, "invalid_api_key");
    assert.ok(!error.message.includes("wrong-key"));
    return true;
  });
  assert.equal(await server.status("/metrics"), 401);
  assert.equal(await server.status("/health"), 200);
});
