// Runs exported graphs in ONNX Runtime and compares their outputs with kvmem's own numbers.
//
//   node run.mjs cases.json     exits with 1 where numbers differ, with 77 without onnxruntime-node
//
// A case is a list of runs: { model, inputs: { name: tensor }, expected: { name: tensor } }. Outputs become inputs of the
// next runs of the case by their names, next_x as x. KVMEM_BENCH_PEERS names the folder where npm installed onnxruntime-node.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

let ort;
try {
    ort = createRequire(`${process.env.KVMEM_BENCH_PEERS}/`)('onnxruntime-node');
} catch {
    process.exit(77);
}

const tensor = ({ type, dims, data }) =>
    new ort.Tensor(type, type === 'int64' ? BigInt64Array.from(data, BigInt) : Float32Array.from(data), dims);

// The largest difference, of numbers above one relative to them; NaN where shapes differ.
const difference = (found, { dims, data }) =>
    found.dims.join() !== dims.join() ? NaN :
    data.reduce((worst, x, i) => Math.max(worst, Math.abs(found.data[i] - x) / Math.max(1, Math.abs(x))), 0);

const tolerance = 1e-5;
const file = process.argv[2], sessions = new Map();
let worst = 0, failed = 0;
for (const { name, runs } of JSON.parse(readFileSync(file))) {
    const values = {};
    for (const { model, inputs, expected } of runs) {
        if (!sessions.has(model))
            sessions.set(model, await ort.InferenceSession.create(join(dirname(file), model),
                { executionProviders: ['cpu'], intraOpNumThreads: 1 }));
        const session = sessions.get(model);
        for (const [input, value] of Object.entries(inputs)) values[input] = tensor(value);
        const outputs = await session.run(Object.fromEntries(session.inputNames.map(input => [input, values[input]])));
        for (const [output, value] of Object.entries(outputs)) values[output.replace(/^next_/, '')] = value;
        for (const [output, value] of Object.entries(expected)) {
            const d = difference(outputs[output], value);
            worst = Math.max(worst, d);
            if (d <= tolerance) continue;
            console.log(`${name}: ${output} of ${model} differs by ${d}`);
            ++failed;
        }
    }
}
console.log(`largest difference ${worst}`);
process.exit(failed > 0 ? 1 : 0);
