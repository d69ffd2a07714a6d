// npm's client: several turns, parts of texts, log-probabilities, begun texts: node turns.mjs http://127.0.0.1:8080/v1 KEY MODEL PROBLEM
import assert from "node:assert/strict";
import OpenAI from "openai";

const [baseURL, apiKey, model, problem] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const asked = {
  model, seed: 3, logprobs: true, top_logprobs: 2,
  messages: [
    { role: "developer", content: problem }, { role: "user", content: [{ type: "text", text: problem }] },
    { role: "assistant", content: problem }, { role: "user", content: problem },
  ],
};

const answer = (await client.chat.completions.create(asked)).choices[0];
const tokens = answer.logprobs.content;
assert.equal(tokens.map(t => t.token).join(""), answer.message.content);
assert.ok(tokens.length > 0);
for (const t of tokens) assert.ok(t.top_logprobs.length === 2 && t.logprob <= t.top_logprobs[0].logprob && t.bytes.length > 0);

let said = "", spelled = "";
for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) {
  said += chunk.choices[0]?.delta.content ?? "";
  for (const token of chunk.choices[0]?.logprobs?.content ?? []) spelled += token.token;
}
assert.equal(said, answer.message.content);
assert.equal(spelled, said);

const begun = (await client.completions.create({ model, prompt: problem + "\n", logprobs: 1 })).choices[0];
assert.equal(begun.logprobs.tokens.join(""), begun.text);
assert.equal(begun.logprobs.text_offset[0], 0);

const image = [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }];
await assert.rejects(
  client.chat.completions.create({ model, messages: image }),
  error => error instanceof OpenAI.UnprocessableEntityError && error.param === "messages[0].content[0].type");
console.log("all is well");
