// A Gondola server as a child process, for the tests of the official client.
//
// Needs GONDOLA_BIN (the binary) and GONDOLA_TEST_MODEL (a model file).

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

import OpenAI from "openai";

const READY_MS = 90_000;

export class Server {
  static async start({ flags = [], key } = {}) {
    const port = await freePort();
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GONDOLA_")));
    if (key) env.GONDOLA_API_KEY = key;
    const words = ["serve", process.env.GONDOLA_TEST_MODEL, "--port", String(port), ...flags];
    const child = spawn(process.env.GONDOLA_BIN, words, { env, stdio: ["ignore", "pipe", "pipe"] });
    const server = new Server(child, `http://127.0.0.1:${port}`, key);
    await server.until(async () => (await server.status("/ready")) === 200, READY_MS, () => server.log);
    return server;
  }

  constructor(child, address, key) {
    this.child = child;
    this.address = address;
    this.key = key;
    this.log = "";
    this.exit = once(child, "exit");
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (this.log += text));
  }

  /** The official client, without retries unless asked for. */
  client(options = {}) {
    const apiKey = this.key ?? "none";
    return new OpenAI({ baseURL: `${this.address}/v1`, apiKey, maxRetries: 0, timeout: 120_000, ...options });
  }

  /** The status of a GET without a key; 0 if nothing answers. */
  async status(path) {
    try {
      const answer = await fetch(this.address + path);
      await answer.arrayBuffer();
      return answer.status;
    } catch {
      return 0;
    }
  }

  /** The sum of a metric's series. */
  async metric(name) {
    const headers = this.key ? { authorization: `Bearer ${this.key}` } : {};
    const text = await (await fetch(`${this.address}/metrics`, { headers })).text();
    const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    assert.ok(lines.length > 0, `no metric ${name}`);
    return lines.map((line) => Number(line.split(" ").at(-1))).reduce((sum, value) => sum + value, 0);
  }

  /** Nothing runs, waits or holds a block, and the ledger is whole. */
  async untilIdle() {
    for (const name of ["vllm:num_requests_running", "vllm:num_requests_waiting", "gondola:kv_blocks_used"]) {
      await this.until(async () => (await this.metric(name)) === 0, 10_000, () => `${name} is not 0`);
    }
    assert.equal(await this.metric("gondola:kv_ledger_error"), 0);
  }

  async until(condition, limitMs, explain) {
    const end = Date.now() + limitMs;
    while (!(await condition())) {
      assert.equal(this.child.exitCode, null, this.log);
      assert.ok(Date.now() < end, explain());
      await pause(20);
    }
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.exit;
  }
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}
