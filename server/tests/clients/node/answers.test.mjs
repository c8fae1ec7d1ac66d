// Chat, completions and models: whole answers and streams.

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

const messages = [{ role: "user", content: "Reply with one sentence: what is the capital of France?" }];
const ask = (options = {}) => client.chat.completions.create({ model, messages, temperature: 0, max_tokens: 24, ...options });
const complete = (options = {}) =>
  client.completions.create({ model, prompt: "The cabin climbs", temperature: 0, max_tokens: 12, ...options });

async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
const joined = (chunks, index = 0) =>
  chunks
    .flatMap((chunk) => chunk.choices)
    .filter((choice) => choice.index === index)
    .map((choice) => choice.delta?.content ?? choice.text ?? "")
    .join("");

test("models are listed and retrieved", async () => {
  const listed = (await client.models.list()).data[0];
  assert.deepEqual(await client.models.retrieve(listed.id), listed);
  assert.equal(listed.owned_by, "gondola");
});

test("a chat is answered and counted", async () => {
  const answer = await ask();
  assert.match(answer.choices[0].message.content, /Paris/);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  assert.ok(answer._request_id);
});

test("a streamed chat equals the whole one", async () => {
  const whole = await ask();
  const chunks = await all(await ask({ stream: true, stream_options: { include_usage: true } }));
  assert.equal(joined(chunks), whole.choices[0].message.content);
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.completion_tokens, whole.usage.completion_tokens);
  const finishes = chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.finish_reason);
  assert.equal(finishes.length, 1);
});

test("the client's own stream helper assembles the same", async () => {
  const whole = await ask();
  const final = await client.chat.completions.stream({ model, messages, temperature: 0, max_tokens: 24 }).finalContent();
  assert.equal(final, whole.choices[0].message.content);
});

test("choices, seeds and streams of them agree", async () => {
  const options = { n: 3, temperature: 1.2, seed: 5, max_tokens: 12 };
  const whole = await ask(options);
  const chunks = await all(await ask({ ...options, stream: true }));
  assert.deepEqual(whole.choices.map((choice) => choice.index), [0, 1, 2]);
  for (const choice of whole.choices) assert.equal(joined(chunks, choice.index), choice.message.content);
});

test("a stop string ends the text before it", async () => {
  const text = (await ask()).choices[0].message.content;
  const stop = text.slice(text.length / 2, text.length / 2 + 5);
  const stopped = await ask({ stop });
  assert.equal(stopped.choices[0].message.content, text.slice(0, text.indexOf(stop)));
  assert.equal(stopped.choices[0].finish_reason, "stop");
});

test("log-probabilities come with the tokens", async () => {
  const { logprobs, message } = (await ask({ logprobs: true, top_logprobs: 2, max_tokens: 6 })).choices[0];
  assert.deepEqual(Buffer.from(logprobs.content.flatMap((token) => token.bytes)).toString(), message.content);
  for (const token of logprobs.content) assert.equal(token.top_logprobs.length, 2);
});

test("completions: whole, streamed, several prompts, exact length", async () => {
  const whole = await complete();
  assert.equal(joined(await all(await complete({ stream: true }))), whole.choices[0].text);
  const both = await complete({ prompt: ["The cabin climbs", "Snow"] });
  assert.equal(both.choices[0].text, whole.choices[0].text);
  assert.equal((await complete({ ignore_eos: true, max_tokens: 40 })).usage.completion_tokens, 40);
});

test("many at once say what one says alone", async () => {
  const alone = (await ask()).choices[0].message.content;
  const crowd = await Promise.all(Array.from({ length: 16 }, () => ask()));
  assert.deepEqual(new Set(crowd.map((answer) => answer.choices[0].message.content)), new Set([alone]));
});
