// The page in a real browser: node page.mjs PROGRAM serve … starts the server and does what people do, with
// playwright-core and axe-core beside the working folder. $CHROMIUM is the browser, $PICTURES a folder for pictures.
// `cargo xtask page` calls it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";

const USER = "user-001";
const OTHER = "user-002";
const ITEM = "alien-1979";
const require = createRequire(path.join(process.cwd(), "package.json"));
const { chromium } = require("playwright-core");
const [program, ...args] = process.argv.slice(2);

const server = spawn(program, args, { stdio: ["ignore", "inherit", "pipe"] });
process.on("exit", () => server.kill());
const base = await new Promise((found, failed) => {
  const said = [];
  readline.createInterface({ input: server.stderr }).on("line", (line) => {
    if (said.length < 20) said.push(line);
    if (line.startsWith("{") && JSON.parse(line).event === "listening") found(`${JSON.parse(line).message}/`);
  });
  server.on("exit", (code) => failed(new Error(`the server ended with ${code}: ${said.join("\n")}`)));
});

const launch = { executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] };
const browser = await chromium.launch(launch);
const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
const problems = [];
page.on("console", (message) => {
  // A rule that is wrong on purpose is answered with 400, an item that is not there with 404.
  if (message.type() === "error" && !/status of 40[04]/.test(message.text())) problems.push(message.text());
});
page.on("pageerror", (error) => problems.push(String(error)));
page.on("dialog", (dialog) => {
  problems.push(`a dialog: ${dialog.message()}`);
  dialog.dismiss();
});
page.on("request", (request) => {
  if (!request.url().startsWith(base) && !request.url().startsWith("data:")) problems.push(`asked ${request.url()}`);
});
const picture = async (name) => {
  if (process.env.PICTURES) await page.screenshot({ path: path.join(process.env.PICTURES, `${name}.png`) });
};
const columns = page.locator("#columns > div");
const list = page.locator("#list");
const titles = (column = list) => column.locator(".entry > button").allInnerTexts();
const until = async (holds, what) => {
  for (let waited = 0; waited < 400; waited++) {
    if (await holds()) return;
    await page.waitForTimeout(50);
  }
  await picture("failed");
  assert.fail(`${what} did not happen`);
};
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const has = async (locator, words) => (await locator.allInnerTexts()).join("\n").includes(words);

