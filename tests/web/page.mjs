// The page of kvmem serve in Chromium, and the endpoints by clients of others: node page.mjs PORT MODULES [FOLDER]. PORT
// is that of a server of the run in serve_page_test.cpp; MODULES is the folder of node_modules; screenshots go to FOLDER.
import fs from 'node:fs';
import http from 'node:http';
import {createRequire} from 'node:module';

const [port, modules, folder] = process.argv.slice(2);
const load = createRequire(modules + '/');
const {chromium} = load('playwright-core');
const host = `localhost:${port}`, question = 'what do people speak in Oldland1';
const axe = fs.readFileSync(load.resolve('axe-core/axe.min.js'), 'utf8');
let failures = 0;

function check(name, holds, seen = '') {
  if (holds) return;
  ++failures;
  console.log(`FAILED: ${name} ${typeof seen === 'string' ? seen : JSON.stringify(seen)}`);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--host-resolver-rules=MAP evil.example 127.0.0.1'],
});

// Runs a scenario on a page of its own; whatever the browser complains of is a failure.
async function scenario(name, options, act) {
  const context = await browser.newContext({viewport: {width: 1100, height: 800}, ...options});
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => { complaints.push('script ran: ' + dialog.message()); dialog.dismiss(); });
  page.on('request', (request) => {
    if (!request.url().startsWith(`http://${host}/`) && !/^(data|blob):/.test(request.url())) complaints.push('request: ' + request.url());
  });
  try {
    await page.goto(`http://${host}/`);
    await page.waitForSelector('#tabs button');
    await act(page);
    const session = await context.newCDPSession(page);  // past the page's policy
    const {result} = await session.send('Runtime.evaluate', {awaitPromise: true, returnByValue: true,
      expression: axe + ';axe.run().then((r) => r.violations.map((v) => v.id + ": " + v.nodes[0].html.slice(0, 100)))'});
    check(name + ': axe', result.value.length === 0, result.value);
    if (folder) await page.screenshot({path: `${folder}/${name}.png`, fullPage: true});
  } catch (error) {
    complaints.push(String(error).slice(0, 400));
  }
  check(name + ': complaints', complaints.length === 0, complaints);
  await context.close();
}

// Playwright's own waitForFunction would need eval, which the page's policy forbids.
async function until(page, holds, argument) {
  for (const end = Date.now() + 15000; Date.now() < end; await page.waitForTimeout(20))
    if (await page.evaluate(holds, argument)) return;
  throw new Error('waited for ' + holds);
}

async function ask(page, text = question) {
  await page.fill('#question', text);
  await page.press('#question', 'Enter');
  await until(page, (asked) => [...document.querySelectorAll('#answer > p')].some((p) => p.textContent === asked), text);
}

await scenario('light', {}, async (page) => {
  const began = Date.now();
  await ask(page);
  console.log(`first answer drawn in ${Date.now() - began} ms`);
  check('texts are shown as they are', (await page.textContent('#answer')).includes('<img src=x onerror=alert(1)>'));
  const said = await page.textContent('#answer .said');
  const names = await page.evaluate(() => [...document.querySelectorAll('#answer .row .name')].map((name) => name.textContent));
  const marked = names.filter((text) => text.includes('✓ '));
  check('some memories are marked, and some are not', marked.length > 0 && marked.length < names.length, names);
  check('memories with the answer alone are marked', marked.every((name) => said.split(', ').some((one) => name.includes(one))), marked);
  const slide = (value) => page.evaluate((to) => {
    const slider = document.querySelector('#answer .tools input');
    slider.value = to;
    slider.dispatchEvent(new Event('input'));
  }, value);
  await slide(50);
  check('the legend stays when the slider moves', (await page.textContent('#answer .tools')).includes('★'));
  await slide(100);
  await page.click('[aria-label^="Leave out: Oldland1 speaks → Oldese1"]');
  await page.waitForSelector('.chip.out');
  await until(page, () => document.querySelector('#answer').textContent.includes('change'));
  check('the memory is left out', !(await page.textContent('#answer .rows')).includes('Oldese1'));
  await page.click('.chip button');
  await until(page, () => document.querySelectorAll('.chip').length === 0);
  await page.click('#edit-box summary');
  await page.fill('#subject', 'Oldland1');
  await page.selectOption('#relation', 'speaks');
  await page.fill('#object', '<script>alert(4)</script>');
  await page.press('#object', 'Enter');
  await until(page, () => document.querySelector('#answer .rows').textContent.includes('alert(4)'));
});

await scenario('dark', {colorScheme: 'dark'}, async (page) => {
  await ask(page, '<img src=x onerror=alert(5)> "\'><svg onload=alert(6)> Oldland1');
  await ask(page);
  await page.click('#pin');
  await ask(page, 'what is the capital of Oldland2');
});

