// What is asked of every event and every run: the official schema takes it, the client drops nothing and warns of
// nothing, and the sequence is whole.

import { HttpAgent } from "@ag-ui/client";
import { EventSchemas } from "@ag-ui/core/schemas";
import * as z from "zod/v4";

/** The schemas keep fields that they do not name, so the names are compared here: event type → its fields. */
const fields = new Map(
  z.toJSONSchema(EventSchemas, { unrepresentable: "any" }).anyOf.map(({ properties }) => [
    properties.type.const,
    new Set(Object.keys(properties)),
  ]),
);

const ends = ["RUN_FINISHED", "RUN_ERROR"];
let ids = 0;

export class Recorder {
  /** Every event that came, as it stood on the wire. */
  lines = [];

  /** Runs one conversation; returns its faults. */
  async conversation({ name, talk, rejects = false }) {
    const faults = [];
    const restore = catchConsole((text) => {
      const isExpected = rejects && text.startsWith("Agent execution failed");
      if (!isExpected) faults.push(`the client says: ${text.slice(0, 300)}`);
    });
    try {
      await talk({
        newId: () => `${name.replace(/[^a-z]+/gi, "-")}-${(ids += 1)}`,
        expect: (holds, sentence) => holds || faults.push(sentence),
        agent: (demo, threadId) => this.#agent(demo, threadId, faults),
        run: (agent, question, parameters) => this.#run(agent, question, parameters, faults),
        readEvents: (text) => this.#readEvents(text, faults),
      });
    } catch (error) {
      faults.push(error.stack ?? String(error));
    } finally {
      restore();
    }
    return faults;
  }

  #agent(demo, threadId, faults) {
    const agent = new HttpAgent({
      url: `${demo.front}/persai/v1/agent`,
      threadId,
      headers: { authorization: demo.authorization },
      fetch: async (url, init) => {
        const answer = await fetch(url, init);
        if (!answer.ok) return answer;
        const [ours, theirs] = answer.body.tee();
        agent.seen = { events: [], done: this.#collect(ours, faults, (event) => agent.seen.events.push(event)) };
        return new Response(theirs, { status: answer.status, headers: answer.headers });
      },
    });
    return agent;
  }

  async #collect(stream, faults, take) {
    const decoder = new TextDecoder();
    let text = "";
    try {
      for await (const chunk of stream) {
        text += decoder.decode(chunk, { stream: true });
        for (let at = text.indexOf("\n\n"); at >= 0; at = text.indexOf("\n\n")) {
          for (const event of this.#readEvents(text.slice(0, at + 2), faults)) take(event);
          text = text.slice(at + 2);
        }
      }
    } catch {
      // The socket broke, or the client went away; what came until then counts.
    }
  }

  /** Events of a piece of a stream, each checked by the schema. */
  #readEvents(text, faults) {
    if (text.includes("\r")) faults.push("a carriage return on the wire");
    return text.split("\n\n").flatMap((frame) => {
      const data = frame.split("\n").filter((line) => line.startsWith("data:"));
      if (data.length === 0) return [];
      if (data.length > 1) faults.push(`more than one data line: ${frame.slice(0, 200)}`);
      const line = data[0].slice(5).trim();
      this.lines.push(line);
      const event = JSON.parse(line);
      const parsed = EventSchemas.safeParse(event);
      if (!parsed.success) faults.push(`the schema refuses ${line.slice(0, 300)}: ${parsed.error.message.slice(0, 300)}`);
      else if (JSON.stringify(sorted(parsed.data)) !== JSON.stringify(sorted(event))) {
        faults.push(`the schema dropped or changed something of ${line.slice(0, 300)}`);
      }
      const foreign = Object.keys(event).filter((name) => !fields.get(event.type)?.has(name));
      if (foreign.length > 0) faults.push(`AG-UI has no field ${foreign.join(", ")} in ${event.type}`);
      return [event];
    });
  }

  /** One question; resolves with what came. `error` is set where the client rejected. */
  async #run(agent, question, { runId, forwardedProps, onEvent, whole = true } = {}, faults) {
    if (question) agent.addMessage({ id: `user-${(ids += 1)}`, role: "user", content: question });
    const outcome = { runId, error: undefined, outcome: undefined, errorEvent: undefined };
    const parameters = { ...(runId && { runId }), ...(forwardedProps && { forwardedProps }) };
    agent.seen = undefined;
    try {
      await agent.runAgent(parameters, {
        onEvent: async ({ event }) => onEvent?.(event),
        onRunFinishedEvent: ({ outcome: how }) => void (outcome.outcome = how),
        onRunErrorEvent: ({ event }) => void (outcome.errorEvent = event),
      });
    } catch (error) {
      outcome.error = error;
    }
    await agent.seen?.done;
    outcome.events = agent.seen?.events ?? [];
    if (whole && outcome.error === undefined) faults.push(...sequenceFaults(outcome.events, agent.threadId, runId));
    return outcome;
  }
}

/** The client checks more of it; these are what it lets pass (it takes a stream without an end for a success). */
function sequenceFaults(events, threadId, runId) {
  const faults = [];
  const first = events[0];
  const last = events.at(-1);
  if (first?.type !== "RUN_STARTED") faults.push(`the first event is ${first?.type}`);
  if (first?.threadId !== threadId) faults.push(`RUN_STARTED is of thread ${first?.threadId}, asked was ${threadId}`);
  if (runId && first?.runId !== runId) faults.push(`RUN_STARTED is of run ${first?.runId}, asked was ${runId}`);
  if (!ends.includes(last?.type)) faults.push(`the last event is ${last?.type}`);
  if (events.filter((event) => ends.includes(event.type)).length > 1) faults.push("more than one end");
  const started = events.filter((event) => event.type === "TOOL_CALL_START").map((event) => event.toolCallId);
  const results = events.filter((event) => event.type === "TOOL_CALL_RESULT").map((event) => event.toolCallId);
  for (const id of results) if (!started.includes(id)) faults.push(`a result of a tool call that never began: ${id}`);
  return faults;
}

/** Keys in one order, so that texts can be compared. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  );
}

function catchConsole(take) {
  const kept = { warn: console.warn, error: console.error };
  for (const name of Object.keys(kept)) console[name] = (...parts) => take(parts.map(String).join(" "));
  return () => Object.assign(console, kept);
}

/** What was written by an answer's text events. */
export function textOf(events) {
  return events
    .filter((event) => event.type === "TEXT_MESSAGE_CONTENT")
    .map((event) => event.delta)
    .join("");
}
