// Starts `grpcmock lsp` for the stub files of a workspace. All that it knows of stubs is in that server.
"use strict";

const path = require("node:path");
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

/** The command line of the language server, from the settings. */
function serverOptions(settings, root) {
  const [command, ...words] = settings.get("command");
  const args = [
    ...words,
    "lsp",
    ...settings.get("protos"),
    ...settings.get("stubs").flatMap((one) => ["--stubs", one]),
    ...settings.get("importPath").flatMap((one) => ["--import-path", one]),
    "--stdio",
  ];
  // A path is meant from the workspace; a name is looked up as a shell does.
  const program = root && /[\\/]/.test(command) ? path.resolve(root, command) : command;
  return { command: program, args, options: { cwd: root } };
}

/** Which documents are stubs: YAML below one of the paths that the settings name. */
function documentSelector(settings, root) {
  return settings.get("stubs").map((one) => {
    const whole = root ? path.posix.join(root.replaceAll("\\", "/"), one) : one;
    const pattern = /\.ya?ml$/.test(one) ? whole : `${whole}/**/*.{yaml,yml}`;
    return { scheme: "file", language: "yaml", pattern };
  });
}

async function start() {
  const folder = vscode.workspace.workspaceFolders?.[0];
  const root = folder?.uri.fsPath;
  const settings = vscode.workspace.getConfiguration("grpcmock", folder?.uri);
  client = new LanguageClient("grpcmock", "grpcmock", serverOptions(settings, root), {
    documentSelector: documentSelector(settings, root),
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.{proto,yaml,yml}") },
    workspaceFolder: folder,
  });
  try {
    await client.start();
  } catch (error) {
    const command = settings.get("command").join(" ");
    vscode.window.showErrorMessage(
      `grpcmock: '${command} lsp' can't be started: ${error.message}. Is it installed, with its extra lsp? ` +
        "The setting grpcmock.command says how it is started.",
    );
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running?.needsStop()) {
    await running.stop();
  }
}

async function restart() {
  await stop();
  await start();
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("grpcmock.restart", restart),
    vscode.workspace.onDidChangeConfiguration((event) => event.affectsConfiguration("grpcmock") && restart()),
  );
  await start();
}

module.exports = { activate, deactivate: stop, serverOptions, documentSelector };
