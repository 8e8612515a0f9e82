// The page of kvmem serve. Texts of others are set by textContent alone; nothing is loaded from elsewhere.
'use strict';

const $ = (id) => document.getElementById(id);
const percent = (x) => (100 * x).toFixed(x < 0.0995 ? 1 : 0) + ' %';

// An element with properties and children; texts become text nodes.
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith('aria-') || key === 'role' || key === 'scope' || key === 'colspan') element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function tell(text, bad = false) {
  $('status').textContent = text;
  $('status').classList.toggle('bad', bad);
}

// --- The server ---

let token = '';

async function call(path, body) {
  const headers = {'Content-Type': 'application/json'};
  if (token) headers.Authorization = 'Bearer ' + token;
  const reply = await fetch(path, body === undefined ? {headers} : {method: 'POST', headers, body: JSON.stringify(body)});
  const text = await reply.text();
  let json = {};
  try { json = JSON.parse(text); } catch { /* no JSON: the status tells */ }
  if (reply.status === 401) $('token-form').hidden = false;
  if (!reply.ok) throw new Error(json.detail || 'the server said ' + reply.status);
  return {json, text};
}

// Runs an action of a form; its error is told.
function on(form, action) {
  $(form).addEventListener('submit', async (event) => {
    event.preventDefault();
    tell('');
    try { await action(); } catch (error) { tell(error.message, true); }
  });
}

const number = (id) => Number($(id).value);

