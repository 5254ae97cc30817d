// The AI SDK with each of its providers.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import * as workshop from "./workshop.mjs";

const { API, KEY, MODEL, PROMPT, SYSTEM } = workshop;
const openai = createOpenAI({ baseURL: workshop.OPENAI, apiKey: KEY });
const model = {
  responses: () => openai(MODEL),
  chat: () => openai.chat(MODEL),
  compatible: () => createOpenAICompatible({ name: "gateway", baseURL: workshop.OPENAI, apiKey: KEY })(MODEL),
  messages: () => createAnthropic({ baseURL: workshop.OPENAI, apiKey: KEY })(MODEL),
}[API]();
const request = { model, system: SYSTEM, prompt: PROMPT };
const tools = Object.fromEntries(
  Object.entries(workshop.tools).map(([name, one]) => [
    name,
    tool({
      description: one.description,
      inputSchema: jsonSchema(workshop.schema(one)),
      execute: async (input) => one.execute(input),
    }),
  ]),
);

async function* pieces() {
  const failures = [];
  for await (const piece of streamText({ ...request, onError: ({ error }) => failures.push(error) }).textStream) {
    yield piece;
  }
  for (const failure of failures) throw failure;
}

await workshop.main({
  answer: async () => (await generateText(request)).text,
  stream: pieces,
  loop: async () => (await generateText({ ...request, tools, stopWhen: stepCountIs(10) })).text,
});
