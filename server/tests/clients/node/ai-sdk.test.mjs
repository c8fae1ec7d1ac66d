// Vercel's AI SDK over its provider for compatible servers: what it sends and insists on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { z } from "zod";

import { Server } from "./gondola.mjs";

const KEY = "cabin-key-0123456789";
const lift = z.object({ name: z.string().max(40), metres: z.int().min(1).max(9999), open: z.boolean() });
const cold = { prompt: "Describe a ski lift.", temperature: 0, maxRetries: 0 };
let server, name, model;

const provider = (apiKey) =>
  createOpenAICompatible({
    name: "gondola",
    baseURL: `${server.address}/v1`,
    apiKey,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });

before(async () => {
  server = await Server.start({ key: KEY });
  name = (await server.client().models.list()).data[0].id;
  model = provider(KEY)(name);
});
after(() => server?.stop());

test("a stream is the same as the whole, and counts the same", async () => {
  const options = { ...cold, model, maxOutputTokens: 24 };
  const whole = await generateText(options);
  const streamed = streamText(options);
  const pieces = [];
  for await (const piece of streamed.textStream) pieces.push(piece);
  assert.ok(pieces.length > 3);
  assert.equal(pieces.join(""), whole.text);
  assert.equal(await streamed.finishReason, whole.finishReason);
  const usage = await streamed.usage;
  assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
  assert.equal(usage.inputTokens + usage.outputTokens, usage.totalTokens);
  for (const key of ["inputTokens", "outputTokens", "totalTokens"]) assert.equal(usage[key], whole.usage[key]);
});

test("an object has its schema's form, whole and streamed", async () => {
  const warm = { ...cold, model, schema: lift, temperature: 1.2, seed: 3, maxOutputTokens: 200 };
  const { object, warnings } = await generateObject(warm);
  assert.ok(lift.safeParse(object).success);
  assert.deepEqual(warnings ?? [], []);
  const streamed = streamObject(warm);
  let partials = 0;
  for await (const _ of streamed.partialObjectStream) partials += 1;
  assert.ok(partials > 1);
  assert.deepEqual(await streamed.object, object);
});

const forced = { toolChoice: "required", maxOutputTokens: 200 };
const weather = (seen) =>
  tool({
    description: "the weather of a town",
    inputSchema: z.object({ town: z.string().max(20) }),
    execute: ({ town }) => {
      seen.push(town);
      return "snow";
    },
  });

test("a required tool is called, and its result goes back", async () => {
  const towns = [];
  const { steps, text } = await generateText({
    ...cold,
    ...forced,
    model,
    tools: { weather: weather(towns) },
    stopWhen: stepCountIs(2),
    prepareStep: ({ stepNumber }) => (stepNumber === 0 ? {} : { toolChoice: "none" }),
  });
  assert.deepEqual(steps.map((step) => step.toolCalls.length > 0), [true, false]);
  assert.equal(steps[0].finishReason, "tool-calls");
  assert.deepEqual(steps[0].toolCalls.map((call) => call.input.town), towns);
  assert.ok(text.length > 0);
});

test("a streamed call is the same as the whole", async () => {
  const options = { ...cold, ...forced, model, tools: { weather: weather([]) } };
  options.toolChoice = { type: "tool", toolName: "weather" };
  const inputs = (calls) => calls.map((call) => call.input);
  const streamed = streamText(options);
  await streamed.consumeStream();
  assert.deepEqual(inputs(await streamed.toolCalls), inputs((await generateText(options)).toolCalls));
});

for (const [status, code, options] of [
  [400, "context_length_exceeded", () => ({ maxOutputTokens: 10_000_000 })],
  [401, "invalid_api_key", () => ({ model: provider("another-key-0123456789")(name) })],
  [404, "model_not_found", () => ({ model: provider(KEY)("no-such-model") })],
]) {
  test(`${code} is an APICallError`, async () => {
    await assert.rejects(generateText({ ...cold, model, ...options() }), (error) => {
      assert.ok(APICallError.isInstance(error));
      assert.deepEqual([error.statusCode, error.data.error.code, error.isRetryable], [status, code, false]);
      return true;
    });
  });
}
