// A full queue refuses with Retry-After, and the client's own retries get through by honouring it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import OpenAI from "openai";

import { Server } from "./gondola.mjs";

let server, model;
before(async () => {
  server = await Server.start({ flags: ["--max-num-seqs", "1", "--max-num-queued-reqs", "1"] });
  model = (await server.client().models.list()).data[0].id;
});
after(() => server?.stop());

const request = (prompt, max_tokens) => ({ model, prompt, max_tokens, ignore_eos: true });

test("refused at once, then let in as told", async () => {
  const client = server.client();
  const running = await client.completions.create({ ...request("Up", 300), stream: true });
  const streamed = (async () => {
    for await (const chunk of running) void chunk;
  })();
  const waiting = client.completions.create(request("Down", 4));
  const waits = async () => (await server.metric("vllm:num_requests_waiting")) === 1;
  await server.until(waits, 10_000, () => "nothing waits");

  await assert.rejects(client.completions.create(request("Aside", 4)), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.code, "queue_full");
    const seconds = Number(error.headers.get("retry-after"));
    assert.ok(seconds >= 1 && seconds <= 60);
    return true;
  });

  const seen = [];
  const noting = async (...call) => {
    const sent = performance.now();
    const answer = await fetch(...call);
    seen.push({ sent, at: performance.now(), status: answer.status, waitMs: Number(answer.headers.get("retry-after-ms")) });
    return answer;
  };
  const patient = server.client({ maxRetries: 30, fetch: noting });
  const answer = await patient.completions.create(request("Aside", 4));
  assert.equal(answer.usage.completion_tokens, 4);
  assert.ok(seen.length > 1 && seen.at(-1).status === 200);
  for (let i = 1; i < seen.length; i++) {
    assert.equal(seen[i - 1].status, 429);
    assert.ok(seen[i].sent - seen[i - 1].at >= seen[i - 1].waitMs - 50);
  }
  await Promise.all([streamed, waiting]);
  await server.untilIdle();
});
