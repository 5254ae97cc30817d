// The page works without this script, but for live updates, the filter, and the playground.

const find = (selector) => document.querySelector(selector);

// --- times in the visitor's own zone ---------------------------------------------------------------------------

function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString([], { hour12: false });
  }
}

localTimes(document);

// --- traffic -----------------------------------------------------------------------------------------------------

const traffic = find("#traffic");
if (traffic) {
  const live = find("#live");
  setInterval(async () => {
    if (!live.checked || document.hidden) return;
    try {
      const answer = await fetch(traffic.dataset.refresh, { headers: { accept: "text/html" } });
      if (answer.redirected) location.reload(); // signed out
      else if (answer.ok) {
        traffic.innerHTML = await answer.text();
        localTimes(traffic);
      }
    } catch { /* the gateway restarts: the next time will do */ }
  }, 2000);
}

// --- a filter for the rows of a table --------------------------------------------------------------------------

for (const input of document.querySelectorAll("[data-filter]")) {
  const rows = find(`#${input.dataset.filter}`).querySelectorAll("tbody tr");
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}

// --- playground --------------------------------------------------------------------------------------------------

const form = find("#playground");
if (form) playground(form, find("#conversation"), find("#figures"));

function playground(form, conversation, figures) {
  const send = form.querySelector("[type=submit]");
  const stop = find("#stop");
  let messages = [];
  let running = null;

  const turn = (kind, text) => {
    const element = document.createElement("div");
    element.className = `turn ${kind}`;
    element.textContent = text;
    conversation.append(element);
    element.scrollIntoView({ block: "nearest" });
    return element;
  };

  const busy = (yes) => {
    send.disabled = yes;
    stop.disabled = !yes;
  };

  find("#clear").addEventListener("click", () => {
    running?.abort();
    messages = [];
    conversation.replaceChildren();
    figures.textContent = "";
    form.text.focus();
  });
  stop.addEventListener("click", () => running?.abort());
  form.text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = form.text.value.trim();
    if (!text || running) return;
    messages.push({ role: "user", content: text });
    turn("user", text);
    form.text.value = "";
    const answer = turn("assistant busy", "");
    const begun = performance.now();
    const figure = { first: null, usage: null, dropped: "" };
    running = new AbortController();
    busy(true);
    try {
      const body = { model: form.model.value, messages, stream: true, stream_options: { include_usage: true } };
      const headers = { "content-type": "application/json", "x-playground-key": form.key.value };
      const response = await fetch("/playground/chat", {
        method: "POST", headers, body: JSON.stringify(body), signal: running.signal,
      });
      figure.dropped = response.headers.get("x-aigw-dropped-params") ?? "";
      if (!response.ok) throw new Error(await reason(response));
      for await (const chunk of events(response.body)) {
        if (chunk.error) throw new Error(chunk.error.message);
        figure.usage = chunk.usage ?? figure.usage;
        const piece = chunk.choices?.[0]?.delta?.content;
        if (piece) {
          figure.first ??= performance.now() - begun;
          answer.textContent += piece;
          answer.scrollIntoView({ block: "nearest" });
        }
      }
      messages.push({ role: "assistant", content: answer.textContent });
      figures.textContent = summary(figure, performance.now() - begun);
    } catch (error) {
      const stopped = error.name === "AbortError";
      if (stopped && answer.textContent) messages.push({ role: "assistant", content: answer.textContent });
      else messages.pop();
      if (!answer.textContent) answer.remove();
      if (!stopped) turn("failed", error.message);
      figures.textContent = stopped ? "stopped" : "failed";
    } finally {
      answer.classList.remove("busy");
      running = null;
      busy(false);
    }
  });
}

async function reason(response) {
  const text = await response.text();
  try {
    return `${response.status}: ${JSON.parse(text).error.message}`;
  } catch {
    return `${response.status}: ${text.slice(0, 500)}`;
  }
}

async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const data = line.startsWith("data: ") ? line.slice(6).trim() : "";
      if (data && data !== "[DONE]") yield JSON.parse(data);
    }
  }
}

function summary(figure, milliseconds) {
  const parts = [];
  if (figure.usage) parts.push(`${figure.usage.prompt_tokens} tokens in, ${figure.usage.completion_tokens} out`);
  if (figure.first !== null) parts.push(`first after ${Math.round(figure.first)} ms`);
  parts.push(`${(milliseconds / 1000).toFixed(1)} s in all`);
  if (figure.dropped) parts.push(`dropped: ${figure.dropped}`);
  return parts.join(" · ");
}
