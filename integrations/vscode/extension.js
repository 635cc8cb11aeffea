// Starts `statewright lsp` and hands it what is open; all else is the language server's.
"use strict";

const { commands, window, workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

async function start() {
  const command = workspace.getConfiguration("statewright").get("path", "statewright");
  const server = { command, args: ["lsp"], transport: TransportKind.stdio };
  // Manifests of anyone are judged too, so it is all of YAML that lies in files.
  const options = { documentSelector: [{ scheme: "file", language: "yaml" }] };
  client = new LanguageClient("statewright", "Statewright", server, options);
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    window.showErrorMessage(
      `Statewright cannot be started as "${command}" (${error.message}). Install it, or name it in the setting "statewright.path".`,
    );
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
}

async function activate(context) {
  const restart = async () => {
    await stop();
    await start();
  };
  context.subscriptions.push(
    commands.registerCommand("statewright.restart", restart),
    workspace.onDidChangeConfiguration((change) => change.affectsConfiguration("statewright") && restart()),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