// What axe takes for serious: nobody may be kept out.
async function noFaults(where) {
  await page.evaluate(fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  const { violations } = await page.evaluate(() => window.axe.run());
  const serious = violations.filter((fault) => ["serious", "critical"].includes(fault.impact));
  assert.deepEqual(serious.map((fault) => [fault.id, fault.nodes[0].html]), [], where);
}

const steps = {
  // By keyboard alone.
  async search() {
    await page.goto(base);
    await page.focus("#search");
    await page.keyboard.type(USER);
    const first = page.locator("#suggestions li").first();
    await until(() => has(first, USER), "finding the user");
    assert.equal(await page.getAttribute("#search", "aria-expanded"), "true");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#list .entry");
  },

  // With reasons as sentences, and as a picture.
  async list() {
    assert.equal((await titles()).length, 10);
    const reasons = await list.locator(".entry p").allInnerTexts();
    assert.ok(reasons.length === 10 && reasons.every((reason) => reason.startsWith(`${USER} chose `)), reasons[0]);
    assert.equal(await page.locator(".bars").count(), 10);
    assert.ok((await page.locator("#graph g.node").count()) > 5);
    const cut = await page.evaluate(() => {
      const end = document.querySelector("#graph").getBoundingClientRect().right;
      const words = [...document.querySelectorAll("#graph g.node text")];
      return words.filter((one) => one.getBoundingClientRect().right > end).map((one) => one.textContent);
    });
    assert.deepEqual(cut, [], "words that are cut off");
    assert.match(page.url(), new RegExp(`node=user%3A${USER}`));
    await picture("list");
    await noFaults("a list");
  },

  // A node by mouse and by keyboard; an edge says where its fact stands.
  async unfold() {
    await list.locator(".entry > button").nth(1).click();
    const before = await page.locator("#graph g.node").count();
    await page.locator("#graph g.node.item circle").first().click();
    await page.waitForSelector("#detail h3");
    assert.ok((await page.locator("#graph g.node").count()) > before);
    await picture("unfolded");
    await noFaults("a node that is unfolded");
    await page.locator("#graph g.node.entity").first().focus();
    const unfolded = await page.locator("#detail h3").innerText();
    await page.keyboard.press("Enter");
    await until(async () => (await page.locator("#detail h3").innerText()) !== unfolded, "unfolding by keyboard");
    await page.locator("#graph g.edge").first().focus();
    await page.keyboard.press("Enter");
    await until(async () => /\.tsv, line \d+/.test(await page.locator("#detail").innerText()), "a file and its line");
  },

  // The first of the list has place 1, with its paths; what the user has chosen is not recommended again.
  async why() {
    await list.locator(".entry > button").first().click();
    await page.locator("#why-form button").click();
    await until(() => has(page.locator(".verdict"), "it has place 1."), "why this");
    assert.ok((await page.locator("#why-answer li").count()) > 0);
    await noFaults("an explanation");
  },

  async "why not"() {
    await page.fill("#why", "no-such-film");
    await page.locator("#why-form button").click();
    await until(() => has(page.locator("#why-answer"), "no-such-film"), "an item that is not there");
    await page.fill("#why", "the-good-the-bad-and-the-ugly-1966");
    await page.locator("#why-form button").click();
    await until(() => has(page.locator(".verdict"), "has chosen or seen it"), "why not what was chosen");
    const [first] = await titles();
    await list.locator(".entry > button").first().click();
    const id = await page.inputValue("#why");
    await page.fill("#rules", `not item:${id}`);
    await until(async () => (await titles())[0] !== undefined && !(await titles())[0].endsWith(first.slice(3)), "a rule");
    await page.fill("#why", id);
    await page.locator("#why-form button").click();
    await until(() => has(page.locator(".verdict"), `not item:${id} leaves it out; without, it has place 1`), "why not");
    await page.fill("#rules", "");
  },

  // As they are written, and wrong ones; by name as well.
  async rules() {
    await page.goto(`${base}?node=user:${USER}`);
    await page.waitForSelector("#list .entry");
    const full = await titles();
    await page.fill("#hide", "type:person");
    await until(async () => (await titles()).length && !same(await titles(), full), "another list under a rule");
    await page.fill("#hide", "tipe:person");
    await until(() => has(page.locator("#rules-error"), "tipe"), "an error with its place");
    await page.fill("#hide", "");
    await until(async () => same(await titles(), full), "the full list");
    await page.selectOption("#set", "recent");
    await until(async () => (await titles()).length && !same(await titles(), full), "the list of a rule set");
    assert.ok((await titles()).every((title) => /\(200\d\)$/.test(title)), (await titles()).join());
  },

  // What is shown stands in the address, and going back shows what was there before.
  async address() {
    await page.fill("#rules", "popularity > 20");
    await until(() => page.url().includes("rules=popularity"), "the rule in the address");
    await until(async () => (await titles()).length > 0, "a list");
    const [ruled, address] = [await titles(), page.url()];
    await page.goto(address);
    await until(async () => same(await titles(), ruled), "the same by its address");
    await page.goto(`${base}?node=user:${OTHER}`);
    await until(async () => (await titles()).length && !same(await titles(), ruled), "another list");
    await page.goBack();
    await until(async () => same(await titles(), ruled), "the list before");
  },

  async "who is not known"() {
    await page.goto(base);
    await page.fill("#search", "somebody-new");
    await page.keyboard.press("Enter");
    await until(() => has(list, "Nothing is known of somebody-new"), "a list for everybody");
    assert.equal((await titles()).length, 10);
  },

  // A label that is markup is text.
  async markup() {
    await page.fill("#search", "markup");
    await until(() => has(page.locator("#suggestions li").first(), "<img"), "finding markup");
    await page.keyboard.press("Enter");
    await until(() => has(page.locator("#detail h3"), "<img"), "a label that is markup");
    await picture("markup");
    assert.equal(await page.locator("#detail img, #list img, #graph image, #suggestions img").count(), 0);
  },

  async "two users"() {
    await page.goto(`${base}?node=user:${USER}&other=${OTHER}`);
    await until(async () => (await columns.count()) === 2, "two lists");
    assert.equal((await titles(columns.nth(1))).length, 10);
    assert.ok(await has(columns.nth(1), `For ${OTHER}`));
  },

  // Each entry of the second says what place it has in the first.
  async "two models"() {
    await page.goto(`${base}?node=user:${USER}`);
    await page.waitForSelector("#list .entry");
    await page.selectOption("#models", "both");
    await until(async () => (await columns.count()) === 2, "two lists");
    const [main, beside] = [await titles(), await titles(columns.nth(1))];
    assert.ok(main.length === 10 && beside.length === 10 && !same(main, beside), "two models, two lists");
    const name = (title) => title.replace(/^\d+\. /, "");
    const expected = beside.map((title) => {
      const place = main.findIndex((other) => name(other) === name(title)) + 1;
      return place ? `place ${place} in the first list` : "not in the first list";
    });
    assert.deepEqual(await columns.nth(1).locator(".place").allInnerTexts(), expected);
    await page.fill("#why", ITEM);
    await page.locator("#why-form button").click();
    await until(async () => (await page.locator(".verdict").count()) === 2, "what both models say");
    await picture("models");
    await noFaults("two models");
    await page.selectOption("#models", "beside");
    await until(async () => (await columns.count()) === 1 && same(await titles(), beside), "the model beside alone");
    assert.match(page.url(), /models=beside/);
  },

  async dark() {
    await page.goto(`${base}?node=user:${USER}&other=${OTHER}`);
    await until(async () => (await columns.count()) === 2, "two lists");
    await page.click("#theme");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    await picture("dark");
    await noFaults("dark");
  },

  async narrow() {
    await page.setViewportSize({ width: 390, height: 840 });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 390, `${width} wide`);
    await picture("phone");
    await noFaults("a phone");
  },
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  assert.deepEqual(problems, [], name);
  console.log(`${name}: ok`);
}
await browser.close();
server.removeAllListeners("exit").kill();
