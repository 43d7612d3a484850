// The admin service over HTTP. Everything that the page knows comes from here.

/** The server said no: its status, in words, and what it says of each place in what was sent. */
export class Refused extends Error {
  constructor(status, body) {
    const told = body.error ?? body;
    super(told.message || `The server answered with HTTP ${status}.`);
    this.status = status;
    this.code = told.code;
    this.isUnimplemented = status === 501 || told.code === 12;
    this.isMissing = status === 404;
  }
}

const chosen = { session: sessionStorage.getItem("session") ?? "" };

/** The session that all requests are about; empty for what is common. */
export function session() {
  return chosen.session;
}

export function chooseSession(name) {
  chosen.session = name;
  sessionStorage.setItem("session", name);
}

function query(params) {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== "" && value !== false);
  const text = new URLSearchParams(given).toString();
  return text ? `?${text}` : "";
}

async function ask(method, path, params = {}, body, signal) {
  const init = { method, headers: { accept: "application/json" }, signal };
  if (body !== undefined) {
    init.headers["content-type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  let answer;
  try {
    // With "./", since "v1:reset" alone would be a URL with a scheme of its own.
    answer = await fetch(`./${path}${query(params)}`, init);
  } catch {
    throw new Refused(0, { message: "The server can't be reached. Has it ended?" });
  }
  const text = await answer.text();
  let told = {};
  try {
    told = text ? JSON.parse(text) : {};
  } catch {
    told = { message: text.slice(0, 500) };
  }
  if (!answer.ok) throw new Refused(answer.status, told);
  return told;
}

const named = (kind, name) => `v1/${kind}/${encodeURIComponent(name)}`;
const mine = (rest = {}) => (chosen.session ? { session: chosen.session, ...rest } : rest);

export const api = {
  status: () => ask("GET", "v1/status"),
  notes: () => ask("GET", "v1/notes"),
  calls: (filter, signal) => ask("GET", "v1/calls", mine(filter), undefined, signal),
  call: (id) => ask("GET", `v1/calls/${id}`),
  clearCalls: () => ask("DELETE", "v1/calls", mine()),
  draft: (id) => ask("POST", `v1/calls/${id}:stub`, {}, {}),
  makeCall: (request) => ask("POST", "v1/calls", {}, mine(request)),
  stubs: (params) => ask("GET", "v1/stubs", mine(params)),
  stub: (name, session = chosen.session) => ask("GET", named("stubs", name), { session }),
  checkStubs: (stubs) => ask("POST", "v1/stubs:check", {}, mine({ stubs })),
  addStubs: (stubs) => ask("POST", "v1/stubs", {}, mine({ stubs, source: "page" })),
  replaceStub: (name, stub) => ask("PUT", named("stubs", name), {}, mine({ stub })),
  removeStub: (name) => ask("DELETE", named("stubs", name), mine()),
  disableStub: (name) => ask("POST", `${named("stubs", name)}:disable`, {}, mine()),
  enableStub: (name) => ask("POST", `${named("stubs", name)}:enable`, {}, mine()),
  services: () => ask("GET", "v1/services"),
  service: (name) => ask("GET", named("services", name)),
  states: () => ask("GET", "v1/states", mine()),
  setStates: (states) => ask("PUT", "v1/states", {}, mine({ states })),
  health: () => ask("GET", "v1/health"),
  setHealth: (request) => ask("PUT", "v1/health", {}, request),
  faults: () => ask("GET", "v1/faults", mine()),
  setFault: (name, fault) => ask("PUT", named("faults", name), mine(), fault),
  removeFault: (name) => ask("DELETE", named("faults", name), mine()),
  clock: () => ask("GET", "v1/clock"),
  setClock: (request) => ask("PUT", "v1/clock", {}, request),
  sessions: () => ask("GET", "v1/sessions"),
  endSession: (name) => ask("DELETE", named("sessions", name)),
  reset: (request) => ask("POST", "v1:reset", {}, mine(request)),
};

/** Watch calls, the `latest` of those that come at once; the browser connects again by itself. Gives what ends that. */
export function watchCalls(filter, { latest, onCall, onState }) {
  const source = new EventSource("v1/calls:watch" + query(mine({ ...filter, latest, brief: true, under_way: true })));
  source.onopen = () => onState("live");
  source.onmessage = (event) => onCall(event.data);
  source.onerror = () => onState(source.readyState === EventSource.CLOSED ? "ended" : "lost");
  return () => source.close();
}

/** Get all of a list that comes in pages. */
export async function allStubs(params) {
  const stubs = [];
  let token = "";
  do {
    const page = await api.stubs({ ...params, page_token: token });
    stubs.push(...(page.stubs ?? []));
    token = page.nextPageToken;
  } while (token && stubs.length < 20_000);
  return stubs;
}
