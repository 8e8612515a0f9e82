// Writes films.tsv, countries.tsv and elements.tsv from unpacked npm packages. Called by make-almanac.sh:
//
//   node make-almanac.mjs PACKAGES OUT     PACKAGES holds vega-datasets/, countries-list/, periodic-table/
//
// The tables say what the packages say. What is mended or left out is mended here, each with its reason.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [packages, out] = process.argv.slice(2);
if (!out) throw new Error("usage: make-almanac.mjs PACKAGES OUT");

const read = (...path) => readFileSync(join(packages, ...path), "utf8");
const readJson = (...path) => JSON.parse(read(...path));

// Unicode in composed form, without the invisible marks of writing direction, and with single spaces.
const tidy = (text) => String(text).normalize("NFC").replace(/[\u200e\u200f]/g, "").replace(/\s+/g, " ").trim();

const cell = (objects) => {
    const names = [objects].flat().filter((o) => o !== null && o !== undefined).map(tidy).filter(Boolean);
    for (const name of names) if (/[|[\]]/.test(name)) throw new Error(`name with a reserved character: ${name}`);
    return [...new Set(names)].join("|");
};

// `rows` are objects {subject, relation: object or objects...}; subjects without any fact are left out.
const writeTable = (file, comments, relations, rows) => {
    const lines = rows
        .map((row) => [tidy(row.subject), ...relations.map((r) => cell(row[r]))])
        .filter((cells) => cells.slice(1).some(Boolean))
        .sort((a, b) => (a[0] < b[0] ? -1 : 1));
    const head = [...comments.map((c) => `# ${c}`), ["@table", "subject", ...relations].join("\t")];
    writeFileSync(join(out, file), [...head, ...lines.map((cells) => cells.join("\t"))].join("\n") + "\n");
};

// The licenses that the packages ship must stand in LICENSES.txt word by word.
const licenses = readFileSync(join(out, "LICENSES.txt"), "utf8");
for (const name of ["countries-list", "periodic-table"])
    if (!licenses.includes(read(name, "LICENSE").replace(/\r/g, "").trim())) throw new Error(`LICENSES.txt lacks ${name}'s`);

// ---- films ----------------------------------------------------------------------------------------------------

// Titles were Windows-1252 read as Mac Roman: "LÈon". These are all the letters that it happened to.
const mended = { È: "é", Í: "ê", "˘": "ù", Ö: "…", Ω: "½", Û: "ó", "‰": "ä", "‡": "à", Ë: "è", "·": "á", Ù: "ô", Î: "ë" };

const title = (film) => {
    // Missing, or a bare number ("300", "1941") that cannot be told from a year or a count.
    if (typeof film.Title !== "string" || /^\d+$/.test(film.Title)) return null;
    const text = tidy(film.Title.replace(/[ÈÍ˘ÖΩÛ‰‡Ë·ÙÎ]/g, (c) => mended[c]));
    return text.replace(/^(.*), (The|A|An)$/, "$2 $1"); // "Secret, The"
};

const year = (film) => {
    const date = film["Release Date"];
    if (!date || date === "Dec 31 1969") return null; // time zero of a computer's clock: not known
    const number = Number(date.slice(-4));
    // Two-digit years of 1915 to 1946 were read as 2015 to 2046; the data ends in 2011.
    return String(number > 2011 ? number - 100 : number);
};

const without = (value, ...placeholders) => (placeholders.includes(value) ? null : value);

const films = () => {
    const all = readJson("vega-datasets", "data", "movies.json").filter((film) => title(film));
    const times = new Map();
    for (const film of all) times.set(title(film).toLowerCase(), (times.get(title(film).toLowerCase()) ?? 0) + 1);
    return all.map((film) => ({
        subject: times.get(title(film).toLowerCase()) > 1 ? `${title(film)} (${year(film)})` : title(film),
        directed_by: film.Director?.replaceAll('""', '"'),
        released_in: year(film),
        has_genre: film["Major Genre"],
        rated: without(film["MPAA Rating"], "Open"), // no rating of the MPAA's
        distributed_by: without(film.Distributor, "Distributor Unknown"),
        has_creative_type: without(film["Creative Type"], "Multiple Creative Types"),
        has_source: film.Source,
        runs_for: film["Running Time min"] && `${film["Running Time min"]} minutes`,
    }));
};

