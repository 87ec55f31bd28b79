// The test conversations. Each gets {demo, newId, agent, run, readEvents, expect} and talks with the relay through the
// official client; the model behind it follows playground/scripts. `rejects`: the client itself reports a failed run.

import { textOf } from "./recorder.mjs";

const of = (events, type) => events.filter((event) => event.type === type);

export const conversations = [
  {
    name: "plain answer",
    talk: async ({ demo, agent, run, newId, expect }) => {
      const me = agent(demo, newId());
      const { outcome, events } = await run(me, "Hello there", { runId: newId() });
      expect(outcome === "success", `outcome ${outcome}`);
      expect(textOf(events).includes("scripted stand-in"), `text: ${textOf(events)}`);
      const answer = me.messages.at(-1);
      expect(answer.role === "assistant" && answer.content === textOf(events), "the client's message is another text");
    },
  },
  {
    name: "run id chosen by the client library",
    talk: async ({ demo, agent, run, newId, expect }) => {
      const { outcome } = await run(agent(demo, newId()), "Hello there");
      expect(outcome === "success", `outcome ${outcome}`);
    },
  },
  {
    name: "tool call with evidence",
    talk: async ({ demo, agent, run, newId, expect }) => {
      const me = agent(demo, newId());
      const { outcome, events } = await run(me, "How many requests does each service get?", { runId: newId() });
      expect(outcome === "success", `outcome ${outcome}`);
      expect(of(events, "TOOL_CALL_START").length === 1, "one tool call");
      expect(of(events, "TOOL_CALL_RESULT").length === 1, "one result");
      const evidence = of(events, "CUSTOM").find((event) => event.name === "persai.evidence");
      expect(evidence?.value.series > 1, `evidence: ${JSON.stringify(evidence)}`);
      expect(me.messages.some((message) => message.role === "tool"), "the client has the tool message");
    },
  },
  {
    name: "two tool calls in one answer",
    talk: async ({ demo, agent, run, newId, expect }) => {
      const { events } = await run(agent(demo, newId()), "Run two queries, please", { runId: newId() });
      expect(of(events, "TOOL_CALL_RESULT").length === 2, "two results");
      expect(textOf(events).includes("Both queries ran"), "the answer after them");
    },
  },
  {
    name: "a query that fails and is mended",
    talk: async ({ demo, agent, run, newId, expect }) => {
      const { outcome, events } = await run(agent(demo, newId()), "Try a broken query", { runId: newId() });
      expect(outcome === "success", `outcome ${outcome}`);
      const [first, second] = of(events, "CUSTOM")
        .filter((event) => event.name === "persai.toolOutcome")
        .map((event) => event.value.ok);
      expect(first === false && second === true, `tool outcomes ${first}, ${second}`);
    },
  },
  {
    name: "a datasource that cannot be reached",
    talk: async ({ demo, agent, run, newId, expect }) => {
      for (const [name, code] of [
        ["broken", "upstreamUnreachable"],
        ["html", "upstreamMalformed"],
        ["unauthorized", "upstreamRefused"],
        ["direct", "datasourceNotProxied"],
      ]) {
        const forwardedProps = { persai: { datasources: [{ kind: "PrometheusDatasource", name }] } };
        const { outcome, events } = await run(agent(demo, newId()), "How many requests?", {
          runId: newId(),
          forwardedProps,
        });
        expect(outcome === "success", `${name}: outcome ${outcome}`);
        const seen = of(events, "CUSTOM").find((event) => event.name === "persai.toolOutcome")?.value;
        expect(seen?.ok === false && seen.code === code, `${name}: ${JSON.stringify(seen)}`);
      }
    },
  },
  {
    name: "several turns in one thread",
    talk: async ({ demo, agent, run, newId, expect }) => {
      const me = agent(demo, newId());
      for (const question of ["Hello there", "And the CPU?", "Run two queries, please"]) {
        const { outcome, events } = await run(me, question, { runId: newId() });
        expect(outcome === "success", `${question}: outcome ${outcome}`);
        expect(textOf(events) !== "", `${question}: no text`);
      }
      const history = await (await demo.rest(`conversations/${me.threadId}`)).json().catch(() => undefined);
      expect(history !== undefined, "the conversation can be read");
    },
  },
  {
    name: "built-in engine",
    talk: async ({ demo, agent, run, newId, expect }) => {
      const forwardedProps = { persai: { model: "builtin" } };
      for (const question of ["/help", "/query up", "What is down?", "Show http_requests_total by service"]) {
        const me = agent(demo, newId());
        const { outcome, errorEvent, events } = await run(me, question, { runId: newId(), forwardedProps });
        expect(outcome === "success", `${question}: outcome ${outcome}, error ${JSON.stringify(errorEvent)}`);
        expect(textOf(events) !== "", `${question}: no text`);
      }
    },
  },
  {
    name: "cancel in mid-answer",
    talk: async ({ demo, agent, run, newId, expect }) => {
      await demo.resetModel();
      const runId = newId();
      let cancelled;
      const { outcome, errorEvent, events } = await run(agent(demo, newId()), "A gated answer, please", {
        runId,
        onEvent: (event) => {
          if (event.type !== "TEXT_MESSAGE_CONTENT" || cancelled) return;
          const headers = { "content-type": "application/json" };
          cancelled = demo.rest(`runs/${runId}/cancel`, { method: "POST", headers, body: "{}" });
        },
      });
      const status = (await cancelled)?.status;
      expect(status >= 200 && status < 300, `cancel answered ${status}`);
      expect(outcome === "cancelled", `outcome ${outcome}, error ${JSON.stringify(errorEvent)}`);
      expect(!textOf(events).includes("its end"), "it was not stopped");
    },
  },
  {
    name: "the provider refuses the key",
    talk: async ({ demo, agent, run, newId, expect }) => {
      const { error, errorEvent } = await run(agent(demo, newId()), "Please refuse the key", { runId: newId() });
      expect(error === undefined, `the client rejected: ${error}`);
      expect(errorEvent?.code === "providerAuth", `RUN_ERROR ${JSON.stringify(errorEvent)}`);
      expect(!JSON.stringify(errorEvent).includes("sk-"), "the key is not in it");
    },
  },
  {
    name: "the provider's stream is cut",
    talk: async ({ demo, agent, run, newId, expect }) => {
      const { errorEvent, events } = await run(agent(demo, newId()), "Please cut the answer", { runId: newId() });
      expect(errorEvent !== undefined, "it ends with RUN_ERROR");
      expect(textOf(events).includes("This answer"), "what was said is kept");
    },
  },
  {
    name: "the reader leaves and comes back with the same run",
    talk: async ({ demo, agent, run, newId, expect }) => {
      await demo.resetModel();
      const threadId = newId();
      const runId = newId();
      const first = agent(demo, threadId);
      await run(first, "A gated answer, please", {
        runId,
        whole: false,
        onEvent: (event) => event.type === "TEXT_MESSAGE_CONTENT" && first.abortRun(),
      });
      await demo.openGate("middle");
      await demo.openGate("end");
      const { outcome, events } = await run(agent(demo, threadId), "A gated answer, please", { runId });
      expect(outcome === "success", `outcome ${outcome}`);
      expect(textOf(events).endsWith("**its end**."), `text: ${textOf(events)}`);
      const count = textOf(events).split("The query ran").length - 1;
      expect(count === 1, `the beginning is there ${count} times`);
    },
  },
  {
    name: "the relay is killed in mid-answer and comes back",
    rejects: true,
    talk: async ({ demo, agent, run, newId, expect }) => {
      await demo.resetModel();
      const threadId = newId();
      const runId = newId();
      let killed;
      const shown = await run(agent(demo, threadId), "A gated answer, please", {
        runId,
        whole: false,
        onEvent: (event) => {
          if (event.type === "TEXT_MESSAGE_CONTENT" && !killed) killed = demo.killRelay();
        },
      });
      await killed;
      await demo.startRelay();
      await demo.openGate("middle");
      await demo.openGate("end");
      const { error, errorEvent, outcome, events } = await run(agent(demo, threadId), "A gated answer, please", { runId });
      expect(error === undefined, `the client rejected: ${error}`);
      const isHonest = errorEvent?.code === "relayRestarted" || (outcome === "success" && textOf(events).includes("its end"));
      expect(isHonest, `it ends with outcome ${outcome}, error ${JSON.stringify(errorEvent)}`);
      const ids = events.map((event) => JSON.stringify(event));
      const lost = shown.events.filter(
        (event) => event.type === "TOOL_CALL_RESULT" && !ids.includes(JSON.stringify(event)),
      );
      expect(lost.length === 0, `lost: ${JSON.stringify(lost)}`);
      const before = textOf(shown.events);
      expect(before !== "" && textOf(events).startsWith(before), `shown was ${before}, now it is ${textOf(events)}`);
    },
  },
  {
    name: "the whole conversation as one stream",
    talk: async ({ demo, agent, run, newId, readEvents, expect }) => {
      const me = agent(demo, newId());
      await run(me, "Hello there", { runId: newId() });
      await run(me, "And the CPU?", { runId: newId() });
      const answer = await demo.rest(`conversations/${me.threadId}/events?after=0`, {
        headers: { accept: "text/event-stream" },
      });
      let text = "";
      for await (const chunk of answer.body) {
        text += new TextDecoder().decode(chunk);
        if (text.includes("persai.caughtUp") && text.endsWith("\n\n")) break;
      }
      const events = readEvents(text);
      expect(of(events, "RUN_STARTED").length === 2 && of(events, "RUN_FINISHED").length === 2, "two whole runs");
    },
  },
  {
    name: "refusals come as HTTP errors with our shape",
    rejects: true,
    talk: async ({ demo, agent, run, newId, expect }) => {
      const stranger = agent({ ...demo, authorization: "Bearer a.b.c" }, newId());
      const { error } = await run(stranger, "Hello there", { runId: newId(), whole: false });
      expect(error?.status === 403, `status ${error?.status}: ${error}`);
      expect(error?.payload?.code === "persesTokenExpired", `payload ${JSON.stringify(error?.payload)}`);
      const forwardedProps = { persai: { model: "there-is-none" } };
      const unknown = await run(agent(demo, newId()), "Hello there", { runId: newId(), forwardedProps, whole: false });
      expect(unknown.error?.payload?.code === "unknownModel", `payload ${JSON.stringify(unknown.error?.payload)}`);
    },
  },
];
