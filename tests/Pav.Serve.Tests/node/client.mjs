// The official client of npm, unchanged, against a server: node client.mjs http://127.0.0.1:8080/v1 KEY
import assert from "node:assert/strict";
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "2 + 2" }];

const models = [];
for await (const model of await client.models.list()) models.push(model.id);
assert.ok(models.includes("toy:beam-4"));

const answer = await client.chat.completions.create({ model: "toy:beam-4", messages, seed: 3, pav: { trace: true } });
assert.match(answer.choices[0].message.content, /Answer:/);
assert.equal(answer.choices[0].finish_reason, "stop");
assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
assert.ok(answer.choices[0].pav.tree.nodes.length > 4);

let text = "", thought = "", finish, usage;
const stream = await client.chat.completions.create({
  model: "toy:beam-4", messages, seed: 3, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta.content ?? "";
  thought += chunk.choices[0]?.delta.reasoning_content ?? "";
  finish ??= chunk.choices[0]?.finish_reason ?? undefined;
  usage ??= chunk.usage ?? undefined;
}
assert.equal(text, answer.choices[0].message.content);
assert.match(thought, /step 1 kept/);
assert.equal(finish, "stop");
assert.equal(usage.completion_tokens, answer.usage.completion_tokens);

const plain = await client.completions.create({ model: "toy", prompt: ["a", "b"], n: 2 });
assert.equal(plain.choices.length, 4);

await assert.rejects(
  client.chat.completions.create({ model: "gpt", messages }),
  error => error instanceof OpenAI.NotFoundError && error.code === "model_not_found");
await assert.rejects(
  client.chat.completions.create({ model: "toy", messages, n: 0 }),
  error => error instanceof OpenAI.UnprocessableEntityError && error.param === "n");
await assert.rejects(new OpenAI({ baseURL, apiKey: "other", maxRetries: 0 }).models.list(), OpenAI.AuthenticationError);

const left = await client.chat.completions.create({ model: "toy", messages, stream: true });
for await (const chunk of left) if (chunk.choices[0]?.delta.content) break;
console.log("all is well");
