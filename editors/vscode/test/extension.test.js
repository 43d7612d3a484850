// The extension beside an editor that only notes what it is asked for.
"use strict";

const assert = require("node:assert/strict");
const Module = require("node:module");
const { beforeEach, test } = require("node:test");

const asked = { commands: {}, errors: [], clients: [] };
const values = {};
const settings = { get: (name) => values[name] };

class LanguageClient {
  constructor(id, name, server, options) {
    Object.assign(this, { id, name, server, options, state: "new" });
    asked.clients.push(this);
  }
  async start() {
    if (this.server.command === "missing") {
      throw new Error("spawn missing ENOENT");
    }
    this.state = "running";
  }
  needsStop() {
    return this.state === "running";
  }
  async stop() {
    this.state = "stopped";
  }
}

const editor = {
  workspace: {
    workspaceFolders: [{ uri: { fsPath: "/shop" } }],
    getConfiguration: () => settings,
    createFileSystemWatcher: (pattern) => ({ pattern }),
    onDidChangeConfiguration: (listener) => (asked.configured = listener),
  },
  window: { showErrorMessage: (text) => asked.errors.push(text) },
  commands: { registerCommand: (name, run) => (asked.commands[name] = run) },
};

const real = Module._load;
Module._load = (name, ...rest) =>
  name === "vscode" ? editor : name === "vscode-languageclient/node" ? { LanguageClient } : real(name, ...rest);

const extension = require("../extension.js");
const { contributes } = require("../package.json");

beforeEach(() => {
  asked.errors.length = asked.clients.length = 0;
  for (const [name, property] of Object.entries(contributes.configuration.properties)) {
    values[name.replace("grpcmock.", "")] = property.default;
  }
});

test("the server is started with what the settings say", () => {
  assert.deepEqual(extension.serverOptions(settings, "/shop"), {
    command: "grpcmock",
    args: ["lsp", "--stubs", "stubs", "--stdio"],
    options: { cwd: "/shop" },
  });
  Object.assign(values, {
    command: [".venv/bin/python", "-m", "grpcmock"],
    protos: ["api"],
    stubs: ["a.yaml", "b"],
    importPath: ["third_party"],
  });
  assert.deepEqual(extension.serverOptions(settings, "/shop"), {
    command: "/shop/.venv/bin/python",
    args: ["-m", "grpcmock", "lsp", "api", "--stubs", "a.yaml", "--stubs", "b", "--import-path", "third_party", "--stdio"],
    options: { cwd: "/shop" },
  });
});

test("only stubs are its documents", () => {
  values.stubs = ["stubs", "more/one.yaml"];
  const patterns = extension.documentSelector(settings, "/shop").map((one) => one.pattern);
  assert.deepEqual(patterns, ["/shop/stubs/**/*.{yaml,yml}", "/shop/more/one.yaml"]);
});

test("it starts, begins anew when it is asked to or configured, and stops", async () => {
  await extension.activate({ subscriptions: [] });
  await asked.commands["grpcmock.restart"]();
  await asked.configured({ affectsConfiguration: (name) => name === "grpcmock" });
  await asked.configured({ affectsConfiguration: () => false });
  await extension.deactivate();
  assert.deepEqual(asked.clients.map((one) => one.state), ["stopped", "stopped", "stopped"]);
  assert.deepEqual(asked.errors, []);
});

test("a server that isn't there is told with what to do", async () => {
  values.command = ["missing"];
  await extension.activate({ subscriptions: [] });
  await extension.deactivate();
  assert.match(asked.errors[0], /'missing lsp' can't be started: spawn missing ENOENT\. Is it installed/);
});
