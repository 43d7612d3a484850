// A test in Node that starts the mock in a container: needs a Docker daemon and the image grpcmock.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { GenericContainer, Wait } from "testcontainers";

const root = new URL("../../../", import.meta.url).pathname;
let mock;
let users;

before(async () => {
  mock = await new GenericContainer("grpcmock")
    .withExposedPorts(50051)
    .withCopyDirectoriesToContainer([
      { source: `${root}protos`, target: "/work/protos" },
      { source: `${root}stubs`, target: "/work/stubs" },
    ])
    .withWaitStrategy(Wait.forLogMessage(/Serving /))
    .start();
  const { user } = /** @type {any} */ (loadPackageDefinition(loadSync(`${root}protos/user.proto`)));
  users = new user.UserService(`${mock.getHost()}:${mock.getMappedPort(50051)}`, credentials.createInsecure());
});

after(() => mock?.stop());

test("a stub answers", (_, done) => {
  users.GetUser({ id: 1 }, (error, answer) => {
    assert.ifError(error);
    assert.equal(answer.name, "Alice");
    done();
  });
});
