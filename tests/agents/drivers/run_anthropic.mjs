// Anthropic's SDK, with its `toolRunner`.

import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { ANTHROPIC, KEY, MODEL, PROMPT, SYSTEM, main, schema, tools } from "./workshop.mjs";

const client = new Anthropic({ baseURL: ANTHROPIC, apiKey: KEY });
const request = {
  model: MODEL,
  max_tokens: 1000,
  system: [{ type: "text", text: SYSTEM, cache_control: { type: "ephemeral" } }],
  messages: [{ role: "user", content: PROMPT }],
};
const textOf = (message) => message.content.map((block) => block.text ?? "").join("");

async function* pieces() {
  for await (const event of client.messages.stream(request)) {
    if (event.type === "content_block_delta" && event.delta.type === "text_delta") yield event.delta.text;
  }
}

async function* models() {
  for await (const model of client.models.list()) yield model.id;
}

const loop = async () =>
  textOf(
    await client.beta.messages.toolRunner({
      ...request,
      tools: Object.entries(tools).map(([name, tool]) =>
        betaTool({ name, description: tool.description, inputSchema: schema(tool), run: tool.execute }),
      ),
    }),
  );

await main({ answer: async () => textOf(await client.messages.create(request)), stream: pieces, loop, models });
