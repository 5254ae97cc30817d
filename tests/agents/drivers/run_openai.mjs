// OpenAI's SDK: Chat Completions with its `runTools`, and Responses.

import OpenAI from "openai";
import { API, KEY, MODEL, OPENAI, PROMPT, SYSTEM, main, schema, tools } from "./workshop.mjs";

const client = new OpenAI({ baseURL: OPENAI, apiKey: KEY });
const messages = [
  { role: "system", content: SYSTEM },
  { role: "user", content: PROMPT },
];
const asked = { model: MODEL, instructions: SYSTEM, input: PROMPT };

async function* chatPieces() {
  for await (const chunk of await client.chat.completions.create({ model: MODEL, messages, stream: true })) {
    for (const choice of chunk.choices) yield choice.delta.content ?? "";
  }
}

async function* responsesPieces() {
  for await (const event of await client.responses.create({ ...asked, stream: true })) {
    if (event.type === "response.output_text.delta") yield event.delta;
  }
}

const chatLoop = () =>
  client.chat.completions
    .runTools({
      model: MODEL,
      messages,
      tools: Object.entries(tools).map(([name, tool]) => ({
        type: "function",
        function: {
          name,
          description: tool.description,
          parameters: schema(tool),
          parse: JSON.parse,
          function: tool.execute,
        },
      })),
    })
    .finalContent();

const responsesLoop = async () => {
  const functions = Object.entries(tools).map(([name, tool]) => ({
    type: "function",
    name,
    description: tool.description,
    parameters: schema(tool),
    strict: true,
  }));
  let response = await client.responses.create({ ...asked, tools: functions });
  for (;;) {
    const calls = response.output.filter((item) => item.type === "function_call");
    if (calls.length === 0) return response.output_text;
    const input = calls.map((call) => ({
      type: "function_call_output",
      call_id: call.call_id,
      output: tools[call.name].execute(JSON.parse(call.arguments)),
    }));
    response = await client.responses.create({
      ...asked,
      input,
      tools: functions,
      previous_response_id: response.id,
    });
  }
};

async function* models() {
  for await (const model of client.models.list()) yield model.id;
}

const chat = {
  answer: async () => (await client.chat.completions.create({ model: MODEL, messages })).choices[0].message.content,
  stream: chatPieces,
  loop: chatLoop,
  models,
};
const responses = {
  answer: async () => (await client.responses.create(asked)).output_text,
  stream: responsesPieces,
  loop: responsesLoop,
  models,
};
await main(API === "chat" ? chat : responses);
