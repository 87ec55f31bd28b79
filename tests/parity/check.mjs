// Compares an answer with what a case expects; returns the faults as sentences.

/** Words that stand for any value of a type. */
const types = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  array: Array.isArray,
  object: (value) => value !== null && typeof value === "object" && !Array.isArray(value),
};

export async function check(answer, expect) {
  const faults = [];
  if (answer.status !== expect.status && answer.status !== expect.orStatus) {
    faults.push(`status ${answer.status}, expected ${expect.status}`);
  }
  for (const [name, wanted] of Object.entries(expect.headers ?? {})) {
    const got = answer.headers.get(name);
    const holds = wanted === "present" ? got !== null : wanted === "absent" ? got === null : got === wanted;
    if (!holds) faults.push(`header ${name} is ${JSON.stringify(got)}, expected ${wanted}`);
  }
  if (expect.stream) {
    faults.push(...(await checkStream(answer, expect.stream)));
    return faults;
  }
  const text = await answer.text();
  const body = parse(text);
  if (expect.message !== undefined) {
    if (typeof body?.message !== "string") faults.push(`no {"message": ...} in ${text.slice(0, 200)}`);
    else if (!body.message.includes(expect.message)) faults.push(`message ${JSON.stringify(body.message)} lacks ${expect.message}`);
  }
  if (expect.json) faults.push(...differences(body, expect.json, "body"));
  if (expect.each) {
    if (!Array.isArray(body) || body.length === 0) faults.push(`a list with entries was expected, not ${text.slice(0, 200)}`);
    else body.forEach((one, at) => faults.push(...differences(one, expect.each, `body[${at}]`)));
  }
  if (expect.empty && !(Array.isArray(body) && body.length === 0)) faults.push(`not an empty list: ${text.slice(0, 200)}`);
  if (expect.names && !(Array.isArray(body) && body.some((one) => one.metadata?.name === expect.names))) {
    faults.push(`no entry is named ${expect.names} in ${text.slice(0, 200)}`);
  }
  if (expect.permissions) faults.push(...checkPermissions(body));
  if (expect.cookies) faults.push(...checkCookies(answer, expect, body));
  return faults;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What `wanted` names has to be there; more may be. */
function differences(got, wanted, place) {
  if (typeof wanted === "string" && wanted in types) {
    return types[wanted](got) ? [] : [`${place} is ${JSON.stringify(got)}, expected a ${wanted}`];
  }
  if (Array.isArray(wanted)) {
    if (!Array.isArray(got) || got.length !== wanted.length) return [`${place} is ${JSON.stringify(got)}`];
    return wanted.flatMap((one, at) => differences(got[at], one, `${place}[${at}]`));
  }
  if (wanted !== null && typeof wanted === "object") {
    if (!types.object(got)) return [`${place} is ${JSON.stringify(got)}, expected an object`];
    return Object.entries(wanted).flatMap(([name, one]) => differences(got[name], one, `${place}.${name}`));
  }
  return got === wanted ? [] : [`${place} is ${JSON.stringify(got)}, expected ${JSON.stringify(wanted)}`];
}

function checkPermissions(body) {
  if (!types.object(body) || !Array.isArray(body["*"])) return [`no list under "*": ${JSON.stringify(body)}`];
  return Object.entries(body).flatMap(([project, list]) =>
    list.flatMap((one, at) => differences(one, { actions: "array", scopes: "array" }, `${project}[${at}]`)),
  );
}

function checkCookies(answer, expect, body) {
  const faults = [];
  const cookies = Object.fromEntries(answer.headers.getSetCookie().map(readCookie));
  for (const [name, wanted] of Object.entries(expect.cookies)) {
    if (cookies[name]) faults.push(...differences(cookies[name], wanted, `cookie ${name}`));
    else faults.push(`no cookie ${name}`);
  }
  if (expect.cookiesJoinTo) {
    const joined = `${cookies.jwtPayload?.value}.${cookies.jwtSignature?.value}`;
    if (joined !== body?.[expect.cookiesJoinTo]) faults.push(`payload and signature do not join to ${expect.cookiesJoinTo}`);
  }
  return faults;
}

function readCookie(line) {
  const [pair, ...attributes] = line.split(";").map((part) => part.trim());
  const at = pair.indexOf("=");
  const value = pair.slice(at + 1);
  const named = new Map(
    attributes.map((one) => [one.split("=")[0].toLowerCase(), one.split("=").slice(1).join("=")]),
  );
  return [
    pair.slice(0, at),
    {
      value,
      length: value.length,
      httpOnly: named.has("httponly"),
      secure: named.has("secure"),
      sameSite: named.get("samesite"),
      path: named.get("path"),
      maxAge: Number(named.get("max-age")),
    },
  ];
}

/** The pieces have to arrive over time, not all at the end. */
async function checkStream(answer, { pieces, minSpreadMs }) {
  const times = [];
  let text = "";
  for await (const chunk of answer.body) {
    times.push(Date.now());
    text += new TextDecoder().decode(chunk);
  }
  const events = text.split("\n\n").filter((one) => one.startsWith("data:")).length;
  const spread = times.at(-1) - times[0];
  const faults = [];
  if (events !== pieces) faults.push(`${events} events, expected ${pieces}`);
  if (!(spread >= minSpreadMs)) faults.push(`all came within ${spread} ms, expected at least ${minSpreadMs} ms`);
  return faults;
}
