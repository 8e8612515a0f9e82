// Writes prose/elements.tsv and prose/countries.tsv from unpacked packages of Debian. Called by make-prose.sh:
//
//   node make-prose.mjs PACKAGES ALMANAC     PACKAGES holds usr/share/dictd and usr/share/wordnet
//
// Lines are title<TAB>text, in the words of the packages. A heading of one word becomes the title, as the tables spell it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const [packages, almanac] = process.argv.slice(2);
if (!almanac) throw new Error("usage: make-prose.mjs PACKAGES ALMANAC");

const rows = (file) =>
    readFileSync(join(almanac, file), "utf8").split("\n").filter((line) => line && !/^[#@]/.test(line)).map((line) => line.split("\t"));
const write = (file, documents) =>
    writeFileSync(join(almanac, "prose", file), documents.map((cells) => cells.join("\t") + "\n").join(""));
const oneLine = (text) => text.replace(/\s+/g, " ").trim();
const sentence = (text) => text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

// ---- elements: "hydrogen\nSymbol: H\nAtomic number: 1\nAtomic weight: 1.0079\nColourless, ..." -----------------

const lastOfTheAuthor = 103; // later elements have Wikipedia's texts, under its license
const entries = gunzipSync(readFileSync(join(packages, "usr/share/dictd/elements.dict.dz"))).toString("utf8");
const described = new Map();
for (const entry of entries.split(/\n\n+/)) {
    const found = /^\s*(\w+)\s*\n\s*(Symbol: \w+)\s*\n\s*(Atomic number: (\d+))\s*\n\s*(Atomic weight: [^\n]+)\n([^]*)$/.exec(entry);
    if (!found || Number(found[4]) > lastOfTheAuthor) continue;
    const [, name, symbol, number, , weight, text] = found;
    described.set(name.toLowerCase(), oneLine([symbol, number, weight].map((part) => sentence(oneLine(part))).join(" ") + " " + text.replace(/[{}]/g, "")));
}
const spellings = { Aluminum: "aluminium", Cesium: "caesium", Sulfur: "sulphur" };
write("elements.tsv", rows("elements.tsv").flatMap(([name]) => {
    const text = described.get(name.toLowerCase()) ?? described.get(spellings[name]);
    return text ? [[name, text]] : [];
}));

// ---- countries and capitals: glosses of nouns for places -------------------------------------------------------

const places = "15"; // WordNet's file of nouns for places
const glosses = new Map(); // of a name in lower case, in the order of the file
for (const line of readFileSync(join(packages, "usr/share/wordnet/data.noun"), "utf8").split("\n")) {
    const [data, gloss] = line.split(" | ");
    const fields = data.split(" ");
    if (!gloss || fields[1] !== places) continue;
    const words = Number.parseInt(fields[3], 16);
    for (let i = 0; i < words; ++i) {
        const name = fields[4 + 2 * i].replaceAll("_", " ").toLowerCase();
        glosses.set(name, [...(glosses.get(name) ?? []), oneLine(gloss.replace(/; ".*$/, ""))]);
    }
}
const about = (name, kind) => (glosses.get(name.toLowerCase()) ?? []).find((gloss) => kind.test(gloss));
const country = /\b(republic|country|nation|kingdom|monarchy|sultanate|principality|emirates?|duchy|federation|islands?|colony|territory|state)\b/;
const documents = [];
for (const [name, capitals] of rows("countries.tsv")) {
    const gloss = about(name, country);
    if (gloss) documents.push([name, sentence(`${name}: ${gloss}`)]);
    for (const capital of capitals.split("|").filter(Boolean)) {
        const described = about(capital, /\bcapital\b/);
        // A city of another country may have the same name.
        if (described && described.includes(name)) documents.push([capital, sentence(`${capital}: ${described}`)]);
    }
}
write("countries.tsv", documents);
