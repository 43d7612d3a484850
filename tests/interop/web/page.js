// A page that calls a mock with the clients that browsers have, and tells whoever served it what came.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import grpcWeb from "grpc-web";
import { GetUserRequestSchema, ListUsersRequestSchema, UserResponseSchema, UserService } from "./gen/user_pb.js";

const baseUrl = new URLSearchParams(location.search).get("mock");
const PATH = "/user.UserService";

async function failure(call) {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
}

async function byConnect(transport) {
  const client = createClient(UserService, transport);
  let headers;
  let trailers;
  const options = { onHeader: (h) => (headers = h), onTrailer: (t) => (trailers = t), headers: { "x-key": "v" } };
  const user = await client.getUser({ id: 1 }, options);
  const names = [];
  for await (const one of client.listUsers({ page: 1 })) names.push(one.name);
  const miss = await failure(client.getUser({ id: 999 }));
  const late = await failure(client.getUser({ id: 4 }, { timeoutMs: 200 }));
  const ends = new AbortController();
  let ticks = 0;
  try {
    for await (const _ of client.listUsers({ page: 9 }, { signal: ends.signal })) if (++ticks === 3) ends.abort();
  } catch {
    // what was aborted ends so
  }
  return {
    user: user.name,
    names,
    header: headers.get("x-said"),
    trailer: trailers.get("x-last"),
    miss: Code[miss.code],
    said: miss.rawMessage.split("\n")[0],
    late: Code[late.code],
    ticks,
  };
}

function byGrpcWeb(format) {
  const client = new grpcWeb.GrpcWebClientBase({ format });
  const method = (name, kind, schema) =>
    new grpcWeb.MethodDescriptor(
      `${PATH}/${name}`,
      kind,
      Object,
      Object,
      (request) => toBinary(schema, request),
      (bytes) => fromBinary(UserResponseSchema, new Uint8Array(bytes)),
    );
  const get = method("GetUser", "unary", GetUserRequestSchema);
  const list = method("ListUsers", "server_streaming", ListUsersRequestSchema);
  const call = (id) =>
    new Promise((done) => {
      const request = create(GetUserRequestSchema, { id });
      client.rpcCall(`${baseUrl}${PATH}/GetUser`, request, {}, get, (error, response) => done(error ?? response));
    });
  const stream = () =>
    new Promise((done) => {
      const names = [];
      const request = create(ListUsersRequestSchema, { page: 1 });
      const responses = client.serverStreaming(`${baseUrl}${PATH}/ListUsers`, request, {}, list);
      responses.on("data", (message) => names.push(message.name));
      responses.on("error", (error) => done(String(error)));
      responses.on("end", () => done(names));
    });
  return Promise.all([call(1), call(999), format === "text" ? stream() : []]).then(([user, miss, names]) => ({
    user: user.name,
    miss: miss.code,
    names,
  }));
}

async function byFetch() {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${baseUrl}${PATH}/GetUser`, { method: "POST", headers, body: '{"id": 1}' });
  return { user: (await answer.json()).name, trailer: answer.headers.get("trailer-x-last") };
}

async function all() {
  return {
    "connect json": await byConnect(createConnectTransport({ baseUrl })),
    "connect proto": await byConnect(createConnectTransport({ baseUrl, useBinaryFormat: true })),
    "connect-web grpc-web proto": await byConnect(createGrpcWebTransport({ baseUrl })),
    "connect-web grpc-web json": await byConnect(createGrpcWebTransport({ baseUrl, useBinaryFormat: false })),
    "grpc-web text": await byGrpcWeb("text"),
    "grpc-web binary": await byGrpcWeb("binary"),
    fetch: await byFetch(),
  };
}

all()
  .catch((error) => ({ error: `${error} ${error.stack}` }))
  .then((told) => fetch("/told", { method: "POST", body: JSON.stringify(told) }));
