// Checks fact tables and question templates, and prints what is in them:
//
//   node check-almanac.mjs DIR     DIR holds *.tsv tables, templates.tsv, paraphrases.tsv and LICENSES.txt
//
// Exit 1 when a rule is broken. It reads the files on its own and shares no code with what writes them.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const dir = process.argv[2];
if (!dir) throw new Error("usage: check-almanac.mjs DIR");

const problems = [];
const wrong = (where, what) => problems.push(`${where}: ${what}`);

const linesOf = (file) => {
    const bytes = readFileSync(join(dir, file));
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (/[\0\r\ufeff\ufffd\u200e\u200f]/.test(text)) wrong(file, "holds a NUL, CR, byte-order mark or invisible mark");
    if (text.normalize("NFC") !== text) wrong(file, "is not in Unicode's composed form");
    if (!text.endsWith("\n")) wrong(file, "does not end with a newline");
    return text.replace(/\n$/, "").split("\n");
};

// The words of a text: letters and digits, with inner apostrophes, periods and hyphens.
const wordsOf = (text) => text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+(?:['.-][\p{L}\p{M}\p{N}]+)*/gu) ?? [];

const placeholder = /^(unknown|n\/a|none|null|undefined|nan|tbd|-|\?)$|\bunknown\b/i;

const checkName = (where, name) => {
    if (name === "") wrong(where, "empty name");
    if (name !== name.trim() || /\s\s/.test(name)) wrong(where, `untidy spaces in "${name}"`);
    if (/[[\]{}]/.test(name)) wrong(where, `bracket in "${name}"`);
    if (placeholder.test(name)) wrong(where, `placeholder "${name}"`);
    if (wordsOf(name).length === 0) wrong(where, `no word in "${name}"`);
};

// A table: {file, relations, subjects, facts: [[subject, relation, object]...]}.
const readTable = (file) => {
    const table = { file, relations: null, subjects: [], facts: [], comments: [] };
    const seen = new Set();
    linesOf(file).forEach((line, i) => {
        const where = `${file}:${i + 1}`;
        if (line.startsWith("#")) {
            if (table.relations) wrong(where, "comment after the table began");
            table.comments.push(line);
            return;
        }
        const [subject, ...cells] = line.split("\t");
        if (!table.relations) {
            if (subject !== "@table" || cells.shift() !== "subject") wrong(where, "expected @table<TAB>subject<TAB>...");
            if (new Set(cells).size !== cells.length) wrong(where, "a relation twice");
            for (const r of cells) if (!/^[a-z][a-z0-9_]*$/.test(r)) wrong(where, `relation "${r}" is not snake_case`);
            table.relations = cells;
            return;
        }
        checkName(where, subject);
        if (subject.includes("|")) wrong(where, `"|" in "${subject}"`);
        if (seen.has(subject.toLowerCase())) wrong(where, `subject "${subject}" twice`);
        seen.add(subject.toLowerCase());
        if (table.subjects.length && !(table.subjects.at(-1) < subject)) wrong(where, "not sorted");
        table.subjects.push(subject);
        if (cells.length !== table.relations.length) wrong(where, `${cells.length} cells for ${table.relations.length}`);
        cells.forEach((cell, c) => {
            const objects = cell === "" ? [] : cell.split("|");
            if (new Set(objects).size !== objects.length) wrong(where, `an object twice in "${cell}"`);
            for (const object of objects) {
                checkName(where, object);
                table.facts.push([subject, table.relations[c], object]);
            }
        });
    });
    const head = table.comments.join("\n");
    for (const need of [/source:.*\d+\.\d+\.\d+/i, /license:/i, /copyright/i])
        if (!need.test(head)) wrong(file, `comments lack ${need}`);
    return table;
};

const isTable = (file) => file.endsWith(".tsv") && linesOf(file).some((line) => line.startsWith("@table\t"));
const tables = readdirSync(dir).filter(isTable).sort().map(readTable);
const facts = tables.flatMap((t) => t.facts);
const known = new Set(facts.map((f) => f[1]));
const names = new Set(facts.flatMap((f) => [f[0], f[2]]));

// ---- templates ------------------------------------------------------------------------------------------------

const stop = new Set(
    ("a an and are as at be been by can could did do does for from had has have he her his how i if in is it its me my " +
        "of on one or our own please she so some tell that the their them there these they this those to under was we " +
        "were what when where which who whom whose why will with would you your").split(" "),
);
const content = (phrasing) => wordsOf(phrasing.replace("{}", " ")).filter((w) => !stop.has(w));

const templates = new Map(); // relation, or path "relation > relation" -> {train: [...], test: [...]}
const phrasings = new Map(); // phrasing's words -> relation
linesOf("templates.tsv").forEach((line, i) => {
    if (line === "" || line.startsWith("#")) return;
    const where = `templates.tsv:${i + 1}`;
    const [relation, phrasing, set, ...rest] = line.split("\t");
    if (rest.length || !["train", "test"].includes(set)) return wrong(where, "expected relation<TAB>phrasing<TAB>train|test");
    for (const step of relation.split(" > "))
        if (!known.has(step.replace(/^~/, ""))) wrong(where, `no table has the relation "${step}"`);
    if (phrasing.split("{}").length !== 2) wrong(where, "{} must stand in it exactly once");
    if (phrasing !== phrasing.trim().toLowerCase()) wrong(where, "untidy or not in lower case");
    const key = phrasing.replace("{}", "_").replace(/[^\p{L}\p{N}_]+/gu, " ").trim();
    if (phrasings.has(key)) wrong(where, `the phrasing of ${phrasings.get(key)} again`);
    phrasings.set(key, relation);
    if (!templates.has(relation)) templates.set(relation, { train: [], test: [] });
    templates.get(relation)[set].push(phrasing);
});

const relations = [...known].flatMap((r) => [r, `~${r}`]);
const paths = [...templates.keys()].filter((r) => r.includes(" > ")).sort((a, b) => a.split(">").length - b.split(">").length);
for (const relation of [...relations, ...paths]) {
    const { train, test } = templates.get(relation) ?? { train: [], test: [] };
    const least = paths.includes(relation) ? { train: 6, test: 2 } : { train: 8, test: 3 };
    if (train.length < least.train || test.length < least.test) wrong(relation, `${train.length} train and ${test.length} test phrasings`);
    const taught = new Set(train.flatMap(content));
    for (const phrasing of test)
        for (const word of content(phrasing))
            if (!taught.has(word)) wrong(relation, `"${word}" of the test phrasing "${phrasing}" is in no train phrasing`);
}

// A paraphrase shares no content word with any phrasing of its relation.
const paraphrases = new Map(); // relation -> count
linesOf("paraphrases.tsv").forEach((line, i) => {
    if (line === "" || line.startsWith("#")) return;
    const [relation, phrasing] = line.split("\t");
    paraphrases.set(relation, (paraphrases.get(relation) ?? 0) + 1);
    const { train, test } = templates.get(relation) ?? { train: [], test: [] };
    const taught = new Set([...train, ...test].flatMap(content));
    for (const word of content(phrasing))
        if (taught.has(word)) wrong(`paraphrases.tsv:${i + 1}`, `"${word}" is in a phrasing of ${relation}`);
});
for (const relation of known) if (paraphrases.get(relation) !== 5) wrong("paraphrases.tsv", `${relation} lacks five`);

// Names that a phrasing spells by accident could be read as entities. (Indium's "In" and other stop words are let be.)
const spelled = new Map();
for (const name of names) spelled.set(wordsOf(name).join(" "), name);
for (const { train, test } of templates.values())
    for (const phrasing of [...train, ...test])
        for (const part of phrasing.split("{}")) {
            const words = wordsOf(part);
            for (let from = 0; from < words.length; ++from)
                for (let to = from + 1; to <= words.length; ++to) {
                    const name = spelled.get(words.slice(from, to).join(" "));
                    if (name && !(to - from === 1 && stop.has(words[from])))
                        wrong("templates.tsv", `"${phrasing}" spells the name "${name}"`);
                }
        }

// ---- licenses -------------------------------------------------------------------------------------------------

const licenses = linesOf("LICENSES.txt").join("\n");
for (const table of tables) {
    const named = table.comments.join(" ").match(/npm package (\S+) (\S+),?/);
    if (!named) wrong(table.file, "names no package");
    else if (!licenses.includes(`${named[1]} ${named[2].replace(/[,.]$/, "")}`)) wrong("LICENSES.txt", `lacks ${named[1]}`);
}

// ---- report ---------------------------------------------------------------------------------------------------

const row = (...cells) => console.log(cells.map((c, i) => (i ? String(c).padStart(9) : String(c).padEnd(22))).join(""));
row("file", "subjects", "relations", "facts");
for (const t of tables) row(t.file, t.subjects.length, t.relations.length, t.facts.length);
row("all", tables.reduce((n, t) => n + t.subjects.length, 0), known.size, facts.length);

const keys = new Map(); // "relation\tentity" -> answers
for (const [subject, relation, object] of facts)
    for (const [key, answer] of [[`${relation}\t${subject}`, object], [`~${relation}\t${object}`, subject]]) {
        if (!keys.has(key)) keys.set(key, new Set());
        keys.get(key).add(answer);
    }
console.log();
row("relation", "facts", "keys", ">20", "most", "train", "test");
const total = { keys: 0, many: 0, train: 0, test: 0 };
for (const relation of relations) {
    const sizes = [...keys].filter(([key]) => key.startsWith(`${relation}\t`)).map(([, answers]) => answers.size);
    const many = sizes.filter((n) => n > 20).length;
    const { train = [], test = [] } = templates.get(relation) ?? {};
    row(relation, sizes.reduce((a, b) => a + b, 0), sizes.length, many, Math.max(...sizes), train.length, test.length);
    total.keys += sizes.length;
    total.many += many;
    total.train += train.length;
    total.test += test.length;
}
row("all", 2 * facts.length, total.keys, total.many, "", total.train, total.test);

// What a path reaches from an entity: never the entity itself; nothing when a step reaches more than `most`.
const most = 100;
const follow = (entity, path) => {
    let reached = new Set([entity]);
    for (const step of path) {
        reached = new Set([...reached].flatMap((e) => [...(keys.get(`${step}\t${e}`) ?? [])]));
        reached.delete(entity);
        if (reached.size > most) return new Set();
    }
    return reached;
};

console.log();
const wide = (path, ...cells) => console.log(path.padEnd(50) + cells.map((c) => String(c).padStart(7)).join(""));
wide("path", "keys", ">20", "most", "train", "test");
const sums = { phrasings: [0, 0], keys: 0 };
for (const path of paths) {
    const steps = path.split(" > ");
    const begins = [...keys.keys()].filter((key) => key.startsWith(`${steps[0]}\t`)).map((key) => key.split("\t")[1]);
    const sizes = begins.map((entity) => follow(entity, steps).size).filter((size) => size > 0);
    if (!sizes.length) wrong(path, "leads nowhere");
    const { train, test } = templates.get(path);
    wide(path, sizes.length, sizes.filter((n) => n > 20).length, Math.max(...sizes), train.length, test.length);
    sums.keys += sizes.length;
    sums.phrasings = [sums.phrasings[0] + train.length, sums.phrasings[1] + test.length];
}
wide(`all ${paths.length} paths`, sums.keys, "", "", ...sums.phrasings);

console.log("\nanswers of a key    keys");
for (const [from, to] of [[1, 1], [2, 5], [6, 20], [21, 100], [101, 1000], [1001, Infinity]]) {
    const count = [...keys.values()].filter((a) => a.size >= from && a.size <= to).length;
    console.log(`${(from === to ? `${from}` : to === Infinity ? `${from} and more` : `${from} to ${to}`).padEnd(16)}${String(count).padStart(8)}`);
}

const kinds = new Map();
for (const t of tables) for (const s of t.subjects) kinds.set(s, [...(kinds.get(s) ?? []), t.file.replace(".tsv", "")]);
const shared = [...kinds].filter(([, k]) => k.length > 1).map(([s, k]) => `${s} (${k.join(", ")})`);
const folded = new Map();
for (const n of names) folded.set(wordsOf(n).join(" "), [...(folded.get(wordsOf(n).join(" ")) ?? []), n]);
const alike = [...folded.values()].filter((n) => n.length > 1);
console.log(`\nentities: ${names.size}; subjects of two tables: ${shared.join(", ") || "none"}`);
console.log(`names alike but for case and signs: ${alike.length} groups, as in ${alike.slice(0, 8).map((n) => n.join(" = ")).join(", ")}`);
console.log(`names that are stop words: ${[...names].filter((n) => stop.has(n.toLowerCase())).sort().join(", ")}`);

for (const problem of problems) console.error(`error: ${problem}`);
if (problems.length) process.exit(1);
console.log("\nall rules hold");