await scenario('narrow', {viewport: {width: 390, height: 800}, isMobile: true}, async (page) => {
  await ask(page);
  check('nothing is wider than 390 px', await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
});

await scenario('keyboard', {}, async (page) => {
  await page.focus('#question');
  await page.keyboard.type(question);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.scroll');
  let name = '';
  for (let i = 0; i < 40 && !name.startsWith('Leave out'); ++i) {
    await page.keyboard.press('Tab');
    name = await page.evaluate(() => document.activeElement.getAttribute('aria-label') || '');
  }
  await page.keyboard.press('Enter');
  await page.waitForSelector('.chip.out');
});

await scenario('many', {}, async (page) => {
  await page.click('#story-box summary');
  await page.evaluate(() => {  // typing it would take longer than reading it
    document.querySelector('#story').value = Array.from({length: 5000}, (unused, i) => `Oldland1 speaks\tOldese${i % 7}`).join('\n');
  });
  await page.fill('#slots', '5000');
  await ask(page);
  check('rows in sight alone are drawn', await page.evaluate(() => document.querySelectorAll('.rows .row').length) < 60);
  const longest = await page.evaluate(() => new Promise((done) => {
    const box = document.querySelector('.scroll');
    let last = performance.now(), most = 0, frames = 0;
    const frame = (now) => {
      most = Math.max(most, frames ? now - last : 0);
      last = now;
      box.scrollTop += 2000;
      if (++frames < 70) requestAnimationFrame(frame); else done(most);
    };
    requestAnimationFrame(frame);
  }));
  console.log(`longest frame of a scroll over 5,000 memories: ${longest.toFixed(0)} ms`);
});

await scenario('stores', {}, async (page) => {
  await page.click('#tabs button >> text=Stores');
  await page.fill('#query', '1');
  await page.press('#query', 'Enter');
  await page.waitForSelector('#found table');
});

await scenario('sentences', {}, async (page) => {
  await page.click('#tabs button >> text=Rank');
  await page.fill('#selected', 'What is water?');
  await page.fill('#candidates', 'The other is old.\n\n<img src=x onerror=alert(8)>\nIt is water.');
  await page.click('#rank-form button');
  await page.waitForSelector('#ranked table');
  check('each sentence is ranked', (await page.locator('#ranked tbody tr').count()) === 3 && (await page.textContent('#ranked')).includes('<img src=x onerror=alert(8)>'));
});

// Pages of other sites: by a name that leads here, and by an origin elsewhere.
const elsewhere = http.createServer((unused, reply) => reply.setHeader('Content-Type', 'text/html').end('<!doctype html><title>x</title>'));
await new Promise((done) => elsewhere.listen(0, '127.0.0.1', done));
const other = await (await browser.newContext()).newPage();
const rebound = await other.goto(`http://evil.example:${port}/`);
check('a rebound name is refused', rebound.status() === 421);
await other.goto(`http://127.0.0.1:${elsewhere.address().port}/`);
for (const type of ['application/json', 'text/plain']) {
  const read = await other.evaluate(async ([url, type]) => {
    try { return await (await fetch(url, {method: 'POST', body: '{"question":"a"}', headers: {'Content-Type': type}})).text(); } catch { return null; }
  }, [`http://${host}/v1/ask`, type]);
  check('a page elsewhere reads nothing by ' + type, read === null, read);
}
const framed = await other.evaluate((url) => new Promise((done) => {
  const frame = document.createElement('iframe');
  frame.onload = () => { try { done(frame.contentDocument ? 'blank' : 'closed'); } catch { done('closed'); } };
  frame.src = url;
  document.body.append(frame);
}), `http://${host}/`);
check('a frame elsewhere shows nothing', framed === 'closed' || framed === 'blank', framed);
await browser.close();
elsewhere.close();

// Replies against their schemas, and OpenAI's own client.
const Ajv = load('ajv/dist/2020').default;
const ajv = new Ajv({strict: false});
const get = async (path, body) => (await fetch(`http://${host}${path}`, body ? {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)} : {})).json();
const api = await get('/openapi.json');
const bodies = {'/v1/ask': {question}, '/v1/embeddings': {input: ['a', 'b']}, '/v1/stores/{store}/search': {queries: [[1, 0, 0, 0]]},
  '/v1/stores/{store}/read': {queries: [[1, 0, 0, 0]]}, '/v1/stores/{store}/get': {ids: [1]}, '/v1/rank': {question: 'a', candidates: ['b', 'c']}, '/healthz': null, '/readyz': null, '/v1/info': null};
for (const [path, body] of Object.entries(bodies)) {
  const schema = Object.values(api.paths[path])[0].responses['200'].content['application/json'].schema;
  const valid = ajv.compile(schema), reply = await get(path.replace('{store}', 'small'), body);
  check(path + ' fits its schema', valid(reply), valid.errors || reply);
}
const OpenAI = load('openai').default;
const client = new OpenAI({baseURL: `http://${host}/v1`, apiKey: 'none', maxRetries: 0});
const [left, right] = await Promise.all(['float', 'base64'].map((encoding_format) => client.embeddings.create({model: 'kvmem', input: [question], encoding_format})));
const packed = right.data[0].embedding;
const floats = typeof packed === 'string' ? [...new Float32Array(Uint8Array.from(atob(packed), (c) => c.charCodeAt(0)).buffer)] : packed;
check('embeddings as floats and as base64 are the same', left.data[0].embedding.every((x, i) => Math.fround(x) === floats[i]));

console.log(failures ? `${failures} failed` : 'all hold');
process.exit(failures ? 1 : 0);
