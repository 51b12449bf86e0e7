// A browser without a window, spoken to through a pipe in Chromium's own protocol: no package, no port.
import { spawn } from "node:child_process";

const PATIENCE_MS = 30_000;

export class Browser {
  #waiting = new Map();
  #heard = "";
  #last = 0;
  /** Every request of the page and its workers: address and what became of it. */
  requests = new Map();
  /** What the console, the page's script and the browser itself complained about. */
  complaints = [];

  static async open(program, profile) {
    const browser = new Browser();
    const child = spawn(
      program,
      [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1500,900",
        "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        // Whatever is asked for elsewhere is not found: a page that needed it would show.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        `--user-data-dir=${profile}`, "--remote-debugging-pipe", "about:blank",
      ],
      { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
    );
    browser.child = child;
    child.stdio[4].setEncoding("utf8").on("data", (text) => browser.#hear(text));
    const { targetId } = await browser.#send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await browser.#send("Target.attachToTarget", { targetId, flatten: true });
    browser.page = sessionId;
    await browser.#listen(sessionId);
    return browser;
  }

  async #listen(session) {
    for (const part of ["Runtime", "Log", "Network"]) await this.#send(`${part}.enable`, {}, session).catch(() => {});
    await this.#send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: true, flatten: true }, session);
    await this.#send("Runtime.runIfWaitingForDebugger", {}, session);
  }

  #send(method, params = {}, sessionId) {
    const id = ++this.#last;
    this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((done, failed) => this.#waiting.set(id, { done, failed, method }));
  }

  #hear(text) {
    const messages = (this.#heard + text).split("\0");
    this.#heard = messages.pop();
    for (const message of messages) this.#take(JSON.parse(message));
  }

  #take({ id, result, error, method, params, sessionId }) {
    if (id) {
      const { done, failed, method: asked } = this.#waiting.get(id);
      this.#waiting.delete(id);
      return error ? failed(new Error(`${asked}: ${error.message}`)) : done(result);
    }
    switch (method) {
      case "Target.attachedToTarget":
        // A worker: it could ask for something as well.
        if (sessionId) this.#listen(params.sessionId).catch(() => {});
        break;
      case "Network.requestWillBeSent":
        this.requests.set(`${params.requestId} ${params.request.url}`, params.request);
        break;
      case "Runtime.consoleAPICalled":
        if (["error", "warning", "assert"].includes(params.type)) {
          this.complaints.push(`console.${params.type}: ${params.args.map((arg) => arg.value ?? arg.description).join(" ")}`);
        }
        break;
      case "Runtime.exceptionThrown":
        this.complaints.push(`exception: ${params.exceptionDetails.exception?.description ?? params.exceptionDetails.text}`);
        break;
      case "Log.entryAdded":
        if (["error", "warning"].includes(params.entry.level)) {
          this.complaints.push(`${params.entry.source}: ${params.entry.text} ${params.entry.url ?? ""}`);
        }
        break;
    }
  }

  go(url) {
    return this.#send("Page.navigate", { url }, this.page);
  }

  /** The value of an expression in the page. */
  async value(expression) {
    const asked = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.#send("Runtime.evaluate", asked, this.page);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until an expression holds; gives its value. */
  async until(expression, what) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const value = await this.value(expression).catch(() => undefined);
      if (value) return value;
      if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  async close() {
    await Promise.race([this.#send("Browser.close").catch(() => {}), new Promise((done) => setTimeout(done, 3000))]);
    this.child.kill("SIGKILL");
  }
}
