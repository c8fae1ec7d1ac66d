// Calls of tools with the official client.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Server } from "./gondola.mjs";

let server, client, model;

before(async () => {
  server = await Server.start();
  client = server.client();
  model = (await client.models.list()).data[0].id;
});

after(() => server.stop());

test("runTools calls the function with valid arguments", async () => {
  const towns = [];
  const runner = client.chat.completions.runTools({
    model,
    messages: [{ role: "user", content: "What is the weather in Zermatt?" }],
    temperature: 0,
    max_tokens: 200,
    tool_choice: { type: "function", function: { name: "weather" } },
    tools: [
      {
        type: "function",
        function: {
          name: "weather",
          description: "the weather of a town",
          parse: JSON.parse,
          function: ({ town }) => towns.push(town),
          parameters: { type: "object", properties: { town: { type: "string", maxLength: 20 } }, required: ["town"] },
        },
      },
    ],
  });
  await runner.finalChatCompletion();
  assert.equal(towns.length, 1);
  assert.equal(typeof towns[0], "string");
});
