// The page in a real browser: node page.mjs URL USER ITEM, with playwright-core and axe-core beside the working folder,
// and chromium at $CHROMIUM or /usr/bin/chromium. $SCREENSHOTS is a folder for pictures, $PAGE one of files to try
// instead of those of the server.
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json"));
const { chromium } = require("playwright-core");
const [base, user, item] = process.argv.slice(2);
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
const problems = [];
page.on("console", (message) => {
  // A rule that is wrong on purpose is answered with 400.
  if (message.type() === "error" && !message.text().includes("400")) problems.push(message.text());
});
page.on("pageerror", (error) => problems.push(String(error)));
page.on("dialog", (dialog) => {
  problems.push(`a dialog: ${dialog.message()}`);
  dialog.dismiss();
});
page.on("request", (request) => {
  if (!request.url().startsWith(base) && !request.url().startsWith("data:")) problems.push(`asked ${request.url()}`);
});
if (process.env.PAGE) {
  await page.route("**/page/*", (route) => {
    route.fulfill({ path: path.join(process.env.PAGE, path.basename(route.request().url())) });
  });
}
const picture = async (name) => {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}.png`) });
};
const titles = () => page.locator("#list .entry > button").allInnerTexts();
const until = async (holds, what) => {
  for (let waited = 0; waited < 200; waited++) {
    if (await holds()) return;
    await page.waitForTimeout(50);
  }
  assert.fail(`${what} did not happen`);
};

async function faults() {
  await page.evaluate(fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => [v.id, v.nodes[0].html]);
}

// Search, by keyboard alone.
await page.goto(base);
await page.focus("#search");
await page.keyboard.type(user);
const first = page.locator("#suggestions li").first();
await until(async () => (await first.count()) && (await first.innerText()).includes(user), "finding the user");
assert.equal(await page.getAttribute("#search", "aria-expanded"), "true");
await page.keyboard.press("ArrowDown");
await page.keyboard.press("Enter");
await page.waitForSelector("#list .entry");

// A list with reasons, and the same as a picture.
const full = await titles();
assert.equal(full.length, 10);
assert.match(await page.locator("#list .entry p").first().innerText(), /chose/);
assert.ok((await page.locator("#graph g.node").count()) > 5);
assert.ok((await page.locator(".bars").count()) === 10);
assert.match(page.url(), new RegExp(`node=user%3A${user}`));
await picture("list");
assert.deepEqual(await faults(), []);

// An entry shows its path; a node unfolds, by mouse and by keyboard; an edge says where its fact stands.
await page.locator("#list .entry > button").nth(1).click();
const before = await page.locator("#graph g.node").count();
await page.locator("#graph g.node.item circle").first().click();
await page.waitForSelector("#detail h3");
assert.ok((await page.locator("#graph g.node").count()) > before);
await picture("unfolded");
await page.locator("#graph g.node.entity").first().focus();
const unfolded = await page.locator("#detail h3").innerText();
await page.keyboard.press("Enter");
await until(async () => (await page.locator("#detail h3").innerText()) !== unfolded, "unfolding by keyboard");
await page.locator("#graph g.edge").first().focus();
await page.keyboard.press("Enter");
await until(async () => /\.tsv, line \d+/.test(await page.locator("#detail").innerText()), "a file and its line");

// Why, and why not.
await page.fill("#why", item);
await page.locator("#why-form button").click();
await page.waitForSelector(".verdict");
assert.match(await page.locator(".verdict").innerText(), /place|chosen|leaves|no path/);

// A rule as it is written, and a wrong one.
const id = new URL(page.url()).searchParams.get("node");
assert.equal(id, `user:${user}`);
await page.fill("#hide", "type:person");
await until(async () => JSON.stringify(await titles()) !== JSON.stringify(full), "another list under a rule");
await page.fill("#hide", "tipe:person");
await until(async () => (await page.locator("#rules-error").innerText()).includes("tipe"), "an error with a place");
await page.fill("#hide", "");
await until(async () => JSON.stringify(await titles()) === JSON.stringify(full), "the full list");

// What is shown stands in the address.
await page.fill("#rules", "popularity > 20");
await until(async () => page.url().includes("rules=popularity"), "the rule in the address");
await until(async () => (await titles()).length === 10, "a list");
const ruled = await titles();
await page.goto(page.url());
await until(async () => JSON.stringify(await titles()) === JSON.stringify(ruled), "the same by its address");

// Markup in a label is text.
await page.fill("#search", "markup");
await until(async () => (await first.count()) && (await first.innerText()).includes("<img"), "finding markup");
await page.keyboard.press("Enter");
await page.waitForSelector("#detail h3");
assert.match(await page.locator("#detail h3").innerText(), /<img/);
assert.equal(await page.locator("#detail img, #list img, #graph image").count(), 0);

// Dark, and narrow.
await page.goto(`${base}?node=user:${user}&other=${user}`);
await until(async () => (await page.locator("#other-list .entry").count()) === 10, "two lists");
await page.click("#theme");
assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
await picture("dark");
assert.deepEqual(await faults(), []);
await page.setViewportSize({ width: 390, height: 840 });
const width = await page.evaluate(() => document.documentElement.scrollWidth);
assert.ok(width <= 390, `${width} wide`);
await picture("phone");
assert.deepEqual(problems, []);
await browser.close();
