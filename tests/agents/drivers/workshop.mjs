// What the programs in JavaScript share: see workshop.py.

import { execSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const { AGENT_GATEWAY, AGENT_MODEL, AGENT_PROMPT, AGENT_SCENARIO, AGENT_API } = process.env;
export const MODEL = AGENT_MODEL;
export const PROMPT = AGENT_PROMPT;
export const API = AGENT_API;
export const OPENAI = `${AGENT_GATEWAY}/v1`;
export const ANTHROPIC = `${AGENT_GATEWAY}/anthropic`;
export const KEY = "unused";
// Some libraries try again for minutes.
export const RETRIES = AGENT_SCENARIO === "limited" ? 0 : undefined;
export const SYSTEM =
  "You are a careful programmer who reads before writing. " + "Keep to the style of the file. ".repeat(400);

export const tools = {
  read_file: {
    description: "Return the text of a file.",
    names: ["path"],
    execute: ({ path }) => readFileSync(path, "utf8"),
  },
  edit_file: {
    description: "Replace a text in a file.",
    names: ["path", "old", "new"],
    execute: (input) => {
      writeFileSync(input.path, readFileSync(input.path, "utf8").replaceAll(input.old, input.new));
      return "edited";
    },
  },
  run: {
    description: "Run a command of the shell, and return its output.",
    names: ["command"],
    execute: ({ command }) => {
      try {
        return execSync(command, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
      } catch (error) {
        return `exit code ${error.status}\n${error.stdout}${error.stderr}`;
      }
    },
  },
};

export const schema = (tool) => ({
  type: "object",
  properties: Object.fromEntries(tool.names.map((name) => [name, { type: "string" }])),
  required: tool.names,
  additionalProperties: false,
});

const describe = (error) => {
  const causes = [];
  for (let cause = error; cause; cause = cause.cause ?? cause.lastError) {
    causes.push(`${cause.constructor?.name ?? "error"}: ${cause.message ?? JSON.stringify(cause)}`);
  }
  return causes.join("\n");
};

// Does the task of the scenario: prints a text, or pieces of one. An error is printed as its type and its text.
export const main = async ({ answer, stream, loop, models }) => {
  const tasks = { answer, retry: answer, limited: answer, stream, broken: stream, loop, models };
  try {
    const result = await tasks[AGENT_SCENARIO]();
    if (typeof result === "string") return console.log(result);
    for await (const piece of result) process.stdout.write(`${piece}|`);
  } catch (error) {
    console.log(describe(error));
    process.exitCode = 3;
  }
};