writeTable(
    "films.tsv",
    [
        "Films: who made them, when, and of what kind.",
        "Source: npm package vega-datasets 3.2.1, data/movies.json. License: BSD-3-Clause (the package's; it states none",
        "for this file). Copyright (c) 2015, University of Washington Interactive Data Lab. See README.md, LICENSES.txt.",
    ],
    ["directed_by", "released_in", "has_genre", "rated", "distributed_by", "has_creative_type", "has_source", "runs_for"],
    films(),
);

// ---- countries ------------------------------------------------------------------------------------------------

// ISO 4217's codes of funds and units of account, which nobody pays with.
const funds = new Set(["BOV", "CHE", "CHW", "CLF", "USN", "UYI"]);

// Languages that the package calls by their country's name.
const languageNames = { so: "Somali", to: "Tongan" };

const countries = () => {
    const list = readJson("countries-list", "countries.min.json");
    const continents = readJson("countries-list", "continents.min.json");
    const currencies = readJson("countries-list", "currencies.all.min.json");
    const languages = readJson("countries-list", "languages.all.min.json");
    const alpha3 = readJson("countries-list", "minimal", "countries.2to3.min.json");
    return Object.entries(list).map(([code, country]) => {
        const money = country.currency.filter((c) => !funds.has(c));
        // Papiamento (pap) of Aruba and Curacao is given as Punjabi (pa).
        const spoken = country.languages.filter((l) => !(l === "pa" && ["AW", "CW"].includes(code)));
        return {
            subject: country.name,
            has_capital: country.capital,
            uses_currency: money.map((c) => currencies[c].name),
            has_currency_code: money,
            speaks: spoken.map((l) => languageNames[l] ?? languages[l].name),
            on_continent: (country.continents ?? [country.continent]).map((c) => continents[c]),
            has_calling_code: country.phone.map((p) => `+${p}`),
            has_alpha2_code: code,
            has_alpha3_code: alpha3[code],
            // Only names that differ from the English one; the one of 50 characters is cut off in the package.
            has_native_name: tidy(country.native) === tidy(country.name) || country.native.length >= 50 ? null : country.native,
        };
    });
};

writeTable(
    "countries.tsv",
    [
        "Countries and territories.",
        "Source: npm package countries-list 3.4.1. License: MIT. Copyright (c) 2014 Annexare Studio. See LICENSES.txt.",
    ],
    [
        "has_capital", "uses_currency", "has_currency_code", "speaks", "on_continent",
        "has_calling_code", "has_alpha2_code", "has_alpha3_code", "has_native_name",
    ],
    countries(),
);

// ---- elements -------------------------------------------------------------------------------------------------

// As they are said, because a reader of words does not see signs: "plus 2", "minus 1".
const oxidationState = (text) => (text.startsWith("-") ? `minus ${text.slice(1)}` : `plus ${text}`);

const elements = () =>
    readJson("periodic-table", "data.json").map((e) => ({
        subject: e.name,
        has_symbol: e.symbol,
        has_atomic_number: e.atomicNumber,
        in_group_block: e.groupBlock,
        discovered_in: without(e.yearDiscovered, "Ancient"), // no year
        has_standard_state: e.standardState,
        has_bonding: e.bondingType && `${e.bondingType} bonding`,
        has_oxidation_state: String(e.oxidationStates).split(",").map(tidy).filter(Boolean).map(oxidationState),
    }));

writeTable(
    "elements.tsv",
    [
        "Chemical elements.",
        "Source: npm package periodic-table 0.0.8, data.json. License: ISC. Copyright (c) 2015, Chris Andrejewski.",
        "See LICENSES.txt.",
    ],
    [
        "has_symbol", "has_atomic_number", "in_group_block", "discovered_in", "has_standard_state", "has_bonding",
        "has_oxidation_state",
    ],
    elements(),
);
