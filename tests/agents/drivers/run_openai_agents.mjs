// OpenAI's Agents SDK.

import { Agent, Runner, run, setDefaultOpenAIClient, setOpenAIAPI, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import * as workshop from "./workshop.mjs";

setDefaultOpenAIClient(new OpenAI({ baseURL: workshop.OPENAI, apiKey: workshop.KEY }));
setOpenAIAPI(workshop.API === "chat" ? "chat_completions" : "responses");
setTracingDisabled(true);

const tools = Object.entries(workshop.tools).map(([name, one]) =>
  tool({
    name,
    description: one.description,
    parameters: workshop.schema(one),
    strict: true,
    execute: async (input) => one.execute(input),
  }),
);
const agent = (more = {}) =>
  new Agent({ name: "programmer", instructions: workshop.SYSTEM, model: workshop.MODEL, ...more });

async function* pieces() {
  const streamed = await run(agent(), workshop.PROMPT, { stream: true });
  yield* streamed.toTextStream();
  await streamed.completed;
}

await workshop.main({
  answer: async () => (await run(agent(), workshop.PROMPT)).finalOutput,
  stream: pieces,
  loop: async () => (await run(agent({ tools }), workshop.PROMPT)).finalOutput,
});