function download(name, type, text) {
  const link = make('a', {href: URL.createObjectURL(new Blob([text], {type})), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// --- Charts ---

// The background of a weight. Text can be read on the darkest, too.
function shade(element, weight) {
  element.style.background = `rgba(var(--hue), ${(Math.min(1, Math.max(0, weight)) * 0.55).toFixed(3)})`;
  return element;
}

function bar(share) {
  const element = make('span', {className: 'bar'});
  element.style.width = (100 * Math.min(1, Math.max(0, share))).toFixed(1) + '%';
  return make('td', {className: 'wide', 'aria-hidden': 'true'}, element);
}

const numeric = new Set(['weight', 'change', 'score', 'slot', 'line']);

function table(caption, heads, rows) {
  const head = make('tr', {}, ...heads.map((text) => text ? make('th', {scope: 'col', className: numeric.has(text) ? 'n' : ''}, text) : make('td')));
  return make('table', {}, make('caption', {className: 'soft'}, caption), make('thead', {}, head), make('tbody', {}, ...rows));
}

// Rows of weights, of which only those in sight are in the document.
function heatMap(title, columns, rows, leaveOut) {
  const height = 28;
  let shown = rows;
  const head = make('div', {className: 'row head', role: 'row'}, make('span', {className: 'name', role: 'columnheader'}, 'memory'),
    ...columns.map((name) => make('span', {className: 'cell', role: 'columnheader', title: name}, name)));
  const body = make('div', {className: 'rows', role: 'rowgroup'});
  const box = make('div', {className: 'scroll', tabIndex: 0, role: 'table', 'aria-label': title}, make('div', {role: 'rowgroup'}, head), body);
  head.style.position = 'sticky';
  const rowOf = (index) => {
    const row = shown[index];
    const cells = row.weights.map((weight, i) =>
      shade(make('span', {className: 'cell', role: 'cell', title: `${columns[i]}: ${weight.toPrecision(4)}`}, weight >= 0.005 ? (100 * weight).toFixed(0) : '·'), weight));
    const out = leaveOut && make('button', {type: 'button', title: 'Leave this memory out, and ask again', 'aria-label': 'Leave out: ' + row.name}, '✕');
    if (out) out.addEventListener('click', () => leaveOut(row));
    const element = make('div', {className: 'row' + (row.most ? ' most' : ''), role: 'row', 'aria-rowindex': index + 2},
      make('span', {className: 'name', role: 'rowheader', title: row.name}, (row.most ? '★ ' : '') + (row.supports ? '✓ ' : '') + row.name), ...cells, out && make('span', {role: 'cell'}, out));
    element.style.top = index * height + 'px';
    return element;
  };
  let first = -1, last = -1;
  const draw = () => {
    const from = Math.max(0, Math.floor(box.scrollTop / height) - 4);
    const to = Math.min(shown.length, from + Math.ceil((box.clientHeight || 480) / height) + 9);
    if (from === first && to === last) return;
    first = from;
    last = to;
    const all = [];
    for (let i = from; i < to; ++i) all.push(rowOf(i));
    body.replaceChildren(...all);
  };
  const show = (count) => {
    shown = rows.slice(0, count);
    body.style.height = shown.length * height + 'px';
    body.style.minWidth = 200 + columns.length * 48 + 'px';
    box.setAttribute('aria-rowcount', shown.length + 1);
    first = last = -1;
    draw();
  };
  box.addEventListener('scroll', draw, {passive: true});
  const told = make('span', {className: 'soft'});
  const slider = make('input', {type: 'range', min: 1, max: 100, value: 100});
  const total = rows.reduce((sum, row) => sum + row.mass, 0) || 1;
  slider.addEventListener('input', () => {
    let sum = 0, count = 0;
    while (count < rows.length && sum < total * slider.value / 100 - 1e-9) sum += rows[count++].mass;
    show(Math.max(1, count));
    told.textContent = `${shown.length} of ${rows.length} memories hold ${slider.value} % of what was read`;
  });
  show(rows.length);
  told.textContent = `${rows.length} memories, those that were read most first`;
  requestAnimationFrame(draw);
  return make('div', {}, make('h3', {}, title), make('div', {className: 'tools'}, make('label', {}, 'Share of the mass ', slider), told,
    make('span', {className: 'soft'}, '★: most of a hop or head, ✓: with the answer')), box);
}

// A picture for export: bars, paths and the first rows of the heat map.
function svgOf(reply) {
  const space = 'http://www.w3.org/2000/svg';
  const root = document.createElementNS(space, 'svg');
  const add = (name, attributes, text) => {
    const element = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    root.append(element);
  };
  let y = 24;
  add('text', {x: 8, y, 'font-size': 15}, reply.question);
  for (const one of reply.candidates) {
    y += 22;
    add('rect', {x: 260, y: y - 11, width: (300 * one.weight).toFixed(1), height: 12, fill: '#155ebd'});
    add('text', {x: 8, y, 'font-size': 13}, one.text);
    add('text', {x: 570, y, 'font-size': 13}, percent(one.weight));
  }
  for (const path of reply.paths || []) {
    y += 22;
    add('text', {x: 8, y, 'font-size': 13}, pathText(path));
  }
  const map = weightsOf(reply);
  y += 16;
  const maxRows = 2000, more = map.rows.length - maxRows;
  for (const row of map.rows.slice(0, maxRows)) {
    y += 18;
    add('text', {x: 8, y, 'font-size': 12}, row.name);
    row.weights.forEach((weight, i) => add('rect', {x: 400 + 22 * i, y: y - 12, width: 20, height: 15, fill: '#155ebd', 'fill-opacity': weight.toFixed(3)}));
  }
  if (more > 0) {
    y += 18;
    add('text', {x: 8, y, 'font-size': 12}, `${more} more memories, which were read less, are left out`);
  }
  root.setAttribute('xmlns', space);
  root.setAttribute('width', Math.max(640, 420 + 22 * map.columns.length));
  root.setAttribute('height', y + 16);
  root.setAttribute('font-family', 'sans-serif');
  return new XMLSerializer().serializeToString(root);
}

// --- Questions ---

const memory = {added: [], without: []};  // facts, "subject|relation|object"
let info = {}, last = null, earlier = [], place = -1;

// Rows and columns of what each hop and head read.
function weightsOf(reply) {
  const columns = [], rows = new Map();
  for (const [h, hop] of reply.hops.entries()) {
    const heads = hop.length && Array.isArray(hop[0]) ? hop : [hop];
    heads.forEach((head, i) => {
      const column = columns.push(heads.length > 1 ? `${h + 1}.${i + 1}` : `hop ${h + 1}`) - 1;
      for (const slot of head) {
        if (!rows.has(slot.slot)) rows.set(slot.slot, {slot: slot.slot, key: slot.key, value: slot.value, weights: []});
        rows.get(slot.slot).weights[column] = slot.weight;
      }
    });
  }
  const all = [...rows.values()];
  for (const row of all) {
    for (let i = 0; i < columns.length; ++i) row.weights[i] = row.weights[i] || 0;
    row.mass = row.weights.reduce((sum, weight) => sum + Math.max(0, weight), 0);
    row.name = row.key === row.value ? row.key : row.key + ' → ' + row.value;
  }
  all.sort((a, b) => b.mass - a.mass || a.slot - b.slot);
  if (all.length) columns.forEach((unused, i) => { all.reduce((best, row) => row.weights[i] > best.weights[i] ? row : best).most = true; });
  return {columns, rows: all};
}

// Whether a memory's value is one of the answers, or has it among its words.
const supports = (row, answers) => answers.some((answer) => ` ${row.value} `.includes(` ${answer} `));

// The fact "subject|relation|object" of a slot, or nothing if the slot is none.
function factOf(key, value) {
  for (const relation of info.relations || []) {
    if (key.endsWith(' ~' + relation)) return [value, relation, key.slice(0, -relation.length - 2)].join('|');
    if (key.endsWith(' ' + relation)) return [key.slice(0, -relation.length - 1), relation, value].join('|');
  }
  return null;
}

const pathText = (path) => path.start + path.steps.map((s) => (s.reversed ? ' ← ' : ' → ') + s.relation + (s.reversed ? ' – ' : ' – ') + s.entity).join('');

function showPaths(reply) {
  const paths = make('div', {}, make('h3', {}, 'Paths, and the words that chose each step'));
  for (const [p, path] of reply.paths.slice(0, 20).entries()) {
    const list = make('ol', {className: 'path', 'aria-label': pathText(path)}, make('li', {className: 'node'}, path.start));
    let from = path.start;
    for (const step of path.steps) {
      const fact = (step.reversed ? [step.entity, step.relation, from] : [from, step.relation, step.entity]).join('|');
      const out = make('button', {type: 'button', 'aria-label': 'Leave out: ' + fact}, 'leave out');
      out.addEventListener('click', () => change(() => memory.without.push(fact)));
      list.append(make('li', {className: 'edge'}, make('span', {}, (step.reversed ? '← ' : '') + step.relation + (step.reversed ? '' : ' →')),
        make('span', {}, percent(step.weight)), out), make('li', {className: 'node'}, step.entity));
      from = step.entity;
    }
    paths.append(list);
    if (p > 0) continue;
    path.steps.forEach((step, i) => {
      const words = (reply.words[i] || []).map((word) =>
        shade(make('span', {className: 'word', title: percent(word.weight)}, word.word), word.weight));
      paths.append(make('p', {className: 'soft'}, `hop ${step.hop}, ${step.relation}: `, ...words));
    });
  }
  return paths;
}

function showCandidates(reply, before) {
  const old = new Map((before ? before.candidates : []).map((one) => [one.text, one.weight]));
  const changed = before !== null;
  const rows = reply.candidates.map((one) => {
    const difference = one.weight - (old.get(one.text) || 0);
    const told = changed && make('td', {className: 'n ' + (difference < 0 ? 'down' : 'up')}, (difference < 0 ? '−' : '+') + percent(Math.abs(difference)));
    return make('tr', {}, make('td', {}, one.text), bar(one.weight), make('td', {className: 'n'}, percent(one.weight)), told || null);
  });
  for (const [name, weight] of old)
    if (!reply.candidates.some((one) => one.text === name))
      rows.push(make('tr', {}, make('td', {className: 'soft'}, name), bar(0), make('td', {className: 'n'}, '–'), make('td', {className: 'n down'}, '−' + percent(weight))));
  return table(changed ? 'Candidates, and the difference to the memory before' : 'Candidates', changed ? ['answer', '', 'weight', 'change'] : ['answer', '', 'weight'], rows);
}

// The answer that `before` is to be compared with is that to the same question.
function showAnswer(reply, text, before) {
  const said = reply.answers.length ? reply.answers.join(', ') : 'nothing here answers that';
  const notes = [];
  if (before && before.answers.join() !== reply.answers.join()) notes.push('before: ' + (before.answers.join(', ') || 'no answer'));
  if (reply.certainty !== undefined) notes.push('certainty ' + percent(reply.certainty));
  if (reply.taken_for) notes.push('taken for: ' + reply.taken_for);
  if (reply.unknown_words.length) notes.push('unknown words: ' + reply.unknown_words.join(', '));
  if (reply.suggestions.length) notes.push('did you mean: ' + reply.suggestions.join(', '));
  const asJson = make('button', {type: 'button'}, 'JSON'), asSvg = make('button', {type: 'button'}, 'SVG');
  asJson.addEventListener('click', () => download('answer.json', 'application/json', text));
  asSvg.addEventListener('click', () => download('answer.svg', 'image/svg+xml', svgOf(reply)));
  const map = weightsOf(reply);
  for (const row of map.rows) row.supports = supports(row, reply.answers);
  const parts = [make('p', {className: 'soft'}, reply.question), make('p', {className: 'said'}, said), make('p', {className: 'soft'}, notes.join(' · ')), showCandidates(reply, before)];
  if (reply.paths) parts.push(showPaths(reply));
  if (map.rows.length) parts.push(heatMap(`What each hop and head read, of ${reply.slots} memories`, map.columns, map.rows, leaveOut));
  parts.push(make('div', {className: 'tools'}, make('span', {className: 'soft'}, 'Save as'), asJson, asSvg));
  return parts;
}

function ownSlots() {
  return $('story').value.split('\n').filter((line) => line.trim()).map((line) => {
    const tab = line.indexOf('\t');
    return tab < 0 ? {key: line.trim()} : {key: line.slice(0, tab), value: line.slice(tab + 1)};
  });
}

function leaveOut(row) {
  const own = ownSlots();
  if (row.slot < own.length) {
    const lines = $('story').value.split('\n').filter((line) => line.trim());
    lines.splice(row.slot, 1);
    return change(() => { $('story').value = lines.join('\n'); });
  }
  const fact = factOf(row.key, row.value);
  if (fact) change(() => memory.without.push(fact));
  else tell('This memory is no fact, and cannot be left out.', true);
}

function showEdits() {
  const chip = (list, fact, name) => {
    const undo = make('button', {type: 'button', 'aria-label': 'Undo: ' + fact}, '✕');
    undo.addEventListener('click', () => change(() => list.splice(list.indexOf(fact), 1)));
    return make('span', {className: 'chip' + (name === 'without' ? ' out' : '')}, `${name === 'without' ? '' : '+ '}${fact}`, undo);
  };
  $('edits').replaceChildren(...memory.added.map((fact) => chip(memory.added, fact, 'added')), ...memory.without.map((fact) => chip(memory.without, fact, 'without')));
}

// Changes the memory and asks the last question again; the change is undone if the server refuses it.
async function change(action) {
  const before = {added: [...memory.added], without: [...memory.without], story: $('story').value};
  action();
  showEdits();
  tell('');
  if (!last) return;
  try {
    $('question').value = last.question;
    await ask();
  } catch (error) {
    memory.added = before.added;
    memory.without = before.without;
    $('story').value = before.story;
    showEdits();
    tell(error.message, true);
  }
}

async function ask() {
  const question = $('question').value;
  const body = {question, top: number('top'), slots: number('slots')};
  const own = ownSlots();
  if (own.length) body.memory = own;
  if (memory.added.length) body.add = memory.added;
  if (memory.without.length) body.without = memory.without;
  const {json, text} = await call('/v1/ask', body);
  const before = last && last.question === question && last.asked !== JSON.stringify(body) ? last.reply : null;
  last = {question, reply: json, asked: JSON.stringify(body)};
  $('answer').replaceChildren(...showAnswer(json, text, before));
  earlier = [question, ...earlier.filter((one) => one !== question)].slice(0, 100);
  place = -1;
  $('earlier').replaceChildren(...earlier.map((one) => make('option', {value: one})));
}

function startAsking() {
  on('ask-form', ask);
  on('fact-form', async () => {
    const fact = [$('subject').value, $('relation').value, $('object').value].join('|');
    await change(() => memory.added.push(fact));
  });
  $('relation').replaceChildren(...(info.relations || []).map((name) => make('option', {value: name}, name)));
  $('edit-box').hidden = !(info.relations || []).length || !info.memory_slots;
  if (!info.memory_slots) $('story-box').open = true;
  $('pin').addEventListener('click', () => {
    $('pinned').replaceChildren(...$('answer').childNodes);
    last = null;
  });
  $('question').addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown' || !event.altKey && $('question').value && place < 0) return;
    place = Math.min(earlier.length - 1, Math.max(-1, place + (event.key === 'ArrowUp' ? 1 : -1)));
    $('question').value = place < 0 ? '' : earlier[place];
    event.preventDefault();
  });
}

// --- Documents ---

// A passage with its sentence and the words that answer marked, its place, and what each word of the question counted.
function showPassage(words, one) {
  const at = one.passage.indexOf(one.text);
  const [before, after] = at < 0 ? ['', ''] : [one.passage.slice(0, at), one.passage.slice(at + one.text.length)];
  const start = one.span ? one.text.indexOf(one.span.text) : -1, end = start < 0 ? -1 : start + one.span.text.length;
  const sentence = start < 0 ? [one.text] : [one.text.slice(0, start), make('strong', {}, one.span.text), one.text.slice(end)];
  const counted = words.map((word, i) => shade(make('span', {className: 'word', title: percent(one.weights[i])}, word), one.weights[i]));
  const names = [one.title, ...one.headings].filter((text, i, all) => text && all.indexOf(text) === i).join(' › ');
  return make('article', {}, make('p', {}, before, make('mark', {}, ...sentence), after),
    make('p', {className: 'soft'}, [`${one.file}:${one.line}:${one.column}`, names, 'confidence ' + one.confidence.toFixed(2)].filter((part) => part).join(' · ')),
    make('p', {className: 'soft'}, ...counted));
}

async function askDocuments() {
  const {json} = await call('/v1/documents', {question: $('asked').value, answers: number('sentences')});
  const none = json.answered ? null : make('p', {className: 'said'}, 'nothing here answers that' + (json.answers.length ? '; nearest is' : ''));
  const respelled = Object.entries(json.respelled).map(([word, as]) => make('p', {className: 'soft'}, `read "${word}" as "${as}"`));
  $('passages').replaceChildren(...[...respelled, none, ...json.answers.map((one) => showPassage(json.words, one))].filter((part) => part));
}

// --- Stores ---

async function search() {
  const path = `/v1/stores/${encodeURIComponent($('store').value)}/`;
  const numbers = $('query').value.trim().split(/[\s,]+/);
  let row = numbers.map(Number);
  if (numbers.length === 1) {
    const {json} = await call(path + 'get', {ids: [numbers[0]]});
    if (!json.slots[0].found) throw new Error('the store has no slot ' + numbers[0]);
    row = json.slots[0].key;
  }
  const {json} = await call(path + 'search', {queries: [row], k: number('k')});
  const slots = json.results[0].slots;
  const best = Math.max(...slots.map((slot) => Math.abs(slot.score)), 1e-9);
  const rows = slots.map((slot) => make('tr', {}, make('td', {className: 'n'}, String(slot.id)), make('td', {}, slot.text || ''), bar(Math.abs(slot.score) / best), make('td', {className: 'n'}, slot.score.toPrecision(5))));
  $('found').replaceChildren(table('Nearest slots', ['slot', 'text', '', 'score'], rows));
}

// --- Sequences ---

async function translate() {
  const {json} = await call('/v1/translate', {lines: [$('source').value], align: true, symbols: true, beam: number('beam')});
  const result = json.results[0].results[0], symbols = json.symbols[0];
  const parts = [make('p', {className: 'said'}, result.text), make('p', {className: 'soft'}, 'score ' + result.score.toFixed(3))];
  (result.weights || []).forEach((head, h) => {
    const target = [...symbols.targets[0], '(end)'];
    const rows = head.map((weights, t) => make('tr', {}, make('th', {scope: 'row'}, target[t] || ''), ...weights.map((weight, s) =>
      shade(make('td', {title: `${target[t]} read ${symbols.source[s]}: ${percent(weight)}`}, weight >= 0.095 ? (100 * weight).toFixed(0) : ''), weight))));
    const map = table(`What ${json.heads[h] || 'the head'} read, in percent: a row for each target symbol`, ['', ...symbols.source], rows);
    map.className = 'align';
    parts.push(make('div', {className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Alignment'}, map));
  });
  $('translated').replaceChildren(...parts);
}

// --- Events ---

async function recommend() {
  const body = {k: number('items'), explain: true};
  if ($('user').value) body.user = $('user').value;
  else body.events = $('events').value.split(';').map((item) => item.trim()).filter((item) => item);
  const {json} = await call('/v1/recommend', body);
  const most = Math.max(...json.recommendations.map((one) => one.score)), least = Math.min(...json.recommendations.map((one) => one.score));
  const rows = json.recommendations.map((one) => {
    const reasons = (one.reasons || []).map((reason) => make('div', {className: 'soft'}, `${reason.by} ${percent(reason.weight)}: ${reason.event}, ${new Date(reason.time * 1000).toISOString().slice(0, 16).replace('T', ' ')}`));
    return make('tr', {}, make('td', {}, one.name, ...reasons), bar((one.score - least) / (most - least || 1)), make('td', {className: 'n'}, one.score.toPrecision(4)));
  });
  $('recommended').replaceChildren(table(`Items, and the past events that each rests on (of ${json.events})`, ['item', '', 'score'], rows));
}

// --- Sentences ---

async function rank() {
  const candidates = $('candidates').value.split('\n').map((line) => line.trim()).filter((line) => line);
  const {json} = await call('/v1/rank', {question: $('selected').value, candidates});
  const best = json.sentences[0].score, worst = json.sentences[json.sentences.length - 1].score;
  const rows = json.sentences.map((one) => make('tr', {}, make('td', {className: 'n'}, String(one.number + 1)), make('td', {}, one.sentence),
    bar((one.score - worst) / (best - worst || 1)), make('td', {className: 'n'}, one.score.toPrecision(4))));
  $('ranked').replaceChildren(table('Sentences, the likeliest answer first', ['line', 'sentence', '', 'score'], rows));
}

// --- Start ---

function open(name) {
  for (const section of document.querySelectorAll('main > section')) section.hidden = section.id !== name;
  for (const button of $('tabs').children) button.setAttribute('aria-pressed', button.dataset.name === name);
}

let started = false;  // a second token starts again, with the listeners that are there

async function start() {
  info = (await call('/v1/info')).json;
  $('token-form').hidden = true;
  const tasks = info.runs.map((run) => run.task).join();
  const tabs = [];
  if (info.relations) tabs.push(['ask', 'Ask', startAsking]);
  if (info.documents) tabs.push(['documents', 'Documents', () => on('documents-form', askDocuments)]);
  if (info.stores.length) tabs.push(['stores', 'Stores', () => on('store-form', search)]);
  if (tasks.includes('sequence')) tabs.push(['translate', 'Translate', () => on('translate-form', translate)]);
  if (tasks.includes('selection')) tabs.push(['rank', 'Rank', () => on('rank-form', rank)]);
  if (tasks.includes('recommend')) tabs.push(['recommend', 'Recommend', () => on('recommend-form', recommend)]);
  $('store').replaceChildren(...info.stores.map((store) => make('option', {value: store.name}, `${store.name} (${store.slots})`)));
  $('tabs').replaceChildren(...tabs.map(([name, title]) => {
    const button = make('button', {type: 'button', 'aria-pressed': 'false'}, title);
    button.dataset.name = name;
    button.addEventListener('click', () => open(name));
    return button;
  }));
  if (!started) for (const [, , begin] of tabs) begin();
  started = true;
  // A link may fill in a question; only a person asks it.
  const question = new URLSearchParams(location.search).get('q');
  if (question) $('question').value = question;
  if (tabs.length) open(tabs[0][0]);
  tell('');
}

on('token-form', async () => {
  token = $('token').value;
  await start();
});
start().catch((error) => tell(error.message, true));
