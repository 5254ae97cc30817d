// LangChain's agent, with both of its chat models.

import { ChatAnthropic } from "@langchain/anthropic";
import { ChatOpenAI } from "@langchain/openai";
import { createAgent, tool } from "langchain";
import * as workshop from "./workshop.mjs";

const { API, KEY, MODEL, PROMPT, RETRIES, SYSTEM } = workshop;
const configuration = { baseURL: workshop.OPENAI };
const model = {
  chat: () => new ChatOpenAI({ model: MODEL, apiKey: KEY, maxRetries: RETRIES, configuration }),
  responses: () => new ChatOpenAI({ model: MODEL, apiKey: KEY, maxRetries: RETRIES, configuration, useResponsesApi: true }),
  messages: () => new ChatAnthropic({ model: MODEL, apiKey: KEY, maxRetries: RETRIES, anthropicApiUrl: workshop.ANTHROPIC }),
}[API]();
const messages = [
  { role: "system", content: SYSTEM },
  { role: "user", content: PROMPT },
];
const tools = Object.entries(workshop.tools).map(([name, one]) =>
  tool(async (input) => one.execute(input), { name, description: one.description, schema: workshop.schema(one) }),
);

async function* pieces() {
  for await (const chunk of await model.stream(messages)) yield chunk.text;
}

const loop = async () => {
  const agent = createAgent({ model, tools, systemPrompt: SYSTEM });
  const result = await agent.invoke({ messages: [{ role: "user", content: PROMPT }] });
  return result.messages.at(-1).text;
};

await workshop.main({ answer: async () => (await model.invoke(messages)).text, stream: pieces, loop });
